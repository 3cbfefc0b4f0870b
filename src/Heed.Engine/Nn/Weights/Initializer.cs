using System.Text;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>How a parameter gets its first values. Each value depends on seed, parameter name and index alone.</summary>
public sealed class Initializer
{
    private readonly Action<Span<float>, Shape, CounterRandom> _fill;

    private Initializer(Action<Span<float>, Shape, CounterRandom> fill) => _fill = fill;

    /// <summary>All zeros: biases.</summary>
    public static Initializer Zeros { get; } = new((values, _, _) => values.Clear());

    /// <summary>All ones: gains of norms.</summary>
    public static Initializer Ones { get; } = new((values, _, _) => values.Fill(1));

    /// <summary>Glorot and Bengio 2010: uniform in ±√(6 / (fan in + fan out)); the 2017 Transformer's.</summary>
    public static Initializer GlorotUniform { get; } = new((values, shape, random) =>
    {
        (int fanIn, int fanOut) = Fans(shape);
        Uniform(values, MathF.Sqrt(6f / (fanIn + fanOut)), random);
    });

    /// <summary>Uniform in ±bound; recurrent layers use 1/√width.</summary>
    public static Initializer UniformWithin(float bound) => new((values, _, random) => Uniform(values, bound, random));

    /// <summary>Normal with mean 0: BERT and GPT-2 use 0.02; GPT-2 divides that of projections into the residual stream by √(2·layers)
    /// (Radford et al. 2019, §2.3).</summary>
    public static Initializer Normal(float deviation) => new((values, _, random) => random.Normal(values, 0, deviation));

    /// <summary>Normal, with the values from the second row on; one row (a padding token's) is zero.</summary>
    public static Initializer NormalExceptRow(float deviation, int row) => new((values, shape, random) =>
    {
        random.Normal(values, 0, deviation);
        if (row >= 0 && row < shape[0]) values.Slice(row * shape.Last, shape.Last).Clear();
    });

    /// <summary>One value everywhere.</summary>
    public static Initializer Constant(float value) => new((values, _, _) => values.Fill(value));

    /// <summary>A table [T, D] of <see cref="SinusoidalPositions"/>.</summary>
    public static Initializer Sinusoids { get; } = new((values, shape, _) =>
    {
        using Tensor table = new SinusoidalPositions(shape.Last).Forward([.. Enumerable.Range(0, shape.Rows)]);
        table.Span.CopyTo(values);
    });

    internal void Fill(Span<float> values, Shape shape, ulong seed, string name) => _fill(values, shape, new CounterRandom(seed, StreamOf(name)));

    /// <summary>A stream number for a name: FNV-1a over its UTF-8 bytes.</summary>
    internal static ulong StreamOf(string name)
    {
        ulong hash = 14695981039346656037;
        foreach (byte b in Encoding.UTF8.GetBytes(name)) hash = (hash ^ b) * 1099511628211;
        return hash;
    }

    private static void Uniform(Span<float> values, float bound, CounterRandom random)
    {
        random.Uniform(values);
        for (int i = 0; i < values.Length; i++) values[i] = ((2 * values[i]) - 1) * bound;
    }

    private static (int In, int Out) Fans(Shape shape) => shape.Rank < 2 ? (shape.Count, shape.Count) : (shape.Last, shape.Rows);
}
