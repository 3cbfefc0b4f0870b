using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Autograd;

/// <summary>A float64 array with a shape: what the oracles of the gradient checks compute with.</summary>
internal sealed record Wide(double[] Values, Shape Shape)
{
    public double this[params ReadOnlySpan<int> at]
    {
        get => Values[Position(at)];
        set => Values[Position(at)] = value;
    }

    public static Wide Zeros(params ReadOnlySpan<int> sizes)
    {
        Shape shape = new(sizes);
        return new Wide(new double[shape.Count], shape);
    }

    public Wide Map(Func<double, double> f) => new([.. Values.Select(f)], Shape);

    private int Position(ReadOnlySpan<int> at)
    {
        int index = 0;
        for (int i = 0; i < at.Length; i++) index = (index * Shape[i]) + at[i];
        return index;
    }
}

/// <summary>One check of an op: random inputs, the op in float32, and the same in float64 by plain loops, which is differentiated by
/// central differences.</summary>
/// <param name="Op">Name of the op's type.</param>
/// <param name="Name">What is special about the case.</param>
/// <param name="Inputs">Shapes of the inputs.</param>
/// <param name="Run">The op.</param>
/// <param name="Oracle">Its definition.</param>
internal sealed record OpCase(string Op, string Name, Shape[] Inputs, Func<Variable[], Variable> Run, Func<Wide[], Wide> Oracle)
{
    /// <summary>Length of the longest reduction: the float32 result may differ by 4·√K·2⁻²⁴ (more where the case says why).</summary>
    public int K { get; init; } = 1;

    /// <summary>Smallest and largest input value, drawn evenly; normal where both are 0.</summary>
    public (float Low, float High) Range { get; init; }

    /// <summary>The smallest distance of the inputs from 0, for functions with a kink or a pole there.</summary>
    public float AwayFromZero { get; init; }

    /// <summary>Inputs that need no gradient.</summary>
    public int[] Constants { get; init; } = [];

    public override string ToString() => $"{Op}: {Name}";

    public float[][] Draw()
    {
        float[][] inputs = new float[Inputs.Length][];
        for (int i = 0; i < inputs.Length; i++)
        {
            CounterRandom random = new(7, (ulong)i);
            float[] values = inputs[i] = new float[Inputs[i].Count];
            if (Range.Low == Range.High) random.Normal(values, 0, 1);
            else random.Uniform(values);
            for (int k = 0; k < values.Length; k++)
            {
                if (Range.Low != Range.High) values[k] = Range.Low + ((Range.High - Range.Low) * values[k]);
                if (MathF.Abs(values[k]) < AwayFromZero) values[k] = MathF.CopySign(AwayFromZero, values[k]);
            }
        }

        return inputs;
    }

    public void Check()
    {
        using Leaks leaks = new();
        float[][] inputs = Draw();
        Wide[] wide = [.. inputs.Select((v, i) => new Wide([.. v.Select(x => (double)x)], Inputs[i]))];
        Wide expected = Oracle(wide);

        // Inference records nothing and gives the same bits as training.
        Tensor plain = Run([.. inputs.Select((v, i) => (Variable)Tensor.Create(v, Inputs[i]))]).Value;
        Assert.Equal(expected.Shape, plain.Shape);
        Close.Relative($"{this}, forward", plain.Span, expected.Values, 4 * Math.Sqrt(K) * Math.Pow(2, -24), 1e-7 * Math.Sqrt(Math.Max(1, K)));

        // Views that begin anywhere in a larger block give the same bits as tensors of their own.
        Assert.Equal(plain.ToArray(), Run([.. inputs.Select((v, i) => (Variable)ViewOf(v, Inputs[i]))]).Value.ToArray());

        Leaf[] leaves = [.. inputs.Select(_ => new Leaf())];
        float[] dy = new float[expected.Values.Length];
        new CounterRandom(11, 0).Normal(dy, 0, 1);
        // Gradients of two backward passes add up, and each holds nothing afterwards.
        for (int pass = 0; pass < 2; pass++)
        {
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            // The first pass reads tensors of their own, the second one views: half of their sum is checked, so both must be right.
            Tensor Input(int i) => pass == 0 ? Tensor.Create(inputs[i], Inputs[i]) : ViewOf(inputs[i], Inputs[i]);
            Variable y = Run([.. leaves.Select((leaf, i) => Constants.Contains(i) ? (Variable)Input(i) : leaf.Of(Input(i)))]);
            Assert.Equal(plain.ToArray(), y.Value.ToArray());
            tape.Backward(y, Tensor.Create(dy, y.Shape));
            Assert.Equal(0, tape.Count);
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            if (Constants.Contains(i)) continue;
            double[] numeric = Numeric(wide, i, dy);
            float[] gradient = leaves[i].Gradient?.ToArray() ?? new float[inputs[i].Length];
            for (int k = 0; k < numeric.Length; k++)
            {
                double half = gradient[k] / 2;
                Assert.True(Math.Abs(half - numeric[k]) <= 1e-5 + (1e-3 * Math.Abs(numeric[k])), $"{this}: gradient of input {i} at {k} is {half:G9}; central differences give {numeric[k]:G9}.");
            }

            leaves[i].Clear();
        }
    }

    /// <summary>The values in the middle of a larger block, three floats behind an aligned address.</summary>
    private static Tensor ViewOf(float[] values, Shape shape)
    {
        const int Before = 3, Behind = 5;
        Tensor block = Tensor.Full(new Shape(Before + values.Length + Behind), float.NaN);
        values.CopyTo(block.Span[Before..]);
        return block.View(shape, Before);
    }

    private double[] Numeric(Wide[] inputs, int which, float[] dy)
    {
        const double Step = 1e-6;
        double[] values = inputs[which].Values, numeric = new double[values.Length];
        for (int k = 0; k < values.Length; k++)
        {
            double kept = values[k];
            values[k] = kept + Step;
            double up = Weighted(inputs, dy);
            values[k] = kept - Step;
            double down = Weighted(inputs, dy);
            values[k] = kept;
            numeric[k] = (up - down) / (2 * Step);
        }

        return numeric;
    }

    private double Weighted(Wide[] inputs, float[] dy)
    {
        double[] y = Oracle(inputs).Values;
        double sum = 0;
        for (int i = 0; i < y.Length; i++)
            if (double.IsFinite(y[i])) sum += y[i] * dy[i];
        return sum;
    }
}
