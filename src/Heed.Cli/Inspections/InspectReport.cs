using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Generation.Sampling;
using Heed.Inspection;
using Heed.Models;

namespace Heed.Cli.Inspections;

/// <summary>What was asked of one text, section by section: as JSON, or as tables.</summary>
internal sealed class InspectReport(Terminal terminal, HeedModel model, Inspector inspector, InspectedText text, CancellationToken cancel)
{
    private readonly List<(string Name, JsonNode Json, Action<InspectCanvas> Show)> _sections = [];
    private LogitDifference? _metric;

    /// <summary>Where the answer is read, or null.</summary>
    public int? Position { get; init; }

    /// <summary>The answer as it was written, or null.</summary>
    public string? Target { get; init; }

    /// <summary>The answer that is subtracted, or null.</summary>
    public string? Foil { get; init; }

    /// <summary>True where nothing was asked.</summary>
    public bool IsEmpty => _sections.Count == 0;

    private LogitDifference Metric => _metric ??= FindMetric();

    private string Question => $"score of {Answer(Metric.Target)}{(Metric.Foil is { } foil ? $" less that of {Answer(foil)}" : "")}"
        + (Metric.Position is { } p ? $" at position {p}" : "");

    /// <summary>Shows all sections.</summary>
    public void Write()
    {
        if (terminal.IsJson)
        {
            JsonObject all = new()
            {
                ["architecture"] = inspector.Model.Architecture,
                ["ids"] = Json(text.Ids),
                ["tokens"] = new JsonArray([.. text.Tokens.Select(t => (JsonNode)t)]),
            };
            if (text.DecoderIds.Count > 0)
            {
                all["decoder_ids"] = Json(text.DecoderIds);
                all["decoder_tokens"] = new JsonArray([.. text.DecoderTokens.Select(t => (JsonNode)t)]);
            }

            foreach ((string name, JsonNode json, _) in _sections) all[name] = json;
            terminal.Json(all);
            return;
        }

        InspectCanvas canvas = new(terminal);
        string stacks = string.Join("; ", inspector.Stacks
            .Select(s => $"{s}: {inspector.LayersOf(s)} layers of {inspector.HeadsOf(s)} heads"));
        terminal.Line($"{inspector.Model.Architecture}{(stacks.Length > 0 ? $", {stacks}" : "")}; {text.Ids.Count} tokens");
        foreach ((_, _, Action<InspectCanvas> show) in _sections) show(canvas);
    }

    /// <summary>Tokens, likeliest answers, and what kind of head each is.</summary>
    public void Overview()
    {
        _sections.Add(("token_table", Json(text.Ids), canvas =>
        {
            canvas.Title("Tokens");
            canvas.Table(["position", "id", "token"], [.. text.Ids.Select((id, t) => (string[])[Word(t), Word(id), Readable(id)])]);
            if (text.DecoderIds.Count > 0)
                canvas.Table(["decoder", "id", "token"],
                    [.. text.DecoderIds.Select((id, t) => (string[])[Word(t), Word(id), Readable(id)])]);
        }
        ));
        if (inspector.Runner.Scores > 0 && CanAsk()) Answers();
        if (inspector.Stacks.Count > 0) Heads();
    }

    /// <summary>The heads of a layer, or one pattern.</summary>
    public void Attention(string? stack, bool cross, int layer, int? head)
    {
        string s = stack ?? (cross ? "decoder" : (inspector.Stacks is [string first, ..] ? first : null)
            ?? throw new InputException($"{inspector.Model.Architecture}: has no attention layers to show."));
        string attention = cross ? "cross_attn" : "attn";
        int layers = inspector.LayersOf(s), heads = inspector.HeadsOf(s, attention);
        if (layer < 0 || layer >= layers) throw new InputException($"--layer: is {layer}; the {s} has the layers 0 to {layers - 1}.");
        if (head is { } h && (h < 0 || h >= heads)) throw new InputException(
            $"--head: is {h}; layer {layer} of the {s} has the heads 0 to {heads - 1}.");
        string name = $"{s}.blocks.{layer}.{attention}.pattern";
        ValueArray pattern = inspector.Trace(text, n => n == name, null, cancel)[name];
        IReadOnlyList<string> queries = s == "decoder" && text.DecoderIds.Count > 0 ? text.DecoderTokens : text.Tokens, keys = cross
            ? text.Tokens : queries;
        if (head is { } one)
        {
            ValueArray p = pattern.At(one);
            _sections.Add(("pattern", new JsonObject { ["name"] = name, ["head"] = one, ["values"] = Rows(p) }, canvas =>
            {
                canvas.Title($"{name}, head {one}: where each token (row) reads (columns are positions). It does not say why.");
                if (!canvas.Matrix(queries, keys, p)) canvas.Table(["token", "reads"],
                    [.. queries.Select((q, i) => (string[])[q, Strongest(p.At(i), keys, 4)])]);
            }
            ));
            return;
        }

        _sections.Add(("layer",
            new JsonObject
            {
                ["name"] = name,
                ["values"] =
                new JsonArray([.. Enumerable.Range(0, heads).Select(i => (JsonNode)Rows(pattern.At(i)))])
            }, canvas =>
        {
            canvas.Title($"{name}: what the last token reads, head by head (--head shows a whole pattern)");
            canvas.Table(["head", "reads"],
                [.. Enumerable.Range(0, heads).Select(i => (string[])[Word(i), Strongest(pattern.At(i, queries.Count - 1), keys, 5)])]);
        }
        ));
    }

    /// <summary>What the model would say after each layer.</summary>
    public void Lens()
    {
        ValueArray lens = inspector.Lens(text, Metric.Position, cancel);
        int L = lens.Shape[0];
        List<(int Id, double P, int Rank, double Target)> rows = [];
        for (int l = 0; l < L; l++)
        {
            ReadOnlySpan<float> scores = lens.At(l).Span;
            float[] p = Softmax(scores);
            int best = Array.IndexOf(p, p.Max()), rank = 1;
            foreach (float score in scores)
                if (score > scores[Metric.Target]) rank++;
            rows.Add((best, p[best], rank, p[Metric.Target]));
        }

        _sections.Add(("lens", new JsonArray([.. rows.Select(r => (JsonNode)new JsonObject
        {
            ["id"] = r.Id, ["token"] = Name(r.Id), ["probability"] = r.P, ["target_rank"] = r.Rank, ["target_probability"] = r.Target,
        })]), canvas =>
        {
            canvas.Title($"Logit lens{(Metric.Position is { } at ? $" at position {at}" : "")}: the likeliest answer if the model ended "
                + $"there, and the rank of {Answer(Metric.Target)}");
            canvas.Table(["after", "likeliest", "probability", "rank", "its probability"],
                [.. rows.Select((r, l)
                    => (string[])[l == 0 ? "embedding" : $"layer {l - 1}", Name(r.Id), Percent(r.P), Word(r.Rank), Percent(r.Target)])]);
        }
        ));
    }

    /// <summary>What each head does for the answer.</summary>
    public void Ablate()
    {
        float whole = inspector.Score(text, Metric, null, cancel);
        IReadOnlyDictionary<string, ValueArray> effects = inspector.AblateEach(text, Metric, cancel);
        _sections.Add(("ablation",
            new JsonObject([new("score", JsonWord.Number(whole)), .. effects
                .Select(e => KeyValuePair.Create(e.Key, (JsonNode?)Rows(e.Value)))]), canvas =>
        {
            canvas.Title($"Ablation: change of the {Question} ({InspectCanvas.Number(whole)}) without a head");
            foreach ((string attention, ValueArray e) in effects) Blocks(canvas, attention, e, (l, h)
                => InspectCanvas.Number(Math.Round(e[l, h], 2)), diverging: true);
        }
        ));
    }

    /// <summary>The neurons that write most where the answer is read.</summary>
    public void Neurons(string? stack)
    {
        string s = stack ?? (inspector.Stacks is [.., string last] ? last : null)
            ?? throw new InputException($"{inspector.Model.Architecture}: has no layers whose neurons could be shown.");
        const int Count = 5;
        Ranking top = inspector.TopNeurons(text, s, Count, cancel);
        int T = top.Values.Shape[1], k = top.Values.Shape[2], at =
            Math.Clamp(CanAsk() ? Metric.Position ?? 0 : Position ?? T - 1, 0, T - 1);
        bool writes = s == inspector.Stacks[^1] && inspector.Model is CausalLanguageModel or MaskedLanguageModel or SequenceToSequenceModel;
        List<string[]> rows = [];
        JsonArray json = [];
        for (int l = 0; l < top.Values.Shape[0]; l++)
        {
            int[] ids = [.. top.Ids.Skip(((l * T) + at) * k).Take(k)];
            Ranking? words = writes ? inspector.NeuronTokens(l, ids, 4, cancel) : null;
            for (int i = 0; i < k; i++)
            {
                string[] tokens = words is null ? []
                    : [.. words.Ids.Skip(i * words.Values.Shape[1]).Take(words.Values.Shape[1]).Select(Name)];
                rows.Add([$"layer {l}", Word(ids[i]), InspectCanvas.Number(top.Values[l, at, i]), string.Join("  ", tokens)]);
                json.Add((JsonNode)new JsonObject
                {
                    ["layer"] = l,
                    ["neuron"] = ids[i],
                    ["size"] = JsonWord.Number(top.Values[l, at, i]),
                    ["tokens"] = new JsonArray([.. tokens.Select(t => (JsonNode)t)])
                });
            }
        }

        _sections.Add(("neurons", new JsonObject { ["position"] = at, ["neurons"] = json }, canvas =>
        {
            canvas.Title($"Neurons at position {at}: the largest |activation| × length of what it "
                + $"writes{(writes ? ", and the tokens nearest to that" : "")}");
            canvas.Table(["layer", "neuron", "size", writes ? "writes" : ""], rows);
        }
        ));
    }

    /// <summary>Integrated gradients and direct logit attribution.</summary>
    public void Attribution()
    {
        IntegratedGradients found = inspector.IntegratedGradients(text, Metric, cancellationToken: cancel);
        Inspection.DirectAttribution direct = inspector.DirectAttribution(text, Metric, cancel);
        _sections.Add(("attribution", new JsonObject
        {
            ["score"] = JsonWord.Number(found.Score),
            ["baseline_score"] = JsonWord.Number(found.BaselineScore),
            ["steps"] = found.Steps,
            ["gap"] = JsonWord.Number(found.Gap),
            ["complete"] = found.IsComplete,
            ["by_token"] = Numbers(found.ByToken.ToArray()),
            ["direct_is_exact"] = direct.IsExact,
            ["direct"] = new JsonArray(
                [.. direct.Shares.Select(x => (JsonNode)new JsonObject { ["name"] = x.Name, ["share"] = JsonWord.Number(x.Value) })]),
        }, canvas =>
        {
            canvas.Title($"Integrated gradients from the mean embedding: share of each token in the {Question} "
                + $"({InspectCanvas.Number(found.Score)})");
            canvas.Bars(Readable(text.Ids), [.. found.ByToken.ToArray().Select(v => (double)v)]);
            terminal.Line($"gap {InspectCanvas.Number(found.Gap)} ({Percent(found.RelativeGap)} of "
                + $"{InspectCanvas.Number(found.Score - found.BaselineScore)}) with {found.Steps} steps"
                + (found.IsComplete ? "" : ": not below 1 %, so these shares are no attribution to rely on"));
            canvas.Title($"Direct logit attribution: what each part writes toward the "
                + $"{Question}{(direct.IsExact ? "" : " (approximate: the head is not linear)")}");
            Share[] largest = [.. direct.Shares.OrderByDescending(x => Math.Abs(x.Value)).Take(15)];
            canvas.Bars([.. largest.Select(x => x.Name)], [.. largest.Select(x => (double)x.Value)]);
            if (direct.Shares.Count > largest.Length) terminal.Line(
                $"and {direct.Shares.Count - largest.Length} smaller ones (--json lists all)");
        }
        ));
    }

    /// <summary>Attention multiplied through the layers.</summary>
    public void Rollout(string? stack)
    {
        ValueArray rollout = inspector.Rollout(text, true, stack, cancel);
        bool writes = (stack ?? inspector.Stacks[0]) == "decoder" && text.DecoderIds.Count > 0;
        IReadOnlyList<string> tokens = Readable(writes ? text.DecoderIds : text.Ids);
        ValueArray last = rollout.At(rollout.Shape[0] - 1);
        int at = CanAsk() && !writes && inspector.Stacks.Count == 1 ? Metric.Position ?? 0 : tokens.Count - 1;
        _sections.Add(("rollout", Rows(last), canvas =>
        {
            canvas.Title($"Rollout: share of each token in position {at} after the last layer, by attention and the stream beside it");
            canvas.Bars(tokens, [.. last.At(at).ToArray().Select(v => (double)v)]);
        }
        ));
    }

    /// <summary>Every value into a file.</summary>
    public void Trace(string file)
    {
        Inspection.Trace trace = inspector.Trace(text, null, null, cancel);
        trace.Save(file);
        long bytes = new FileInfo(file).Length;
        _sections.Add(("trace",
            new JsonObject { ["file"] = file, ["values"] = trace.Names.Count, ["bytes"] = bytes, ["weights_sha256"] = trace.WeightsHash },
                _ =>
        {
            terminal.Line();
            terminal.Line($"{file}: {trace.Names.Count} values, {Printable.Bytes(bytes)}; weights {trace.WeightsHash[..12]}…");
        }
        ));
    }

    private void Answers()
    {
        ValueArray logits = inspector.Logits(text, null, cancel);
        ReadOnlySpan<float> scores = Metric.Position is { } at ? logits.At(at).Span : logits.Span;
        float[] p = Softmax(scores);
        int[] best = [.. Enumerable.Range(0, p.Length).OrderByDescending(i => p[i]).Take(5)];
        _sections.Add(("answers",
            new JsonArray([.. best.Select(i => (JsonNode)new JsonObject { ["id"] = i, ["token"] = Name(i), ["probability"] = p[i] })]),
                canvas =>
        {
            canvas.Title($"Likeliest{(Metric.Position is { } position ? $" at position {position}" : "")}");
            canvas.Bars([.. best.Select(Name)], [.. best.Select(i => p[i])]);
        }
        ));
    }

    private void Heads()
    {
        IReadOnlyDictionary<string, ValueArray> scores = inspector.HeadScores(text, cancel);
        Dictionary<string, ValueArray> all = new(scores, StringComparer.Ordinal);
        if (inspector.Model is CausalLanguageModel && inspector.Model.Config.MaximumLength >= 48)
            foreach ((string name, ValueArray value) in inspector.InductionScores(24, 1, 1, cancel)) all[name] = value;
        _sections.Add(("heads", new JsonObject([.. all.Select(s => KeyValuePair.Create(s.Key, (JsonNode?)Rows(s.Value)))]), canvas =>
        {
            canvas.Title("Heads: p previous token, f first token, i after an earlier copy (mean weight); else the entropy in nats. "
                + "Where they read, not why.");
            foreach (string attention in all.Keys.Where(n => n.EndsWith(".entropy", StringComparison.Ordinal))
                .Select(n => n[..^".entropy".Length]))
            {
                ValueArray entropy = all[$"{attention}.entropy"];
                float[] strongest = new float[entropy.Count];
                string[] labels = new string[entropy.Count];
                for (int i = 0; i < labels.Length; i++)
                {
                    labels[i] = $"e{entropy.Span[i].ToString("0.0", CultureInfo.InvariantCulture)}";
                    foreach ((string kind, string letter) in (ReadOnlySpan<(string, string)>)[("first", "f"), ("previous", "p"),
                        ("induction", "i")])
                    {
                        if (!all.TryGetValue($"{attention}.{kind}", out ValueArray? score) || score.Span[i] <= strongest[i]) continue;
                        strongest[i] = score.Span[i];
                        if (score.Span[i] >= 0.4f) labels[i] = $"{letter}{score.Span[i].ToString(".00", CultureInfo.InvariantCulture)}";
                    }
                }

                int H = entropy.Shape[1];
                Blocks(canvas, attention, ValueArray.Create(strongest, entropy.Shape), (l, h) => labels[(l * H) + h], diverging: false);
            }
        }
        ));
    }

    /// <summary>A grid of layers and heads, in parts where the terminal is narrow.</summary>
    private void Blocks(InspectCanvas canvas, string attention, ValueArray values, Func<int, int, string> label, bool diverging)
    {
        int L = values.Shape[0], H = values.Shape[1], fit = Math.Max(1, (terminal.Width - 16) / 8);
        for (int first = 0; first < H; first += fit)
        {
            int count = Math.Min(fit, H - first), start = first;
            float[] part = [.. Enumerable.Range(0, L).SelectMany(l => values.At(l).ToArray().Skip(start).Take(count))];
            canvas.Grid(attention, [.. Enumerable.Range(first, count).Select(h => $"h{h}")],
                [.. Enumerable.Range(0, L).Select(l => $"layer {l}")],
                ValueArray.Create(part, new Engine.Tensors.Shape(L, count)), (l, h) => label(l, h + start), diverging);
        }
    }

    private bool CanAsk() => inspector.Runner.Scores > 0
        && (Position is not null || inspector.Model is CausalLanguageModel or SequenceToSequenceModel or SequenceClassifier
            || (model.Reading.IdOf("mask_token") is { } mask && text.Ids.Count(id => id == mask) == 1));

    private LogitDifference FindMetric()
    {
        LogitDifference standard = inspector.Metric(text, Position, cancel);
        int? target = Target is null ? null : IdOf(Target, "--target"), foil = Foil is null ? null : IdOf(Foil, "--foil");
        int chosen = target ?? standard.Target;
        return new LogitDifference(chosen, foil
            ?? (chosen == standard.Target ? standard.Foil : standard.Foil is null ? null : standard.Target), standard.Position);
    }

    /// <summary>An answer as it was written: #ID, a label, a token.</summary>
    private int IdOf(string word, string option)
    {
        int scores = inspector.Runner.Scores;
        if (word.StartsWith('#') && int.TryParse(word.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            return id < scores ? id : throw new InputException($"{option}: is {word}; the model scores the ids 0 to {scores - 1}.");
        if (inspector.Model is SequenceClassifier or TokenClassifier)
        {
            int label = inspector.Model.Config.Labels.ToList().IndexOf(word);
            return label >= 0 ? label
                : throw new InputException(
                    $"{option}: '{Printable.Shorten(word)}' is no label; there are {string.Join(", ", inspector.Model.Config.Labels)}.");
        }

        if (model.Tokenizer.TokenToId(word) is { } known) return known;
        int[] ids = model.Tokenizer.Encode(word, addSpecialTokens: false).IdArray;
        return ids.Length == 1 ? ids[0]
            : throw new InputException(
                $"{option}: '{Printable.Shorten(word)}' is {ids.Length} tokens "
                    + $"({string.Join(", ", ids.Take(5).Select(i => $"'{Printable.Escape(Name(i))}'"))}); one was expected. Write a "
                    + "token of the vocabulary, or #ID.");
    }

    private string Name(int id) => inspector.Model is SequenceClassifier or TokenClassifier && id < inspector.Model.Config.Labels.Count
        ? inspector.Model.Config.Labels[id] : Readable(id);

    /// <summary>Tokens as a person reads them: a leading space is ␣, bytes become letters where they are whole ones.</summary>
    private IReadOnlyList<string> Readable(IReadOnlyList<int> ids) => [.. ids.Select(Readable)];

    private string Readable(int id)
    {
        string token = inspector.TokenOf(id);
        if (token.All(char.IsAscii)) return token;
        if (token.Contains('▁')) return token.Replace('▁', '␣');
        string decoded = model.Tokenizer.Decode([id]);
        return decoded.Length == 0 || decoded.Contains('\uFFFD') ? token : decoded.Replace(' ', '␣');
    }

    private string Answer(int id) => $"'{Printable.Escape(Name(id))}'";

    private static string Strongest(ValueArray row, IReadOnlyList<string> keys, int count)
        => string.Join("  ", Enumerable.Range(0, row.Count).OrderByDescending(k => row.Span[k]).Take(count).Where(k => row.Span[k] > 0.005f)
            .Select(k => $"{keys[k]} ({k}) {row.Span[k].ToString(".00", CultureInfo.InvariantCulture)}"));

    private static float[] Softmax(ReadOnlySpan<float> scores)
    {
        float[] p = new float[scores.Length];
        Probabilities.Softmax(scores, p);
        return p;
    }

    private static string Word(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Percent(double share)
        => (100 * share).ToString(share is > 0 and < 0.1 ? "0.00" : "0.0", CultureInfo.InvariantCulture) + " %";

    private static JsonArray Json(IReadOnlyList<int> ids) => new([.. ids.Select(id => (JsonNode)id)]);

    private static JsonArray Numbers(ReadOnlySpan<float> values)
    {
        JsonArray list = [];
        foreach (float value in values) list.Add(JsonWord.Number(value));
        return list;
    }

    private static JsonArray Rows(ValueArray values)
        => new([.. Enumerable.Range(0, values.Shape[0]).Select(r => (JsonNode)Numbers(values.At(r).Span))]);
}
