using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

internal static partial class OpCases
{
    private static IEnumerable<OpCase> Attentions()
    {
        AttentionOptions options = new() { Heads = 2, HeadWidth = 3, Scale = 0.5f };
        AttentionSequence[] self = [new(0, 3, 0, 3), new(3, 2, 3, 2)], cross = [new(0, 1, 0, 2), new(1, 2, 2, 3)];
        yield return new("AttentionOp", "cross", [S(3, 6), S(5, 6), S(5, 6)], v => Attend(v[0], v[1], v[2], null, options, cross), w => Attention(w[0], w[1], w[2], null, options, cross)) { K = 64 };
        yield return new("AttentionOp", "causal", [S(5, 6), S(5, 6), S(5, 6)], v => Attend(v[0], v[1], v[2], null, options with { Causal = true }, self), w => Attention(w[0], w[1], w[2], null, options with { Causal = true }, self)) { K = 64 };
        AttentionOptions grouped = options with { KeyHeads = 1, Causal = true };
        yield return new("AttentionOp", "grouped, one fused product", [S(5, 12)], v => AttentionOp.Apply(new(v[0], 0, 6), new(v[0], 6, 3), new(v[0], 9, 3), null, grouped, self, null),
            w => Attention(Part(w[0], 0, 6), Part(w[0], 6, 3), Part(w[0], 9, 3), null, grouped, self))
        { K = 64 };
        AttentionOptions relative = options with { RelativeRange = 5, RelativeOffset = 2 };
        yield return new("AttentionOp", "distances", [S(5, 6), S(5, 6), S(5, 6), S(2, 5)], v => Attend(v[0], v[1], v[2], v[3], relative, self), w => Attention(w[0], w[1], w[2], w[3], relative, self)) { K = 64 };
        AttentionOptions biased = options with { Bias = DenseLayout.PerHead };
        AttentionSequence[] placed = [self[0], self[1] with { BiasStart = 18 }];
        yield return new(
            "AttentionOp", "scores of each pair", [S(5, 6), S(5, 6), S(5, 6), S(26)],
            v => AttentionOp.Apply(new(v[0], 0, 6), new(v[1], 0, 6), new(v[2], 0, 6), null, biased, placed, null, v[3]),
            w => Attention(w[0], w[1], w[2], null, biased, placed, w[3]))
        { K = 64 };
        RelativeEntries entries = new([0, 1, 1, 3, 2], 4);
        AttentionSequence[] offset = [new(0, 3, 1, 2, -1), new(3, 2, 3, 2) { BiasStart = 12 }];
        foreach ((string name, AttentionSequence[] rows) in new[] { ("of two texts", placed), ("with padding before one", offset) })
        {
            yield return new(
                "RelativeScoresOp", name, [S(2, 5, 4), S(2, 5, 4)],
                v => Relative(v[0], v[1], entries, rows), w => Relative(w[0], w[1], entries, rows))
            { K = 4 };
        }

        yield return new(
            "RelativeScoresOp", "of queries", [S(2, 5, 4)],
            v => Relative(v[0], null, entries, placed), w => Relative(w[0], null, entries, placed))
        { K = 4 };
        yield return new(
            "RelativeScoresOp", "of keys", [S(2, 5, 4)],
            v => Relative(null, v[0], entries, placed), w => Relative(null, w[0], entries, placed))
        { K = 4 };
        foreach (bool causal in (bool[])[false, true])
        {
            AttentionOptions features = new() { Heads = 2, HeadWidth = 5, ValueWidth = 3, Scale = 1, Causal = causal };
            yield return new("LinearAttentionOp", $"causal: {causal}", [S(5, 10), S(5, 10), S(5, 6)], v => LinearAttentionOp.Apply(v[0], v[1], v[2], features, self), w => Linear(w, features, self)) { K = 64, Range = (0.1f, 2) };
            yield return new("LinearAttentionOp", $"across, causal: {causal}", [S(3, 10), S(5, 10), S(5, 6)], v => LinearAttentionOp.Apply(v[0], v[1], v[2], features, cross), w => Linear(w, features, cross)) { K = 64, Range = (0.1f, 2) };
        }

        yield return new("DropoutOp", "by counter", [S(3, 19)], v => DropoutOp.Apply(v[0], 0.3f, 5, 6), w =>
        {
            CounterRandom random = new(5, 6);
            uint least = (uint)(0.3f * 4294967296.0);
            return new Wide([.. w[0].Values.Select((x, i) => random.Bits((ulong)i) >= least ? x / (1 - 0.3f) : 0)], w[0].Shape);
        })
        { K = 4 };
    }

    private static Variable Attend(Variable q, Variable k, Variable v, Variable? distances, AttentionOptions options, AttentionSequence[] sequences) =>
        AttentionOp.Apply(new(q, 0, q.Shape.Last), new(k, 0, k.Shape.Last), new(v, 0, v.Shape.Last), distances, options, sequences, null);

    private static Variable Relative(Variable? a, Variable? b, RelativeEntries entries, AttentionSequence[] sequences)
        => RelativeScoresOp.Apply(a, b, (a ?? b)!.Value.Shape[0], entries, 0.5f, sequences);

    private static Wide Relative(Wide? a, Wide? b, RelativeEntries entries, AttentionSequence[] sequences)
    {
        int H = (a ?? b)!.Shape[0];
        List<double> y = [];
        foreach (AttentionSequence s in sequences)
        {
            for (int h = 0; h < H; h++)
            {
                for (int i = 0; i < s.QueryCount; i++)
                {
                    for (int j = 0; j < s.KeyCount; j++)
                    {
                        int t = entries.Entries[entries.Center + s.QueryOffset + i - j];
                        y.Add(0.5 * ((a is null ? 0 : a[h, s.QueryStart + i, t]) + (b is null ? 0 : b[h, s.KeyStart + j, t])));
                    }
                }
            }
        }

        return new Wide([.. y], S(y.Count));
    }

    private static Wide Linear(Wide[] w, AttentionOptions options, AttentionSequence[] sequences)
    {
        Wide z = Wide.Zeros(w[0].Shape[0], options.Heads * options.ValueWidth);
        LinearAttentionKernel.Scalar<double>(w[0].Values, w[1].Values, w[2].Values, options, sequences, z.Values);
        return z;
    }

    private static Wide Part(Wide x, int start, int count) => Cut(x, 1, start, count);

    private static Wide Attention(
        Wide q, Wide k, Wide v, Wide? distances, AttentionOptions o, AttentionSequence[] sequences, Wide? bias = null)
    {
        int K = o.HeadWidth;
        Wide y = Wide.Zeros(q.Shape[0], o.Heads * K);
        foreach (AttentionSequence s in sequences)
        {
            for (int h = 0; h < o.Heads; h++)
            {
                int g = h * o.KeyHeads / o.Heads;
                for (int i = 0; i < s.QueryCount; i++)
                {
                    int keys = o.Causal ? i + 1 : s.KeyCount;
                    double[] p = SoftmaxRow([.. Enumerable.Range(0, keys).Select(j => (o.Scale * Enumerable.Range(0, K).Sum(d => q[s.QueryStart + i, (h * K) + d] * k[s.KeyStart + j, (g * K) + d]))
                        + (distances is null ? 0 : distances[h, j - i + o.RelativeOffset])
                        + (bias is null ? 0 : bias.Values[s.BiasStart + (((h * s.QueryCount) + i) * s.KeyCount) + j]))]);
                    for (int j = 0; j < keys; j++)
                        for (int d = 0; d < K; d++) y[s.QueryStart + i, (h * K) + d] += p[j] * v[s.KeyStart + j, (g * K) + d];
                }
            }
        }

        return y;
    }
}
