using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Generation.Embeddings;
using Heed.Generation.Understanding;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Cli.Predictions;

/// <summary>What was predicted for a text.</summary>
/// <param name="Json">As a line of JSON.</param>
/// <param name="Lines">As a person reads it: two columns, the second beside the first.</param>
internal sealed record PredictedRow(JsonObject Json, IReadOnlyList<PredictedLine> Lines);

/// <summary>A line of what was predicted.</summary>
/// <param name="What">A class, an entity's text, an answer.</param>
/// <param name="Score">Its probability or number; NaN: none.</param>
/// <param name="Detail">What else is known of it.</param>
internal sealed record PredictedLine(string What, double Score, string Detail = "");

/// <summary>The settings of <c>heed predict</c>; null: as the model's folder or the library has it.</summary>
internal sealed record PredictSettings
{
    public int? Top { get; init; }

    public double? Threshold { get; init; }

    public EntityAggregation? Aggregation { get; init; }

    public int? Stride { get; init; }

    public bool Truncate { get; init; }

    public IReadOnlyList<string>? Labels { get; init; }

    public string? Template { get; init; }

    public bool Several { get; init; }

    public bool MayBeMissing { get; init; }

    public int? LongestAnswer { get; init; }

    public string? Task { get; init; }

    public int? MaxNewTokens { get; init; }

    public bool Explain { get; init; }

    public bool CodePoints { get; init; }
}

/// <summary>Predicts for texts by the model's head.</summary>
/// <param name="model">The model.</param>
/// <param name="settings">How.</param>
internal sealed class Predictor(HeedModel model, PredictSettings settings)
{
    /// <summary>Classes shown to a person unless <c>--top-k</c> says otherwise.</summary>
    private const int Shown = 5;

    /// <summary>The prompt of a language model that chooses a label.</summary>
    private const string Prompt = "Text: {text}\nLabel:";

    /// <summary>Texts so far that were longer than the model reads, and cut.</summary>
    public int Cut { get; private set; }

    /// <summary>Predicts for some texts.</summary>
    public IReadOnlyList<PredictedRow> Predict(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
        => model.Model switch
        {
            SequenceClassifier when settings.Labels is not null => Labels(inputs, cancellationToken),
            SequenceClassifier => Classes(inputs, cancellationToken),
            TokenClassifier => Entities(inputs, cancellationToken),
            QuestionAnswerer => Answers(inputs, cancellationToken),
            MaskedLanguageModel => Fillings(inputs, cancellationToken),
            SequenceToSequenceModel => Rewritings(inputs, cancellationToken),
            CausalLanguageModel => Labels(inputs, cancellationToken),
            _ when model.HasVectorHead => ClassesOfVectors(inputs, cancellationToken),
            _ => throw new InputException($"{model.Folder}: {model.Model.Architecture} has no head that predicts. Open a model with one."),
        };

    private PredictedRow[] Classes(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
    {
        TextReading reading = model.Reading;
        bool[] cut = new bool[inputs.Count];
        TokenEncoding[] texts = [.. inputs.Select((input, i) => Encode(reading, input, out cut[i]))];
        float[][] logits = TextClassification.Logits(reading, texts, cancellationToken);
        return [.. inputs.Select((input, i) =>
        {
            Prediction[] all = TextClassification.Predictions(reading, logits[i], null, null);
            JsonObject json = Begin(input, "predictions", Scored(all, p => (p.Label, p.Score)));
            if (cut[i]) json["cut"] = true;
            if (TextClassification.KindOf(TextClassification.Classifier(reading), all.Length) == ClassificationKind.MultiLabel)
                json["labels"] = new JsonArray([.. all.Where(p => p.Score >= reading.Calibration.ThresholdOf(p.Label)).Select(p => (JsonNode)p.Label)]);
            List<PredictedLine> lines = [.. Kept(all, p => p.Score).Take(settings.Top ?? Shown)
                .Select(p => new PredictedLine(p.Label, p.Score))];
            if (settings.Explain) Explain(reading, input, texts[i], logits[i], json, lines, cancellationToken);
            return new PredictedRow(json, lines);
        })];
    }

    private PredictedRow[] ClassesOfVectors(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
    {
        if (inputs.FirstOrDefault(i => !string.IsNullOrEmpty(i.Second)) is not null)
            throw new InputException($"{model.Folder}: reads classes from the vector of one text, and a pair was given. Give single texts.");
        IReadOnlyList<IReadOnlyList<Prediction>> all = model.Classify([.. inputs.Select(i => i.Text)], cancellationToken: cancellationToken);
        return [.. inputs.Select((input, i) => new PredictedRow(
            Begin(input, "predictions", Scored(all[i], p => (p.Label, p.Score))),
            [.. Kept(all[i], p => p.Score).Take(settings.Top ?? Shown).Select(p => new PredictedLine(p.Label, p.Score))]))];
    }

    private TokenEncoding Encode(TextReading reading, PredictInput input, out bool isCut)
    {
        string? second = string.IsNullOrEmpty(input.Second) ? null : input.Second;
        TokenEncoding whole = reading.Encode(input.Text, second);
        isCut = whole.Count > reading.Limit;
        if (!isCut) return whole;
        Cut++;
        return reading.Encode(input.Text, second, cut: true);
    }

    private PredictedRow[] Labels(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
    {
        string[] texts = [.. inputs.Select(i => i.Text)];
        IReadOnlyList<IReadOnlyList<Prediction>> found = model.Model is CausalLanguageModel
            ? model.ClassifyByPrompt(texts, settings.Template ?? Prompt, settings.Labels!, cancellationToken: cancellationToken)
            : model.ClassifyAs(texts, settings.Labels!, settings.Template ?? ZeroShot.Template, settings.Several, cancellationToken);
        return [.. inputs.Select((input, i) => new PredictedRow(Begin(input, "predictions", Scored(found[i], p => (p.Label, p.Score))),
            [.. Kept(found[i], p => p.Score).Take(settings.Top ?? int.MaxValue).Select(p => new PredictedLine(p.Label, p.Score))]))];
    }

    private PredictedRow[] Entities(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
    {
        EntityOptions options = new() { Stride = settings.Stride, Truncate = settings.Truncate };
        if (settings.Aggregation is { } aggregation) options = options with { Aggregation = aggregation };
        IReadOnlyList<IReadOnlyList<Entity>> found = model.FindEntities([.. inputs.Select(i => i.Text)], options, cancellationToken);
        return [.. inputs.Select((input, i) =>
        {
            Entity[] kept = [.. Kept(found[i], e => e.Score)];
            JsonArray list = [];
            foreach (Entity e in kept)
            {
                (int start, int end) = Places(input.Text, e.Start, e.End);
                list.Add((JsonNode)new JsonObject { ["label"] = e.Label, ["text"] = e.Text, ["start"] = start, ["end"] = end,
                    ["score"] = e.Score });
            }

            return new PredictedRow(Begin(input, "entities", list), [.. kept.Select(e => new PredictedLine(e.Text, e.Score, e.Label))]);
        })];
    }

    private PredictedRow[] Answers(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
    {
        QuestionOptions options = new() { Top = settings.Top ?? 1, MayBeMissing = settings.MayBeMissing, Stride = settings.Stride };
        if (settings.LongestAnswer is { } longest) options = options with { LongestAnswer = longest };
        IReadOnlyList<IReadOnlyList<Answer>> found = model.FindAnswers([.. inputs.Select(i => new TextPair(i.Text, i.Second!))], options,
            cancellationToken);
        return [.. inputs.Select((input, i) =>
        {
            Answer[] kept = [.. Kept(found[i], a => a.Score)];
            JsonArray list = [];
            foreach (Answer a in kept)
            {
                (int start, int end) = Places(input.Second!, a.Start, a.End);
                list.Add((JsonNode)new JsonObject { ["text"] = a.Text, ["start"] = start, ["end"] = end, ["score"] = a.Score });
            }

            JsonObject json = new() { ["question"] = input.Text, ["context"] = input.Second, ["answers"] = list };
            if (input.Line is { } line) json.Insert(0, "line", line);
            return new PredictedRow(json, [.. kept.Select(a => new PredictedLine(a.Text.Length > 0 ? a.Text : "(no answer)", a.Score))]);
        })];
    }

    private PredictedRow[] Fillings(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
    {
        IReadOnlyList<IReadOnlyList<Filling>> found = model.Fill([.. inputs.Select(i => i.Text)], settings.Top ?? Shown, settings.Labels,
            cancellationToken);
        return [.. inputs.Select((input, i) =>
        {
            Filling[] kept = [.. Kept(found[i], f => f.Probability)];
            JsonArray list = [];
            foreach (Filling f in kept)
                list.Add((JsonNode)new JsonObject { ["mask"] = f.Mask, ["token"] = f.Token, ["id"] = f.Id, ["score"] = f.Probability,
                    ["text"] = f.Text });
            bool several = kept.Any(f => f.Mask > 0);
            return new PredictedRow(Begin(input, "fillings", list), [.. kept.Select(f => new PredictedLine(f.Token.Trim(), f.Probability,
                several ? FormattableString.Invariant($"mask {f.Mask + 1}") : f.Text))]);
        })];
    }

    private PredictedRow[] Rewritings(IReadOnlyList<PredictInput> inputs, CancellationToken cancellationToken)
    {
        GenerationConfig config = model.RewritingConfig(settings.Task);
        if (settings.MaxNewTokens is { } tokens) config = config with { MaxNewTokens = tokens };
        if (settings.Top is { } top) config = config with { ReturnSequences = top, Beams = Math.Max(top, config.Beams) };
        IReadOnlyList<GeneratedText> texts = model.Rewrite([.. inputs.Select(i => i.Text)], settings.Task, config, truncate: true,
            cancellationToken);
        ILookup<int, GeneratedText> byInput = texts.ToLookup(t => t.Prompt);
        return [.. inputs.Select((input, i) =>
        {
            JsonArray list = [];
            foreach (GeneratedText text in byInput[i])
            {
                JsonObject one = new() { ["text"] = text.Text };
                if (text.Score is { } score) one["score"] = score;
                list.Add((JsonNode)one);
            }

            JsonObject json = Begin(input, "outputs", list);
            if (model.RewritingIds([input.Text], settings.Task, truncate: false)[0].Length > model.Reading.Limit)
            {
                Cut++;
                json["cut"] = true;
            }

            return new PredictedRow(json, [.. byInput[i].Select(t => new PredictedLine(t.Text, t.Score ?? double.NaN))]);
        })];
    }

    /// <summary>Adds what each token did for the likeliest class.</summary>
    private void Explain(
        TextReading reading, PredictInput input, TokenEncoding text, float[] logits, JsonObject json, List<PredictedLine> lines,
            CancellationToken cancellationToken)
    {
        int target = Array.IndexOf(logits, logits.Max());
        Explanation found = Explanation.Of(reading, text, target, cancellationToken);
        string label = TextClassification.LabelOf(reading.Model.Config, target);
        double change = found.Score - found.BaselineScore;
        JsonArray tokens = [];
        lines.Add(new PredictedLine("", double.NaN, $"why {label}: change if left out, share by "
            + $"gradients{(found.Read is null ? "" : ", where it read")}"));
        for (int t = 0; t < text.Count; t++)
        {
            bool isSpecial = text.SpecialTokensMask[t] != 0;
            string source = text.SequenceIds[t] == 1 ? input.Second! : input.Text;
            (int start, int end) = isSpecial ? (0, 0) : Places(source, text.Starts[t], text.Ends[t]);
            JsonObject token = new()
            {
                ["token"] = text.Tokens[t],
                ["special"] = isSpecial,
                ["second"] = text.SequenceIds[t] == 1,
                ["start"] = start,
                ["end"] = end
            };
            token["left_out"] = found.LeftOut[t];
            token["integrated"] = found.Integrated[t];
            if (found.Read is { } read) token["read"] = read[t];
            tokens.Add((JsonNode)token);
            if (isSpecial) continue;
            string where = found.Read is null ? "" : string.Create(CultureInfo.InvariantCulture, $"  {found.Read[t],6:0.000}");
            lines.Add(new PredictedLine(source[text.Starts[t]..text.Ends[t]], double.NaN,
                string.Create(CultureInfo.InvariantCulture, $"{found.LeftOut[t],8:+0.000;-0.000; 0.000}  "
                    + $"{found.Integrated[t],8:+0.000;-0.000; 0.000}{where}")));
        }

        lines.Add(new PredictedLine("", double.NaN, string.Create(CultureInfo.InvariantCulture,
            $"all gradients, special tokens included, give {found.Integrated.Sum():+0.000;-0.000} of {change:+0.000;-0.000} from "
                + $"the mean of all tokens: gap {found.Gap:+0.0000;-0.0000;0.0000}")));
        json["explanation"] = new JsonObject
        {
            ["label"] = label,
            ["logit"] = found.Score,
            ["baseline_logit"] = found.BaselineScore,
            ["gap"] = found.Gap,
            ["tokens"] = tokens,
        };
    }

    private static JsonObject Begin(PredictInput input, string name, JsonArray found)
    {
        JsonObject json = [];
        if (input.Line is { } line) json["line"] = line;
        json["text"] = input.Text;
        if (input.Second is not null) json["pair"] = input.Second;
        json[name] = found;
        return json;
    }

    private JsonArray Scored(IReadOnlyList<Prediction> all, Func<Prediction, (string Label, float Score)> take)
    {
        JsonArray list = [];
        foreach (Prediction p in Kept(all, p => p.Score).Take(settings.Top ?? int.MaxValue))
            list.Add((JsonNode)new JsonObject { ["label"] = take(p).Label, ["score"] = take(p).Score });
        return list;
    }

    private IEnumerable<T> Kept<T>(IEnumerable<T> found, Func<T, double> score)
        => settings.Threshold is { } least ? found.Where(f => (float)score(f) >= (float)least) : found;

    /// <summary>Offsets in the units that were asked for.</summary>
    private (int Start, int End) Places(string text, int start, int end)
    {
        if (!settings.CodePoints) return (start, end);
        int before = text.AsSpan(0, start).EnumerateRunes().Count();
        return (before, before + text.AsSpan(start, end - start).EnumerateRunes().Count());
    }
}

/// <summary>Counting runes of a span.</summary>
internal static class RuneCount
{
    public static int Count(this System.Text.SpanRuneEnumerator runes)
    {
        int count = 0;
        foreach (System.Text.Rune _ in runes) count++;
        return count;
    }
}
