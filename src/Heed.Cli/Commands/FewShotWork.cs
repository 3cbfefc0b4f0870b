using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Cli.Predictions;
using Heed.Generation;
using Heed.Generation.Understanding;
using Heed.Training.Data;

namespace Heed.Cli.Commands;

/// <summary>A text to label.</summary>
/// <param name="Text">The text.</param>
/// <param name="Label">Its right label; null: unknown.</param>
/// <param name="Line">Its line in the file.</param>
internal sealed record FewShotInput(string Text, string? Label, long? Line);

/// <summary>What <c>heed fewshot</c> does once its files are read.</summary>
internal sealed class FewShotWork(Terminal terminal, HeedModel model, CancellationToken cancellationToken)
{
    private static readonly int[] CurvePoints = [0, 1, 2, 4, 8, 16, 32];

    private static readonly JsonSerializerOptions OneLine = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public required IReadOnlyList<LabelledText> Pool { get; init; }

    public required IReadOnlyList<FewShotInput> Inputs { get; init; }

    /// <summary>Examples of each label; null: <see cref="Shots"/> in all.</summary>
    public required int? PerLabel { get; init; }

    public required int? Shots { get; init; }

    public required ulong Seed { get; init; }

    public required int Seeds { get; init; }

    public required IReadOnlyList<string>? Labels { get; init; }

    public required string? Template { get; init; }

    public required bool Corrects { get; init; }

    private FewShotOptions Options => new FewShotOptions { Labels = Labels, ContentFree = Corrects ? null : [] } is var options
        && Template is { } own
        ? options with { Template = own } : options;

    /// <summary>The options with the labels of all examples: a prompt need not show each of them.</summary>
    private FewShotOptions OfPool => Options with { Labels = Options.LabelsFor(Pool) };

    /// <summary>Reads labelled examples of one label each.</summary>
    public static IReadOnlyList<LabelledText> Labelled(string file, CancellationToken cancellationToken)
        => [.. ExampleReader.Classification(file, new DataOptions { Kind = LabelKind.Single }, cancellationToken).Examples
            .Select(e => new LabelledText(e.Second is null ? e.Text : $"{e.Text}\n{e.Second}", e.Labels[0]))];

    /// <summary>Reads texts, with their labels where the file has a column of them.</summary>
    public static IReadOnlyList<FewShotInput> Texts(string file, int limit, Terminal terminal, CancellationToken cancellationToken)
    {
        IEnumerable<FewShotInput> all = HasLabels(file)
            ? ExampleReader.Classification(file, new DataOptions { Kind = LabelKind.Single }, cancellationToken).Examples
                .Select(e => new FewShotInput(e.Second is null ? e.Text : $"{e.Text}\n{e.Second}", e.Labels[0], e.Place.Number))
            : PredictInputs.OfFile(file, InputKind.Texts, null, null, skipFaulty: false, terminal, cancellationToken)
                .Where(i => !i.IsBlank).Select(i => new FewShotInput(i.Text, null, i.Line));
        return [.. limit > 0 ? all.Take(limit) : all];
    }

    /// <summary>Labels by a prompt.</summary>
    public void Label()
    {
        FewShotClassifier classifier = new(model, Examples(PerLabel, Seed), OfPool, cancellationToken);
        RequireKnown(classifier.Labels);
        List<FewShotAnswer> answers = [];
        JsonArray rows = [];
        foreach (FewShotInput input in Inputs)
        {
            FewShotAnswer answer = Answer(classifier, input);
            answers.Add(answer);
            JsonObject row = Row(input, answer.Corrected);
            if (Corrects) row["plain"] = Scores(answer.Plain);
            Show(input, answer.Corrected, row, rows);
        }

        double? corrected = Accuracy(answers.Select(a => a.Corrected[0].Label)),
            uncorrected = Accuracy(answers.Select(a => a.Plain[0].Label));
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["shots"] = classifier.Examples.Count,
                ["seed"] = Seed,
                ["labels"] = new JsonArray([.. classifier.Labels.Select(l => (JsonNode)l)]),
                ["prior"] = new JsonArray([.. classifier.Prior.Select(p => (JsonNode)p)]),
                ["accuracy"] = corrected,
                ["plain_accuracy"] = uncorrected,
                ["chance"] = Chance(),
                ["texts"] = rows,
            });
        }
        else if (corrected is { } right)
        {
            terminal.Note(string.Create(CultureInfo.InvariantCulture,
                $"{classifier.Examples.Count} examples; accuracy {right:P1}{(Corrects ? $", {uncorrected:P1} without correction" : "")}; "
                    + $"the most frequent label alone {Chance():P1}"));
        }
    }

    /// <summary>Accuracy by the number of examples, with right and shuffled labels.</summary>
    public void Curve()
    {
        if (Inputs.Any(i => i.Label is null)) throw new InputException("--input: has no labels, and --curve measures accuracy. Name a "
            + "labelled file.");
        IReadOnlyList<string> labels = Options.LabelsFor(Pool);
        RequireKnown(labels);
        int most = labels.Min(l => Pool.Count(e => e.Label == l));
        JsonArray points = [];
        if (!terminal.IsJson)
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{"per label",9}  {"labels",-8}  {"accuracy",-22}  without correction"));
        foreach (int k in CurvePoints.Where(k => k <= most))
        {
            foreach (bool shuffled in (bool[])[false, true])
            {
                if (k == 0 && shuffled) continue;
                double[] corrected = new double[k == 0 ? 1 : Seeds], plain = new double[corrected.Length];
                try
                {
                    for (int s = 0; s < corrected.Length; s++) (corrected[s], plain[s]) = Measured(k, Seed + (ulong)s, shuffled);
                }
                catch (BudgetException e)
                {
                    terminal.Warn($"{k} per label: {e.Message}");
                    Finish(points);
                    return;
                }

                points.Add((JsonNode)new JsonObject
                {
                    ["per_label"] = k,
                    ["shuffled"] = shuffled,
                    ["accuracy"] = Json(corrected),
                    ["plain_accuracy"] = Json(plain),
                });
                if (!terminal.IsJson)
                    terminal.Line(string.Create(CultureInfo.InvariantCulture,
                        $"{k,9}  {(k == 0 ? "" : shuffled ? "shuffled" : "right"),-8}  {Range(corrected),-22}  {Range(plain)}"));
            }
        }

        Finish(points);
    }

    /// <summary>Labels by a model of natural language inference.</summary>
    public void ZeroShot()
    {
        IReadOnlyList<string> labels = Labels
            ?? [.. Pool.Select(e => e.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (labels.Count == 0) throw new UsageException("--labels: is needed, as there are no examples to take them from.");
        RequireKnown(labels);
        IReadOnlyList<IReadOnlyList<Prediction>> found = model.ClassifyAs([.. Inputs.Select(i => i.Text)], labels,
            Template ?? Generation.Understanding.ZeroShot.Template, cancellationToken: cancellationToken);
        JsonArray rows = [];
        for (int i = 0; i < found.Count; i++) Show(Inputs[i], found[i], Row(Inputs[i], found[i]), rows);
        double? accuracy = Accuracy(found.Select(f => f[0].Label));
        if (terminal.IsJson)
        {
            terminal.Json(new JsonObject
            {
                ["shots"] = 0,
                ["labels"] = new JsonArray([.. labels.Select(l => (JsonNode)l)]),
                ["accuracy"] = accuracy,
                ["chance"] = Chance(),
                ["texts"] = rows,
            });
        }
        else if (accuracy is { } right)
        {
            terminal.Note(string.Create(CultureInfo.InvariantCulture,
                $"entailment, no examples; accuracy {right:P1}; the most frequent label alone {Chance():P1}"));
        }
    }

    private void Finish(JsonArray points)
    {
        if (terminal.IsJson)
            terminal.Json(new JsonObject { ["texts"] = Inputs.Count, ["seeds"] = Seeds, ["chance"] = Chance(), ["curve"] = points });
        else
            terminal.Note(string.Create(CultureInfo.InvariantCulture,
                $"{Inputs.Count:N0} texts; median and range of {Seeds} draws of examples; the most frequent label alone {Chance():P1}"));
    }

    private (double Corrected, double Plain) Measured(int perLabel, ulong seed, bool shuffled)
    {
        LabelledText[] examples = Examples(perLabel, seed);
        if (shuffled) examples = FewShotPrompt.WithShuffledLabels(examples, seed);
        FewShotClassifier classifier = new(model, examples, OfPool, cancellationToken);
        terminal.Status($"{perLabel} per label, {(shuffled ? "shuffled" : "right")} labels …");
        FewShotAnswer[] answers = [.. Inputs.Select(i => Answer(classifier, i))];
        return (Accuracy(answers.Select(a => a.Corrected[0].Label))!.Value, Accuracy(answers.Select(a => a.Plain[0].Label))!.Value);
    }

    private LabelledText[] Examples(int? perLabel, ulong seed)
        => perLabel is { } each ? each == 0 ? [] : FewShotPrompt.PerLabel(Pool, Options.LabelsFor(Pool), each, seed)
            : FewShotPrompt.InAll(Pool, Shots ?? 0, seed);

    private FewShotAnswer Answer(FewShotClassifier classifier, FewShotInput input)
    {
        try
        {
            return classifier.Of(input.Text, cancellationToken);
        }
        catch (BudgetException e) when (input.Line is { } line)
        {
            throw new BudgetException($"line {line}: {e.Message}");
        }
    }

    private void RequireKnown(IReadOnlyList<string> labels)
    {
        if (Inputs.FirstOrDefault(i => i.Label is { } l && !labels.Contains(l)) is not { } unknown) return;
        throw new InputException($"--input: line {unknown.Line} has the label '{Printable.Shorten(unknown.Label!, 40)}', and the labels "
            + $"are {string.Join(", ", labels.Take(12))}. Add examples of it, or name the labels (--labels).");
    }

    private void Show(FewShotInput input, IReadOnlyList<Prediction> predictions, JsonObject row, JsonArray rows)
    {
        if (terminal.IsJson) rows.Add((JsonNode)row);
        else if (!terminal.IsTerminal) terminal.Output.WriteLine(row.ToJsonString(OneLine));
        else terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"{predictions[0].Score:0.000}  {Printable.Escape(predictions[0].Label),-20} "
                + $" {Printable.Escape(Printable.Shorten(input.Text, 80))}"));
    }

    private static JsonObject Row(FewShotInput input, IReadOnlyList<Prediction> predictions)
    {
        JsonObject row = new() { ["text"] = input.Text };
        if (input.Line is { } line) row["line"] = line;
        if (input.Label is { } label) row["label"] = label;
        row["predictions"] = Scores(predictions);
        return row;
    }

    private static JsonArray Scores(IReadOnlyList<Prediction> predictions)
        => [.. predictions.Select(p => (JsonNode)new JsonObject { ["label"] = p.Label, ["score"] = p.Score })];

    /// <summary>Part of the labelled texts whose label is right; null without labels.</summary>
    private double? Accuracy(IEnumerable<string> predicted)
    {
        (string Predicted, string? Right)[] known = [.. predicted.Zip(Inputs, (p, i) => (p, i.Label)).Where(p => p.Label is not null)];
        return known.Length == 0 ? null : (double)known.Count(p => p.Predicted == p.Right) / known.Length;
    }

    private double? Chance()
    {
        string[] known = [.. Inputs.Select(i => i.Label).OfType<string>()];
        return known.Length == 0 ? null : (double)known.CountBy(l => l).Max(g => g.Value) / known.Length;
    }

    private static string Range(double[] values) => string.Create(CultureInfo.InvariantCulture,
        $"{Median(values):0.000}{(values.Length > 1 ? $" ({values.Min():0.000} to {values.Max():0.000})" : "")}");

    private static JsonObject Json(double[] values)
        => new() { ["median"] = Median(values), ["lowest"] = values.Min(), ["highest"] = values.Max() };

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>True for a file with a column of labels, or of another form that only labelled texts have.</summary>
    private static bool HasLabels(string file)
    {
        if (Directory.Exists(file)) return true;
        string ending = Path.GetExtension(file).ToLowerInvariant();
        if (ending is ".txt") return false;
        return ending is ".ft" or ".fasttext"
            || ColumnNames.Any(DataColumn.Label, DataRows.Open(file, new DataOptions(), new DataFaults(), []),
                new DataOptions()) is not null;
    }
}
