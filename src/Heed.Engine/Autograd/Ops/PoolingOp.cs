using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>How the rows of a sequence become one.</summary>
public enum Pooling
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The first row.</summary>
    First,

    /// <summary>The greatest value in each column.</summary>
    Max,

    /// <summary>Their sum over √length.</summary>
    MeanSqrtLength,

    /// <summary>Their mean with the weights 1, 2, 3, …</summary>
    WeightedMean,

    /// <summary>The last row.</summary>
    Last,
}

/// <summary>
/// One row for each sequence of a packed batch.  x: [N, D], y: [B, D].  The first rows of each may be left out (a prompt's);
/// weights keep counting from the sequence's first row. A sequence without rows gives zeros.
/// </summary>
internal sealed class PoolingOp : Op
{
    private readonly Variable _x;
    private readonly int[] _starts;
    private readonly Pooling _pooling;
    private readonly int _skip;
    private readonly int[] _places;

    private PoolingOp(Variable x, int[] starts, Pooling pooling, int skip, int[] places)
        => (_x, _starts, _pooling, _skip, _places) = (x, starts, pooling, skip, places);

    /// <param name="x">[N, D].</param>
    /// <param name="starts">[B + 1]: first row of each sequence, and N at the end.</param>
    /// <param name="pooling">How.</param>
    /// <param name="skip">Leading rows of each sequence that are left out, ≥ 0.</param>
    public static Variable Apply(Variable x, ReadOnlySpan<int> starts, Pooling pooling, int skip = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        (int N, int D) = x.Shape.Bind2(nameof(x), "[N, D]");
        if (starts.IsEmpty || starts[0] != 0 || starts[^1] != N) throw new ArgumentException($"The starts of sequences run from 0 to {N}, the number of rows.", nameof(starts));
        int B = starts.Length - 1;
        Tensor y = Tensor.Zeros(B, D);
        int[] places = pooling == Pooling.Max ? new int[B * D] : [];
        for (int b = 0; b < B; b++)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(starts[b + 1], starts[b], nameof(starts));
            int first = starts[b] + skip, count = starts[b + 1] - first;
            if (count <= 0) continue;
            ReadOnlySpan<float> rows = x.Value.Span.Slice(first * D, count * D);
            Span<float> target = y.Span.Slice(b * D, D);
            if (pooling == Pooling.Max)
            {
                ReductionKernel.MaxRows(rows, D, target, places.AsSpan(b * D, D));
                continue;
            }

            for (int i = 0; i < count; i++)
                if (Weight(pooling, i, count, skip) is var w and not 0) ElementKernel.AddScaled(rows.Slice(i * D, D), w, target);
        }

        return IsRecorded(x) ? Tape.Record(new PoolingOp(x, starts.ToArray(), pooling, skip, places), y) : y;
    }

    // dx = weight·dy of its sequence; of a maximum: dy at its place
    protected override void Backward(Tensor dy)
    {
        int D = dy.Shape.Last;
        Tensor dx = OpenGradient(_x, out bool accumulate);
        if (!accumulate) dx.Span.Clear();
        for (int b = 0; b < dy.Shape[0]; b++)
        {
            int first = _starts[b] + _skip, count = _starts[b + 1] - first;
            if (count <= 0) continue;
            ReadOnlySpan<float> source = dy.Span.Slice(b * D, D);
            Span<float> rows = dx.Span.Slice(first * D, count * D);
            if (_pooling == Pooling.Max)
            {
                for (int d = 0; d < D; d++) rows[(_places[(b * D) + d] * D) + d] += source[d];
                continue;
            }

            for (int i = 0; i < count; i++)
                if (Weight(_pooling, i, count, _skip) is var w and not 0) ElementKernel.AddScaled(source, w, rows.Slice(i * D, D));
        }
    }

    private static float Weight(Pooling pooling, int i, int count, int skip) => pooling switch
    {
        Pooling.Mean => 1f / count,
        Pooling.First => i == 0 ? 1 : 0,
        Pooling.Last => i == count - 1 ? 1 : 0,
        Pooling.MeanSqrtLength => 1 / MathF.Sqrt(count),
        Pooling.WeightedMean => (float)((skip + i + 1) / ((skip * (double)count) + (0.5 * count * (count + 1)))),
        _ => throw new ArgumentOutOfRangeException(nameof(pooling), pooling, "Not a weighted sum of rows."),
    };
}
