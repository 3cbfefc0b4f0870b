using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

internal static partial class OpCases
{
    private static double[] SoftmaxRow(double[] x)
    {
        double max = x.Max(), sum = x.Sum(v => Math.Exp(v - max));
        return [.. x.Select(v => Math.Exp(v - max) / sum)];
    }

    private static double[] LogSoftmaxRow(double[] x)
    {
        double max = x.Max(), log = max + Math.Log(x.Sum(v => Math.Exp(v - max)));
        return [.. x.Select(v => v - log)];
    }

    private static IEnumerable<OpCase> RowOps()
    {
        foreach (Shape shape in new[] { S(3, 5), S(1, 1), S(2, 2, 17), S(0, 3), S(2, 37) })
        {
            yield return new("SoftmaxOp", $"{shape}", [shape], v => v[0].Softmax(), w => Rows(w[0], SoftmaxRow)) { K = shape.Last + 8 };
            yield return new("LogSoftmaxOp", $"{shape}", [shape], v => v[0].LogSoftmax(), w => Rows(w[0], LogSoftmaxRow)) { K = shape.Last + 8 };
        }

        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            if (activation == Activation.Identity) continue;
            foreach (Shape shape in new[] { S(3, 11), S(1), S(0) })
            {
                yield return new("ActivationOp", $"{activation} of {shape}", [shape], v => v[0].Activate(activation), w => w[0].Map(x => ActivationKernel.Scalar(activation, x))) { AwayFromZero = 0.01f, K = 4 };
                yield return new("GatedActivationOp", $"{activation} of {shape}", [shape, shape], v => v[0].Gate(v[1], activation), w => Zip(w[0], w[1], (g, u) => ActivationKernel.Scalar(activation, g) * u)) { AwayFromZero = 0.01f, K = 4 };
            }
        }

        yield return new("GatedActivationOp", "constant gate", [S(2, 3), S(2, 3)], v => v[0].Gate(v[1], Activation.Silu), w => Zip(w[0], w[1], (g, u) => ActivationKernel.Scalar(Activation.Silu, g) * u)) { Constants = [0], K = 4 };

        foreach ((int n, int d) in new[] { (3, 5), (1, 2), (2, 37), (70, 3), (0, 4) })
        {
            const double Epsilon = 1e-5f;
            yield return new("LayerNormOp", $"[{n}, {d}]", [S(n, d), S(d), S(d)], v => v[0].LayerNorm(v[1], v[2], 1e-5f), w => Scaled(Rows(w[0], x => Normal(x, Epsilon)), w[1], w[2])) { K = d + 16 };
            yield return new("LayerNormOp", $"[{n}, {d}] without gain and bias", [S(n, d)], v => v[0].LayerNorm(null, null, 1e-5f), w => Rows(w[0], x => Normal(x, Epsilon))) { K = d + 16 };
            yield return new("LayerNormOp", $"[{n}, {d}] with a constant gain", [S(n, d), S(d)], v => v[0].LayerNorm(v[1], null, 1e-5f), w => Scaled(Rows(w[0], x => Normal(x, Epsilon)), w[1], null)) { K = d + 16, Constants = [1] };
            yield return new("RmsNormOp", $"[{n}, {d}]", [S(n, d), S(d)], v => v[0].RmsNorm(v[1], 1e-5f), w => Scaled(Rows(w[0], x => Rms(x, Epsilon)), w[1], null)) { K = d + 16 };
            yield return new("RmsNormOp", $"[{n}, {d}] without gain", [S(n, d)], v => v[0].RmsNorm(null, 1e-5f), w => Rows(w[0], x => Rms(x, Epsilon))) { K = d + 16 };
        }
    }

    private static IEnumerable<OpCase> Blocks()
    {
        yield return new("CheckpointOp", "two ops recomputed, used twice", [S(3, 5)], v =>
        {
            Variable y = Tape.Checkpoint(x => (x * x).Activate(Activation.Tanh), v[0]);
            return y + (y * v[0]);
        }, w => w[0].Map(x => Math.Tanh(x * x) * (1 + x)))
        { K = 8 };
        yield return new("CheckpointOp", "a block that reads a second variable", [S(3, 5), S(3, 5)], v =>
        {
            Variable other = v[1] * 2;
            return Tape.Checkpoint(x => x * other, v[0]);
        }, w => Zip(w[0], w[1], (x, y) => 2 * x * y))
        { K = 2 };
        yield return new("CheckpointOp", "a block without gradients beside", [S(3, 5), S(3, 5)], v => Tape.Checkpoint(x => x * 2, v[0]) + v[1], w => Zip(w[0], w[1], (x, y) => (2 * x) + y)) { Constants = [0], K = 2 };
    }

    private static double[] Normal(double[] x, double epsilon)
    {
        double mean = x.Average(), variance = x.Average(v => (v - mean) * (v - mean));
        return [.. x.Select(v => (v - mean) / Math.Sqrt(variance + epsilon))];
    }

    private static double[] Rms(double[] x, double epsilon)
    {
        double squares = x.Average(v => v * v);
        return [.. x.Select(v => v / Math.Sqrt(squares + epsilon))];
    }

    private static Wide Scaled(Wide x, Wide gain, Wide? bias)
    {
        Wide y = Zip(x, gain, (a, b) => a * b);
        return bias is null ? y : Zip(y, bias, (a, b) => a + b);
    }
}
