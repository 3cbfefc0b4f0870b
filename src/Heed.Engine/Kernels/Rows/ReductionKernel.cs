using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>Sums, maxima and their places, in orders fixed by the shape.</summary>
internal static unsafe partial class ReductionKernel
{
    /// <summary>Σ x over everything: blocks of 4096, whose sums are summed the same way.</summary>
    public static float Sum(ReadOnlySpan<float> x) => Tree(x, default, squares: false);

    /// <summary>Σ x² over everything, by the tree of <see cref="Sum"/>.</summary>
    public static float SumOfSquares(ReadOnlySpan<float> x) => Tree(x, default, squares: true);

    /// <summary>Σ a·b over everything, by the tree of <see cref="Sum"/>.</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        KernelThrow.UnlessLength(nameof(b), b.Length, a.Length);
        return Tree(a, b, squares: false);
    }

    /// <summary>y[n] = Σ_d x[n, d].  x: [N, D], y: [N].</summary>
    public static void SumLast(ReadOnlySpan<float> x, int width, Span<float> y) => Last(LastKind.Sum, x, width, y, default);

    /// <summary>y[n] = max_d x[n, d] and, unless at is empty, its first place; of a row with NaN its first NaN, as in PyTorch. x: [N,
    /// D], y, at: [N].</summary>
    public static void MaxLast(ReadOnlySpan<float> x, int width, Span<float> y, Span<int> at)
    {
        if (width == 0 && !y.IsEmpty) throw new ArgumentException("The maximum of rows without elements is not defined.", nameof(width));
        if (!at.IsEmpty) KernelThrow.UnlessLength(nameof(at), at.Length, y.Length);
        Last(LastKind.Max, x, width, y, at);
    }

    /// <summary>The first place of the greatest element, or of the first NaN if there is one.</summary>
    public static int ArgMax(ReadOnlySpan<float> x)
    {
        if (x.IsEmpty) throw new ArgumentException("The greatest of no elements is not defined.", nameof(x));
        float max = 0;
        int at = 0;
        MaxLast(x, x.Length, new Span<float>(ref max), new Span<int>(ref at));
        return at;
    }

    /// <summary>y[d] = Σ_n x[n, d].  x: [N, D], y: [D]: blocks of rows, cut by N alone.</summary>
    public static void SumRows(ReadOnlySpan<float> x, int width, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(y), y.Length, width);
        int rows = x.Length / Math.Max(1, width);
        KernelThrow.UnlessLength(nameof(x), x.Length, (long)rows * width);
        if (Lanes.Width == LaneWidth.None)
        {
            ScalarSumRows(x, width, y);
            return;
        }

        float[] strips = RowBlocks.Rent(rows, width, 1);
        int blocks = RowBlocks.Count(rows);
        fixed (float* px = x, ps = strips)
            LaneParts.Run(new RowsWork { X = px, Strips = ps, Rows = rows, Width = width, Each = RowBlocks.Size(rows) }, blocks);
        RowBlocks.Add(strips, blocks, 1, 0, width, y);
        RowBlocks.Return(strips);
    }

    /// <summary>y[d] = max_n x[n, d] and its first row; of a column with NaN its first NaN, as in PyTorch. x: [N, D] with N ≥ 1, y, at:
    /// [D].</summary>
    public static void MaxRows(ReadOnlySpan<float> x, int width, Span<float> y, Span<int> at)
    {
        KernelThrow.UnlessLength(nameof(y), y.Length, width);
        KernelThrow.UnlessLength(nameof(at), at.Length, width);
        if (width == 0) return;
        int rows = x.Length / width;
        KernelThrow.UnlessLength(nameof(x), x.Length, (long)rows * width);
        if (rows == 0) throw new ArgumentException("The maximum over no rows is not defined.", nameof(x));
        x[..width].CopyTo(y);
        at.Clear();
        for (int n = 1; n < rows; n++)
        {
            ReadOnlySpan<float> row = x.Slice(n * width, width);
            for (int d = 0; d < width; d++)
                if (!(row[d] <= y[d]) && !float.IsNaN(y[d])) (y[d], at[d]) = (row[d], n);
        }
    }

    /// <summary>The definition of Σ a·b; b empty: Σ a.</summary>
    public static T Scalar<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int i = 0; i < a.Length; i++) sum += b.IsEmpty ? a[i] : a[i] * b[i];
        return sum;
    }

    /// <summary>The definition of Σ over rows.</summary>
    public static void ScalarSumRows<T>(ReadOnlySpan<T> x, int width, Span<T> y) where T : IFloatingPointIeee754<T>
    {
        y.Clear();
        for (int i = 0; i < x.Length; i++) y[i % width] += x[i];
    }

    private enum LastKind
    {
        Sum,
        Max,
    }

    private static void Last(LastKind kind, ReadOnlySpan<float> x, int width, Span<float> y, Span<int> at)
    {
        KernelThrow.UnlessLength(nameof(x), x.Length, (long)y.Length * width);
        int each = LaneParts.RowsPerPart(width);
        fixed (float* px = x, py = y)
        fixed (int* pat = at)
            LaneParts.Run(new LastWork { Kind = kind, X = px, Y = py, At = pat, Rows = y.Length, Width = width, Each = each }, LaneParts.Count(y.Length, each));
    }

    private static float Tree(ReadOnlySpan<float> a, ReadOnlySpan<float> b, bool squares)
    {
        if (Lanes.Width == LaneWidth.None) return Scalar(a, squares ? a : b);
        int parts = LaneParts.Count(a.Length, TreeWork.Block);
        if (parts == 0) return 0f;
        float[] sums = RowBlocks.RentFloats(parts);
        fixed (float* pa = a, pb = squares ? a : b, ps = sums)
            LaneParts.Run(new TreeWork { A = pa, B = pb, Sums = ps, Length = a.Length }, LaneParts.Count(parts, TreeWork.Blocks));
        float sum = parts == 1 ? sums[0] : Tree(sums.AsSpan(0, parts), default, squares: false);
        RowBlocks.Return(sums);
        return sum;
    }
}
