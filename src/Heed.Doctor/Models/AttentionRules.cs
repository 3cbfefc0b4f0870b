using System.Globalization;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Doctor.Models;

/// <summary>Rules on attention: the scale of its scores, heads that add nothing, a softmax that has one answer.</summary>
internal static class AttentionRules
{
    /// <summary>A row counts with this many keys or more.</summary>
    private const int Keys = 8;
    private const float Saturated = 0.99f;

    /// <summary>Part of the rows of a layer; a few heads of trained models look at one token by design.</summary>
    private const double Most = 0.8;
    private const double DeadPart = 1e-3, LargestScale = 4;

    /// <summary>Families whose first queries are smaller instead of their scores.</summary>
    private static readonly string[] Unscaled = ["t5", "mt5", "umt5"];

    public static void Judge(ModelProbe probe, Notes notes)
    {
        // Layers of recurrent models and linear attention have no such pattern.
        AttentionPart[] parts = [.. probe.Model.Parameters.Attentions.Where(a => a.Config.Features is null)];
        if (parts.Length == 0) return;
        Dictionary<string, Seen> seen = parts.ToDictionary(a => a.Site, a => new Seen(a), StringComparer.Ordinal);
        notes.Judge(Rules.SaturatedAttention, () =>
        {
            Look(probe, seen);
            notes.Judged(Rules.DeadHeads);
            notes.Judged(Rules.UnscaledAttention);
            foreach (Seen s in seen.Values) Report(s, probe, notes);
        });
    }

    private static void Look(ModelProbe probe, Dictionary<string, Seen> seen)
    {
        Hooks hooks = new Hooks().ObserveWhere(name => IsWanted(name, seen), (name, x) =>
        {
            int dot = name.LastIndexOf('.');
            seen[name[..dot]].Add(name[(dot + 1)..], x.Value);
        });
        foreach (int[] text in probe.Texts)
        {
            using TensorScope scope = TensorScope.Begin();
            probe.Run([text], hooks);
        }
    }

    private static bool IsWanted(string name, Dictionary<string, Seen> seen)
    {
        int dot = name.LastIndexOf('.');
        return dot > 0 && name[(dot + 1)..] is "pattern" or "result" or "scaled" && seen.ContainsKey(name[..dot]);
    }

    private static void Report(Seen s, ModelProbe probe, Notes notes)
    {
        AttentionConfig config = s.Part.Config;
        double scale = config.Scale * Math.Sqrt(config.HeadWidth);
        // Where queries begin smaller by as much, as T5's do, the product has the right size without a scale.
        bool isScaledElsewhere = config.QueryInitializer is not null || config.HeadNorm is not null
            || Unscaled.Contains(probe.Model.Config.ModelType, StringComparer.Ordinal);
        if (scale > LargestScale && !isScaledElsewhere)
        {
            notes.Add(Rules.UnscaledAttention, s.Part.Site, string.Create(CultureInfo.InvariantCulture,
                $"scores of heads of width {config.HeadWidth} are multiplied by {config.Scale:0.###}, {scale:0.#} times "
                    + $"1/√{config.HeadWidth}; their deviation is {s.Deviation:0.##}"),
                "Leave AttentionConfig.Scale out: 0 stands for 1/√K.");
        }

        if (s.Rows > 0 && s.SaturatedRows > Most * s.Rows)
        {
            notes.Add(Rules.SaturatedAttention, s.Part.Site, string.Create(CultureInfo.InvariantCulture,
                $"{(double)s.SaturatedRows / s.Rows:P0} of {s.Rows:N0} rows with {Keys} keys or more put above {Saturated} on one of them; "
                    + $"the deviation of the scores is {s.Deviation:0.##}"),
                "Scale the scores by 1/√K, lower the learning rate, or begin again with smaller query and key weights.");
        }

        double[] norms = [.. s.Results.Select(Math.Sqrt)];
        if (norms.Length < 2) return;
        double median = norms.Order().ElementAt(norms.Length / 2);
        int[] dead = [.. Enumerable.Range(0, norms.Length).Where(h => norms[h] <= DeadPart * median && norms[h] < norms.Max())];
        if (dead.Length == 0) return;
        notes.Add(Rules.DeadHeads, s.Part.Site, string.Create(CultureInfo.InvariantCulture,
            $"head {string.Join(", ", dead)} of {norms.Length} adds {dead.Max(h => norms[h]):0.0e+0} to the stream where the median head "
                + $"adds {median:0.0e+0}"),
            "Train again with a lower rate or more warm-up; to keep the model, its heads may be left out.");
    }

    /// <summary>What the runs showed of one attention.</summary>
    private sealed class Seen(AttentionPart part)
    {
        private double _sum, _squares;
        private long _scores;

        public AttentionPart Part { get; } = part;

        public long Rows { get; private set; }

        public long SaturatedRows { get; private set; }

        /// <summary>Standard deviation of the scores after the scale.</summary>
        public double Deviation => _scores == 0 ? double.NaN
            : Math.Sqrt(Math.Max(0, (_squares / _scores) - (_sum / _scores * (_sum / _scores))));

        /// <summary>Squares of what each head adds.</summary>
        public double[] Results { get; private set; } = [];

        public void Add(string name, Tensor x)
        {
            switch (name)
            {
                case "pattern":
                    Patterns(x);
                    break;
                case "result":
                    (int N, int H, int D) = (x.Shape[0], x.Shape[1], x.Shape[2]);
                    if (Results.Length == 0) Results = new double[H];
                    for (int n = 0; n < N; n++)
                        for (int h = 0; h < H; h++)
                            foreach (float v in x.Span.Slice(((n * H) + h) * D, D)) Results[h] += (double)v * v;
                    break;
                default:
                    foreach (float v in x.Span)
                    {
                        if (!float.IsFinite(v)) continue;
                        _sum += v;
                        _squares += (double)v * v;
                        _scores++;
                    }

                    break;
            }
        }

        /// <summary>[1, H, T, S] of one text.</summary>
        private void Patterns(Tensor x)
        {
            int T = x.Shape[2], S = x.Shape[3];
            for (int row = 0; row < x.Count / S; row++)
            {
                int t = row % T, keys = Part.Config.Causal && !Part.IsCross ? Math.Min(t + 1, S) : S;
                if (Part.Config.Window > 0) keys = Math.Min(keys, Part.Config.Window);
                if (keys < Keys) continue;
                Rows++;
                float most = 0;
                foreach (float v in x.Span.Slice(row * S, S)) most = Math.Max(most, v);
                if (most > Saturated) SaturatedRows++;
            }
        }
    }
}
