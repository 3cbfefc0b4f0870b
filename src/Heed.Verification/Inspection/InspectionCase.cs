using System.Globalization;
using System.Text.Json;
using Heed.Checkpoints;
using Heed.Inspection;
using Heed.Models;

namespace Heed.Verification;

/// <summary>One model of a folder of inspection: its texts and settings, and each quantity by its name.</summary>
internal sealed class InspectionCase
{
    private static readonly string[] Inputs = [".input_ids", ".attention_mask", ".position_ids", ".token_type_ids", ".decoder_input_ids"];

    private readonly Inspector _inspector;
    private readonly Model _model;
    private readonly JsonElement _settings;
    private readonly SafetensorsFile _file;
    private readonly CancellationToken _cancel;
    private readonly Dictionary<string, Lazy<Dictionary<string, ValueArray>>> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<int>> _ids = new(StringComparer.Ordinal);

    public InspectionCase(Inspector inspector, Model model, JsonElement settings, SafetensorsFile file, CancellationToken cancel)
    {
        (_inspector, _model, _settings, _file, _cancel) = (inspector, model, settings, file, cancel);
        Add("text", Text);
        Add("padded", Padded);
        Add("metric", () => new() { ["metric.clean"] = One(Score("text")), ["metric.corrupt"] = One(Score("corrupt")) });
        Add("lens", () => new() { ["lens"] = inspector.Lens(Read("text"), null, cancel) });
        Add("direct_logit_attribution", Shares);
        Add("ablate", Ablations);
        Add("patch", () => Patches("patch", inspector.Patch));
        Add("attribution_patch", () => Patches("attribution_patch", inspector.AttributionPatch));
        Add("trace", Traces);
        Add("neurons", Neurons);
        Add("heads", Heads);
        Add("rollout", () => new()
        {
            ["rollout"] = inspector.Rollout(Read("text"), true, null, cancel),
            ["rollout.no_residual"] =
            inspector.Rollout(Read("text"), false, null, cancel)
        });
        Add("gradient", Gradients);
        Add("integrated", Integrals);
        Add("value_norm", ValueNorms);
        Add("leave_one_out", LeftOut);
        Add("similarity", Similarities);
    }

    private LogitDifference Metric => new(_settings.GetProperty("target").GetInt32(), Optional("foil"), Optional("readout"));

    private int Blank => _settings.GetProperty("blank").GetInt32();

    /// <summary>True for tensors that are given, not computed.</summary>
    public static bool IsInput(string name) => name == "trace.noise"
        || Array.Exists(Inputs, ending => name.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>Computes a quantity and compares it: null if it agrees, else how far it is.</summary>
    public string? Compare(RawTensor stored, double noise)
    {
        string group = stored.Name.Split('.')[0];
        if (!_groups.TryGetValue(group, out Lazy<Dictionary<string,
            ValueArray>>? quantities)) return $"'{group}' is no quantity of inspection";
        bool hasValue = quantities.Value.TryGetValue(stored.Name, out ValueArray? found);
        if (_ids.TryGetValue(stored.Name, out IReadOnlyList<int>? ids)) return CompareIds(stored, ids);
        if (!hasValue) return "is not computed";
        return Compare(stored.ToFloats(), found!.Span, noise);
    }

    private static string? Compare(ReadOnlySpan<float> wanted, ReadOnlySpan<float> found, double noise)
    {
        if (wanted.Length != found.Length) return $"has {found.Length} numbers, {wanted.Length} were expected";
        double distance = 0, norm = 0;
        for (int i = 0; i < wanted.Length; i++)
        {
            if (float.IsNegativeInfinity(wanted[i]) != float.IsNegativeInfinity(found[i])) return $"[{i}] is {found[i]}, not {wanted[i]}";
            if (float.IsNegativeInfinity(wanted[i])) continue;
            distance += ((double)wanted[i] - found[i]) * ((double)wanted[i] - found[i]);
            norm += (double)wanted[i] * wanted[i];
        }

        double allowed = Math.Max(20 * noise, 2e-6 * Math.Sqrt(norm));
        return Math.Sqrt(distance) <= allowed ? null
            : string.Create(CultureInfo.InvariantCulture,
                $"is {Math.Sqrt(distance):0.00e+0} away (of {Math.Sqrt(norm):0.00e+0}), {allowed:0.00e+0} is allowed");
    }

    private static string? CompareIds(RawTensor stored, IReadOnlyList<int> found)
    {
        ReadOnlySpan<long> wanted = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(stored.ToBytes());
        if (wanted.Length != found.Count) return $"has {found.Count} ids, {wanted.Length} were expected";
        for (int i = 0; i < wanted.Length; i++)
            if (wanted[i] >= 0 && wanted[i] != found[i]) return $"[{i}] is {found[i]}, not {wanted[i]}";
        return null;
    }

    private Dictionary<string, ValueArray> Text() => Named("text", _inspector.Gather([Read("text")], _ => true, null, _cancel));

    private Dictionary<string, ValueArray> Padded() => Named("padded", PaddedValues.Gather(_inspector, new ModelInputs
    {
        InputIds = Grid("padded.input_ids")!,
        AttentionMask = Grid("padded.attention_mask"),
        TokenTypeIds = Grid("padded.token_type_ids"),
        PositionIds = Grid("padded.position_ids"),
        DecoderInputIds = Grid("padded.decoder_input_ids"),
    }, _cancel));

    private Dictionary<string, ValueArray> Shares()
    {
        DirectAttribution found = _inspector.DirectAttribution(Read("text"), Metric, _cancel);
        string[] names = [.. _settings.GetProperty("direct_logit_attribution").EnumerateArray().Select(e => e.GetString()!)];
        if (!names.SequenceEqual(found.Shares.Select(s => s.Name)))
            throw new InputException(
                $"direct_logit_attribution: the parts are {string.Join(", ", found.Shares.Select(s => s.Name))}; "
                    + $"{string.Join(", ", names)} were expected.");
        return new() { ["direct_logit_attribution"] = Of([.. found.Shares.Select(s => s.Value)]) };
    }

    private Dictionary<string, ValueArray> Ablations()
    {
        InspectedText text = Read("text");
        IReadOnlyList<InspectedText> rows = Rows("rows");
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach (Ablation kind in (ReadOnlySpan<Ablation>)[Ablation.Zero, Ablation.Mean, Ablation.Resample])
        {
            IReadOnlyList<InspectedText> reference = kind == Ablation.Resample ? [rows[1]] : rows;
            found[$"ablate.{kind.ToString().ToLowerInvariant()}"] =
                Inspector.Stacked([.. _settings.GetProperty("ablate").EnumerateArray().Select(pair =>
                _inspector.Logits(text, [_inspector.AblateHead(pair[0].GetString()!, pair[1].GetInt32(), kind, reference, _cancel)],
                    _cancel))]);
        }

        foreach ((string attention, ValueArray effects) in _inspector.AblateEach(text, Metric,
            _cancel)) found[$"ablate.each.{attention}"] = effects;
        return found;
    }

    private Dictionary<string,
        ValueArray> Patches(string group, Func<InspectedText, InspectedText, LogitDifference, string, CancellationToken, ValueArray> patch)
        => _file.Tensors.Where(t => t.Name.StartsWith($"{group}.", StringComparison.Ordinal))
            .ToDictionary(t => t.Name, t => patch(Read("text"), Read("corrupt"), Metric, t.Name[(group.Length + 1)..], _cancel));

    private Dictionary<string, ValueArray> Traces()
    {
        RawTensor noise = _file["trace.noise"];
        int[] subject = [.. _settings.GetProperty("subject").EnumerateArray().Select(e => e.GetInt32())];
        CausalTracing found = _inspector.CausalTrace(Read("text"), Metric.Target, subject,
            ValueArray.Create(noise.ToFloats(), new Engine.Tensors.Shape([.. noise.Shape.Select(s => (int)s)])), Metric.Position, 0,
                _cancel);
        double sigma = _settings.GetProperty("sigma").GetDouble(), own =
            _inspector.CausalTrace(Read("text"), Metric.Target, subject, 1, 1, Metric.Position, _cancel).Deviation;
        if (!(Math.Abs(own - sigma) <= 1e-5 * sigma)) throw new InputException($"sigma: is {own:G9}; {sigma:G9} was expected.");
        Dictionary<string, ValueArray> all =
            new(StringComparer.Ordinal) { ["trace.clean"] = One(found.Clean), ["trace.corrupt"] = found.Corrupt };
        foreach ((string stack, ValueArray restored) in found.Restored) all[$"trace.{stack}.restored"] = restored;
        return all;
    }

    private Dictionary<string, ValueArray> Neurons()
    {
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach (string stack in _inspector.Stacks)
        {
            Ranking top = _inspector.TopNeurons(Read("text"), stack, 5, _cancel);
            found[$"neurons.{stack}.sizes"] = top.Values;
            _ids[$"neurons.{stack}.ids"] = top.Ids;
            if (!_file.TryGet($"neurons.{stack}.token_values", out _)) continue;
            Ranking[] words = [.. Enumerable.Range(0, _inspector.LayersOf(stack))
                .Select(l => _inspector.NeuronTokens(l, null, 5, _cancel))];
            found[$"neurons.{stack}.token_values"] = Inspector.Stacked([.. words.Select(w => w.Values)]);
            _ids[$"neurons.{stack}.token_ids"] = [.. words.SelectMany(w => w.Ids)];
        }

        return found;
    }

    private Dictionary<string, ValueArray> Heads()
    {
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach ((string name, ValueArray value) in _inspector.HeadScores(Read("text"), _cancel)) found[$"heads.{name}"] = value;
        if (Optional("block") is { } n)
            foreach ((string name, ValueArray value) in _inspector.InductionScores(Rows("repeat"), n, _cancel)) found[$"heads.{name}"] =
                value;
        return found;
    }

    private Dictionary<string, ValueArray> Gradients()
    {
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach ((string stack, InputGradient g) in _inspector.Gradient(Read("text"), Metric, _cancel))
            (found[$"gradient.{stack}"], found[$"gradient.{stack}.norm"], found[$"gradient.{stack}.x_input"]) =
                (g.Gradient, g.Norm, g.TimesInput);
        return found;
    }

    private Dictionary<string, ValueArray> Integrals()
    {
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach (Baseline baseline in (ReadOnlySpan<Baseline>)[Baseline.Zero, Baseline.Mean, Baseline.Token])
        {
            string at = $"integrated.{baseline.ToString().ToLowerInvariant()}";
            IntegratedGradients one =
                _inspector.IntegratedGradients(Read("text"), Metric, baseline, Blank, _settings.GetProperty("steps").GetInt32(), _cancel);
            (found[at], found[$"{at}.by_token"]) = (one.Values, one.ByToken);
            (found[$"{at}.baseline_metric"], found[$"{at}.gap"]) = (One(one.BaselineScore), One(one.Gap));
        }

        return found;
    }

    private Dictionary<string, ValueArray> ValueNorms()
    {
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach (RawTensor stored in _file.Tensors.Where(t => t.Name.StartsWith("value_norm.", StringComparison.Ordinal)))
        {
            string[] at = stored.Name.Split('.');
            found[stored.Name] = Inspector.Stacked([.. Enumerable.Range(0, _inspector.LayersOf(at[1]))
                .Select(l => _inspector.ValueNorms(Read("text"), $"{at[1]}.blocks.{l}.{at[2]}", at.Length > 3, _cancel))]);
        }

        return found;
    }

    private Dictionary<string, ValueArray> LeftOut()
    {
        LeaveOneOut removed = _inspector.LeaveOneOut(Read("text"), Metric, null, _cancel), replaced =
            _inspector.LeaveOneOut(Read("text"), Metric, Blank, _cancel);
        return new()
        {
            ["leave_one_out.removed.target"] = removed.Target,
            ["leave_one_out.removed.metric"] = removed.Metric,
            ["leave_one_out.replaced.target"] = replaced.Target,
            ["leave_one_out.replaced.metric"] = replaced.Metric,
        };
    }

    private Dictionary<string, ValueArray> Similarities()
    {
        Dictionary<string, ValueArray> found = new(StringComparer.Ordinal);
        foreach ((string stack, StateSimilarity s) in _inspector.Similarity(Rows("rows"), _cancel))
            (found[$"similarity.{stack}.cka"], found[$"similarity.{stack}.cosine"], found[$"similarity.{stack}.anisotropy"]) =
                (s.Cka, s.Cosine, s.Anisotropy);
        return found;
    }

    private void Add(string group, Func<Dictionary<string, ValueArray>> compute) => _groups[group] = new(compute);

    private static Dictionary<string, ValueArray> Named(string set, Dictionary<string, ValueArray> values)
        => values.ToDictionary(v => $"{set}.{v.Key}", v => v.Value);

    private float Score(string set) => _inspector.Score(Read(set), Metric, null, _cancel);

    private InspectedText Read(string set) => Rows(set)[0];

    private List<InspectedText> Rows(string set)
    {
        TokenGrid ids = Grid($"{set}.input_ids")!;
        TokenGrid? types = Grid($"{set}.token_type_ids"), written = Grid($"{set}.decoder_input_ids");
        return [.. Enumerable.Range(0, ids.Rows)
            .Select(b => new InspectedText { Ids = ids.Row(b), TypeIds = types?.Row(b), DecoderIds = written?.Row(b) ?? [] })];
    }

    private TokenGrid? Grid(string name)
    {
        if (!_file.TryGet(name, out RawTensor? tensor)) return null;
        long[] values = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(tensor.ToBytes()).ToArray();
        return new TokenGrid((int)tensor.Shape[0], (int)tensor.Shape[1], Array.ConvertAll(values, v => (int)v));
    }

    private int? Optional(string name) => _settings.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
        ? value.GetInt32() : null;

    private static ValueArray One(float value) => Of([value]);

    private static ValueArray Of(float[] values) => ValueArray.Create(values, new Engine.Tensors.Shape(values.Length));
}
