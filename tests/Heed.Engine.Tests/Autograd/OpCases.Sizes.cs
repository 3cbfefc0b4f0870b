using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

/// <summary>Sizes that the other cases leave out: tails of the vector width, one of everything, nothing at all.</summary>
internal static partial class OpCases
{
    private static IEnumerable<OpCase> Sizes() => [.. PlaceSizes(), .. LossSizes(), .. LayerSizes()];

    private static IEnumerable<OpCase> PlaceSizes()
    {
        foreach (Shape shape in new[] { S(1), S(0), S(1, 1), S(3, 0) })
            yield return new("AffineOp", $"scaled {shape}", [shape], v => (v[0] * 1.5f) + 0.25f, w => w[0].Map(x => (1.5 * x) + 0.25)) { K = 3 };
        yield return new("ReshapeOp", "a tail", [S(3, 19)], v => v[0].Reshape(19, 3), w => new Wide(w[0].Values, S(19, 3)));
        yield return new("ReshapeOp", "one", [S(1)], v => v[0].Reshape(1, 1, 1), w => new Wide(w[0].Values, S(1, 1, 1)));
        yield return new("SliceOp", "one", [S(1, 1)], v => v[0].Slice(1, 0, 1), w => w[0]);
        yield return new("SliceOp", "of nothing", [S(0, 5)], v => v[0].Slice(1, 1, 2), w => Wide.Zeros(0, 2));
        yield return new("ConcatenateOp", "tails", [S(3, 17), S(3, 2)], v => Variable.Concatenate(1, v), w =>
        {
            Wide y = Wide.Zeros(3, 19);
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 19; j++) y[i, j] = j < 17 ? w[0][i, j] : w[1][i, j - 17];
            return y;
        });
        int[] once = [0], twice = [0, 0];
        yield return new("GatherRowsOp", "one row of one, twice", [S(1, 1)], v => v[0].Gather(twice), w => new Wide([w[0].Values[0], w[0].Values[0]], S(2, 1)));
        yield return new("GatherRowsOp", "of rows without width", [S(2, 0)], v => v[0].Gather(once), w => Wide.Zeros(1, 0));
        int[] rows = [1, 1, 0];
        yield return new("ScatterRowsOp", "tails", [S(3, 19)], v => v[0].Scatter(rows, 2), w =>
        {
            Wide y = Wide.Zeros(2, 19);
            for (int n = 0; n < 3; n++)
                for (int d = 0; d < 19; d++) y[rows[n], d] += w[0][n, d];
            return y;
        });
        yield return new("ScatterRowsOp", "one", [S(1, 1)], v => v[0].Scatter(once, 1), w => w[0]);
        yield return new("ScatterRowsOp", "nothing", [S(0, 3)], v => v[0].Scatter([], 2), w => Wide.Zeros(2, 3));
        yield return new("MaxOp", "of no rows", [S(0, 3)], v => v[0].Max(1), w => Wide.Zeros(0));
        foreach (Shape shape in new[] { S(1, 1), S(0, 3), S(3, 19) })
            yield return new("CheckpointOp", $"{shape}", [shape], v => Tape.Checkpoint(x => (x * x).Activate(Activation.Tanh), v[0]), w => w[0].Map(x => Math.Tanh(x * x))) { K = 8 };
        foreach (Shape shape in new[] { S(1), S(0), S(1, 40) })
        {
            yield return new("DropoutOp", $"by counter of {shape}", [shape], v => DropoutOp.Apply(v[0], 0.3f, 5, 6), w =>
            {
                CounterRandom random = new(5, 6);
                uint least = (uint)(0.3f * 4294967296.0);
                return new Wide([.. w[0].Values.Select((x, i) => random.Bits((ulong)i) >= least ? x / (1 - 0.3f) : 0)], w[0].Shape);
            })
            { K = 4 };
        }
    }

    private static IEnumerable<OpCase> LossSizes()
    {
        foreach ((int n, int c) in new[] { (1, 1), (1, 19), (0, 3), (3, 37) })
        {
            int[] targets = [.. Enumerable.Range(0, n).Select(i => (i * 5) % c)];
            yield return new("CrossEntropyOp", $"[{n}, {c}]", [S(n, c)], v => Loss.CrossEntropy(v[0], targets), w => n == 0 ? new Wide([0], S()) : CrossEntropy(w[0], targets, CrossEntropySettings.Default)) { K = c + 32 };
            yield return new("VocabularyCrossEntropyOp", $"[{n}, 17] over {c}", [S(n, 17), S(c, 17), S(c)], v => Loss.VocabularyCrossEntropy(v[0], new Weight(v[1]), v[2], targets),
                w => n == 0 ? new Wide([0], S()) : CrossEntropy(Zip(Product(w[0], Turn(w[1])), w[2], (a, b) => a + b), targets, CrossEntropySettings.Default))
            { K = c + 64 };
        }

        yield return new("VocabularyCrossEntropyOp", "width 1", [S(2, 1), S(3, 1)], v => Loss.VocabularyCrossEntropy(v[0], new Weight(v[1]), null, [1, 2]), w => CrossEntropy(Product(w[0], Turn(w[1])), [1, 2], CrossEntropySettings.Default)) { K = 48 };
        // A mean over nothing is 0, as Loss says of all losses.
        foreach ((int n, int c) in new[] { (1, 1), (3, 19), (0, 3), (3, 0) })
        {
            float[] marks = [.. Enumerable.Range(0, n * c).Select(i => (i % 5) / 4f)];
            yield return new("BinaryCrossEntropyOp", $"[{n}, {c}]", [S(n, c)], v => Loss.BinaryCrossEntropy(v[0], Tensor.Create(marks, n, c)),
                w => new Wide([w[0].Values.Select((z, i) => Math.Log(1 + Math.Exp(z)) - (z * marks[i])).DefaultIfEmpty().Average()], S()))
            { K = 64 };
            yield return new("MeanSquaredErrorOp", $"[{n}, {c}]", [S(n, c)], v => Loss.MeanSquaredError(v[0], Tensor.Create(marks, n, c)), w => new Wide([w[0].Values.Select((x, i) => (x - marks[i]) * (x - marks[i])).DefaultIfEmpty().Average()], S())) { K = 64 };
            if (c > 0) yield return new("DistillationOp", $"[{n}, {c}]", [S(n, c)], v => Loss.Distillation(v[0], Tensor.Create(marks, n, c), 2), w =>
            {
                double sum = 0;
                for (int r = 0; r < n; r++)
                {
                    double[] p = SoftmaxRow([.. marks[(c * r)..(c * (r + 1))].Select(t => t / 2.0)]), q = LogSoftmaxRow([.. w[0].Values[(c * r)..(c * (r + 1))].Select(z => z / 2)]);
                    for (int i = 0; i < c; i++) sum += p[i] * (Math.Log(p[i]) - q[i]);
                }

                return new Wide([4 * sum / Math.Max(1, n)], S());
            })
            { K = 128 };
        }
    }

    private static IEnumerable<OpCase> LayerSizes()
    {
        foreach ((int n, int d, int f) in new[] { (1, 1, 1), (0, 5, 4), (1, 17, 33) })
            yield return new("LinearOp", $"[{n}, {d}] to {f}", [S(n, d), S(f, d), S(f)], v => new Weight(v[1]).Multiply(v[0], v[2]),
                w => Zip(Product(w[0], Turn(w[1])), w[2], (a, b) => a + b))
            { K = d + 2 };
        yield return new("PoolingOp", "one of one", [S(1, 1)], v => v[0].Pool([0, 1], Pooling.Mean), w => w[0]);
        yield return new("PoolingOp", "an empty text", [S(0, 19)], v => v[0].Pool([0, 0], Pooling.Mean), w => Wide.Zeros(1, 19));
        yield return new("NormalizeOp", "one of one", [S(1, 1)], v => v[0].Normalize(), w => w[0].Map(x => Math.Sign(x))) { K = 9 };
        yield return new("NormalizeOp", "no rows", [S(0, 4)], v => v[0].Normalize(), w => Wide.Zeros(0, 4));
        yield return new("RecurrentOp", "one step of width 1", [S(1, 1), S(1, 1), S(1), S(1, 1)], v => RecurrentOp.Apply(v[0], new Weight(v[1]), v[2], [0, 1], false, RecurrentCell.Tanh, v[3], null), w => Recurrent(w, [0, 1], false, RecurrentCell.Tanh, 1)) { K = 64 };
        yield return new("RecurrentOp", "no text", [S(0, 8), S(8, 2), S(8), S(0, 2), S(0, 2)], v => RecurrentOp.Apply(v[0], new Weight(v[1]), v[2], [0], false, RecurrentCell.Lstm, v[3], v[4]), w => Wide.Zeros(0, 4));
        double[] frequencies = [1, 0.1];
        float[] cos = new float[8], sin = new float[8];
        RotaryKernel.FillTables(frequencies, 1, 0, cos, sin);
        yield return new("RotaryOp", "one head of one text", [S(1, 1, 4)], v => RotaryOp.Apply(v[0], [3], cos, sin, 4, RotaryPairs.Halves), w =>
        {
            Wide y = Wide.Zeros(1, 1, 4);
            for (int i = 0; i < 2; i++)
            {
                (double s, double c) = Math.SinCos(3 * frequencies[i]);
                y[0, 0, i] = (w[0][0, 0, i] * c) - (w[0][0, 0, i + 2] * s);
                y[0, 0, i + 2] = (w[0][0, 0, i + 2] * c) + (w[0][0, 0, i] * s);
            }

            return y;
        })
        { K = 4 };
        yield return new("RotaryOp", "nothing", [S(0, 2, 4)], v => RotaryOp.Apply(v[0], [], cos, sin, 4, RotaryPairs.Halves), w => Wide.Zeros(0, 2, 4));
        AttentionOptions narrow = new() { Heads = 1, HeadWidth = 1, Scale = 0.5f };
        AttentionSequence[] single = [new(0, 1, 0, 1)], several = [new(0, 2, 0, 3)];
        yield return new("AttentionOp", "one token of width 1", [S(1, 1), S(1, 1), S(1, 1)], v => Attend(v[0], v[1], v[2], null, narrow, single), w => Attention(w[0], w[1], w[2], null, narrow, single)) { K = 64 };
        yield return new("AttentionOp", "two tokens of width 1", [S(2, 1), S(3, 1), S(3, 1)], v => Attend(v[0], v[1], v[2], null, narrow, several), w => Attention(w[0], w[1], w[2], null, narrow, several)) { K = 64 };
        yield return new("AttentionOp", "no token", [S(0, 1), S(0, 1), S(0, 1)], v => Attend(v[0], v[1], v[2], null, narrow, []), w => Wide.Zeros(0, 1));
        int[] tail = [.. Enumerable.Range(0, 33)];
        foreach ((int t, RelativeEntries entries) in new[] { (1, new RelativeEntries([0], 1)), (17, new RelativeEntries(tail, 33)) })
        {
            AttentionSequence[] rows = [new(0, t, 0, t)];
            yield return new(
                "RelativeScoresOp", $"{t} tokens", [S(1, t, entries.Range), S(1, t, entries.Range)],
                v => Relative(v[0], v[1], entries, rows), w => Relative(w[0], w[1], entries, rows))
            { K = 4 };
        }

        RelativeEntries lone = new([0], 1);
        yield return new("RelativeScoresOp", "no token", [S(1, 0, 1)], v => Relative(v[0], null, lone, []), w => Wide.Zeros(0));
        AttentionOptions features = new() { Heads = 1, HeadWidth = 1, ValueWidth = 1, Scale = 1, Causal = true };
        yield return new("LinearAttentionOp", "one token of width 1", [S(1, 1), S(1, 1), S(1, 1)], v => LinearAttentionOp.Apply(v[0], v[1], v[2], features, single), w => Linear(w, features, single)) { K = 64, Range = (0.1f, 2) };
        yield return new("LinearAttentionOp", "no token", [S(0, 1), S(0, 1), S(0, 1)], v => LinearAttentionOp.Apply(v[0], v[1], v[2], features, []), w => Wide.Zeros(0, 1));
    }
}
