using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

internal static partial class OpCases
{
    private static IEnumerable<OpCase> Products()
    {
        (string Name, Shape A, Shape B)[] pairs =
        [
            ("plain", S(3, 5), S(5, 4)), ("tails", S(7, 17), S(17, 19)), ("one", S(1, 1), S(1, 1)), ("no rows", S(0, 3), S(3, 2)), ("no reduction", S(2, 0), S(0, 3)),
            ("batched", S(2, 3, 4), S(2, 4, 5)), ("one matrix for all", S(2, 3, 4), S(4, 5)), ("a repeated", S(3, 4), S(2, 4, 5)), ("outer batches", S(2, 1, 3, 4), S(1, 2, 4, 2)),
            ("four axes", S(2, 2, 3, 4), S(2, 2, 4, 3)), ("inner batch repeated", S(2, 3, 2, 4), S(3, 4, 2)),
        ];
        foreach ((string name, Shape a, Shape b) in pairs)
            yield return new("MatMulOp", name, [a, b], v => v[0].MatMul(v[1]), w => Product(w[0], w[1])) { K = Math.Max(1, a[-1]) };
        yield return new("MatMulOp", "with itself", [S(4, 4)], v => v[0].MatMul(v[0]), w => Product(w[0], w[0])) { K = 4 };
        yield return new("MatMulOp", "constant left", [S(3, 4), S(4, 2)], v => v[0].MatMul(v[1]), w => Product(w[0], w[1])) { K = 4, Constants = [0] };

        yield return new("LinearOp", "with bias, added to rows", [S(3, 5), S(4, 5), S(4), S(3, 4)], v => v[3] + new Weight(v[1]).Multiply(v[0], v[2]),
            w => Zip(Zip(Product(w[0], Turn(w[1])), w[2], (a, b) => a + b), w[3], (a, b) => a + b))
        { K = 7 };
        yield return new("LinearOp", "input-major, tails", [S(2, 17), S(17, 19)], v => new Weight(v[1], inputMajor: true).Multiply(v[0]), w => Product(w[0], w[1])) { K = 17 };
        yield return new("LinearOp", "added to its input", [S(3, 3), S(3, 3)], v => v[0] + new Weight(v[1]).Multiply(v[0]),
            w => Zip(Product(w[0], Turn(w[1])), w[0], (a, b) => a + b))
        { K = 4 };
        yield return new("LinearOp", "constant weight, leading axes", [S(2, 2, 3), S(4, 3), S(4)], v => new Weight(v[1]).Multiply(v[0], v[2]),
            w => Zip(Product(w[0], Turn(w[1])), w[2], (a, b) => a + b))
        { K = 4, Constants = [1] };
        yield return new("LinearOp", "with an activation", [S(3, 5), S(4, 5), S(4)], v => LinearOp.Apply(v[0], new Weight(v[1]), v[2], Activation.Relu),
            w => Zip(Product(w[0], Turn(w[1])), w[2], (a, b) => Math.Max(0, a + b)))
        { K = 9 };

        int[] targets = [2, 0, -100, 4, 1];
        float[] weights = [0.5f, 1.5f, 1, 2, 0.25f];
        (string Name, CrossEntropySettings Settings)[] settings =
        [
            ("mean", CrossEntropySettings.Default), ("sum", new() { Reduction = Reduction.Sum }), ("smoothed", new() { LabelSmoothing = 0.2f }), ("weighted", new() { ClassWeights = weights }),
            ("weighted and smoothed", new() { ClassWeights = weights, LabelSmoothing = 0.1f }), ("divided by 7", new() { Divisor = 7 }), ("ignoring class 4", new() { IgnoreIndex = 4 }),
        ];
        foreach ((string name, CrossEntropySettings s) in settings)
        {
            int[] used = s.IgnoreIndex == 4 ? [2, 0, 4, 4, 1] : targets;
            yield return new("CrossEntropyOp", name, [S(5, 5)], v => Loss.CrossEntropy(v[0], used, s), w => CrossEntropy(w[0], used, s)) { K = 32 };
            yield return new("VocabularyCrossEntropyOp", name, [S(5, 3), S(5, 3), S(5)], v => Loss.VocabularyCrossEntropy(v[0], new Weight(v[1]), v[2], used, s),
                w => CrossEntropy(Zip(Product(w[0], Turn(w[1])), w[2], (a, b) => a + b), used, s))
            { K = 48 };
        }

        int[] nothing = [-100, -100];
        yield return new("CrossEntropyOp", "nothing to predict", [S(2, 3)], v => Loss.CrossEntropy(v[0], nothing), w => new Wide([0], S()));
        yield return new("VocabularyCrossEntropyOp", "nothing to predict", [S(2, 3), S(4, 3)], v => Loss.VocabularyCrossEntropy(v[0], new Weight(v[1]), null, nothing), w => new Wide([0], S()));
        yield return new("VocabularyCrossEntropyOp", "tied and used twice, scaled", [S(2, 3), S(4, 3)], v => (Loss.VocabularyCrossEntropy(v[0], new Weight(v[1]), null, [1, 3]) * 3) + v[1].Sum(),
            w => new Wide([(3 * CrossEntropy(Product(w[0], Turn(w[1])), [1, 3], CrossEntropySettings.Default).Values[0]) + w[1].Values.Sum()], S()))
        { K = 64 };
        yield return new("VocabularyCrossEntropyOp", "constant weight", [S(2, 3), S(4, 3)], v => Loss.VocabularyCrossEntropy(v[0], new Weight(v[1]), null, [1, 3]), w => CrossEntropy(Product(w[0], Turn(w[1])), [1, 3], CrossEntropySettings.Default)) { K = 48, Constants = [1] };

        float[] marks = [0, 1, 0.25f, 1, 0, 0.75f];
        yield return new("BinaryCrossEntropyOp", "soft targets", [S(2, 3)], v => Loss.BinaryCrossEntropy(v[0], Tensor.Create(marks, 2, 3)),
            w => new Wide([w[0].Values.Select((z, i) => Math.Log(1 + Math.Exp(z)) - (z * marks[i])).Average()], S()))
        { K = 16 };
        yield return new("MeanSquaredErrorOp", "of two rows", [S(2, 3)], v => Loss.MeanSquaredError(v[0], Tensor.Create(marks, 2, 3)), w => new Wide([w[0].Values.Select((x, i) => (x - marks[i]) * (x - marks[i])).Average()], S())) { K = 8 };
        float[] teacher = [2, -1, 0.5f, 0, 3, float.NegativeInfinity];
        yield return new("DistillationOp", "T = 2, an impossible class", [S(2, 3)], v => Loss.Distillation(v[0], Tensor.Create(teacher, 2, 3), 2), w =>
        {
            double sum = 0;
            for (int n = 0; n < 2; n++)
            {
                double[] p = SoftmaxRow([.. teacher[(3 * n)..(3 * (n + 1))].Select(t => t / 2.0)]), q = LogSoftmaxRow([.. w[0].Values[(3 * n)..(3 * (n + 1))].Select(z => z / 2)]);
                for (int c = 0; c < 3; c++) sum += p[c] == 0 ? 0 : p[c] * (Math.Log(p[c]) - q[c]);
            }

            return new Wide([4 * sum / 2], S());
        })
        { K = 64 };

        foreach (Pooling pooling in Enum.GetValues<Pooling>())
            yield return new("PoolingOp", $"{pooling}", [S(6, 19)], v => v[0].Pool([0, 3, 3, 4, 6], pooling), w => Pooled(w[0], [0, 3, 3, 4, 6], pooling)) { K = 6 };
        yield return new("NormalizeOp", "rows", [S(3, 7)], v => v[0].Normalize(), w => Rows(w[0], x => [.. x.Select(v => v / Math.Sqrt(x.Sum(u => u * u)))])) { K = 9 };
    }

    private static Wide Turn(Wide x)
    {
        Wide y = Wide.Zeros(x.Shape[1], x.Shape[0]);
        for (int i = 0; i < x.Shape[0]; i++)
            for (int j = 0; j < x.Shape[1]; j++) y[j, i] = x[i, j];
        return y;
    }

    private static Wide Product(Wide a, Wide b)
    {
        int m = a.Shape[-2], k = a.Shape[-1], n = b.Shape[-1];
        Shape ba = new(a.Shape.ToArray().AsSpan()[..^2]), bb = new(b.Shape.ToArray().AsSpan()[..^2]), batches = BroadcastKernel.Shape(ba, bb, "test");
        double[] y = new double[batches.Count * m * n];
        for (int i = 0; i < batches.Count; i++)
        {
            int atA = Source(i, batches, ba) * m * k, atB = Source(i, batches, bb) * k * n;
            for (int r = 0; r < m; r++)
                for (int c = 0; c < n; c++)
                    for (int j = 0; j < k; j++) y[(((i * m) + r) * n) + c] += a.Values[atA + (r * k) + j] * b.Values[atB + (j * n) + c];
        }

        return new Wide(y, new Shape([.. batches.ToArray(), m, n]));
    }

    private static Wide CrossEntropy(Wide logits, int[] targets, CrossEntropySettings s)
    {
        double sum = 0, weight = 0;
        int C = logits.Shape[1];
        for (int n = 0; n < targets.Length; n++)
        {
            if (targets[n] == s.IgnoreIndex) continue;
            double[] log = LogSoftmaxRow(logits.Values[(n * C)..((n + 1) * C)]);
            double w = s.ClassWeights?[targets[n]] ?? 1;
            weight += w;
            sum -= (1 - s.LabelSmoothing) * w * log[targets[n]];
            for (int c = 0; c < C; c++) sum -= s.LabelSmoothing / (double)C * (s.ClassWeights?[c] ?? 1) * log[c];
        }

        return new Wide([sum / (s.Divisor ?? (s.Reduction == Reduction.Sum ? 1 : weight))], S());
    }

    private static Wide Pooled(Wide x, int[] starts, Pooling pooling)
    {
        Wide y = Wide.Zeros(starts.Length - 1, x.Shape[1]);
        for (int b = 0; b < starts.Length - 1; b++)
        {
            int n = starts[b + 1] - starts[b];
            for (int d = 0; d < (n == 0 ? 0 : x.Shape[1]); d++)
            {
                double[] column = [.. Enumerable.Range(starts[b], n).Select(r => x[r, d])];
                y[b, d] = pooling switch
                {
                    Pooling.Mean => column.Average(),
                    Pooling.First => column[0],
                    Pooling.Last => column[^1],
                    Pooling.Max => column.Max(),
                    Pooling.MeanSqrtLength => column.Sum() / Math.Sqrt(n),
                    _ => column.Select((v, i) => v * (i + 1)).Sum() / (n * (n + 1) / 2.0),
                };
            }
        }

        return y;
    }
}
