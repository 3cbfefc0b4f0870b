using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>y = x/√(mean(x²) + ε)·gain, row by row.</summary>
/// <remarks>Zhang and Sennrich 2019, arXiv:1910.07467 §4.</remarks>
internal static unsafe partial class RmsNormKernel
{
    /// <summary>x, y: [N, D]; gain: [D] or empty for 1; rstd: [N], kept for the gradient. y may overwrite x.</summary>
    public static void Invoke(ReadOnlySpan<float> x, ReadOnlySpan<float> gain, float epsilon, int width, Span<float> y, Span<float> rstd)
    {
        int rows = rstd.Length;
        Check(x.Length, rows, width, gain.Length);
        KernelThrow.UnlessLength(nameof(y), y.Length, x.Length);
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(x, gain, epsilon, width, y, rstd);
            return;
        }

        fixed (float* px = x, pg = gain, py = y, pr = rstd)
        {
            int each = LaneParts.RowsPerPart(width);
            LaneParts.Run(new ForwardWork { X = px, Gain = pg, Y = py, Rstd = pr, Epsilon = epsilon, Rows = rows, Width = width, Each = each }, LaneParts.Count(rows, each));
        }
    }

    /// <summary>dx = rstd·(g − x̂·mean(g·x̂)) with g = gain·dy and x̂ = x·rstd; dgain = Σₙ dy·x̂. Empty dgain: not wanted.</summary>
    public static void Gradient(ReadOnlySpan<float> x, ReadOnlySpan<float> gain, ReadOnlySpan<float> rstd, ReadOnlySpan<float> dy, int width, Span<float> dx, Span<float> dgain)
    {
        int rows = rstd.Length;
        Check(x.Length, rows, width, gain.Length);
        KernelThrow.UnlessLength(nameof(dy), dy.Length, x.Length);
        KernelThrow.UnlessLength(nameof(dx), dx.Length, x.Length);
        if (!dgain.IsEmpty) KernelThrow.UnlessLength(nameof(dgain), dgain.Length, width);
        if (Lanes.Width == LaneWidth.None)
        {
            ScalarGradient(x, gain, rstd, dy, width, dx, dgain);
            return;
        }

        float[] strips = RowBlocks.Rent(rows, width, 1);
        int blocks = RowBlocks.Count(rows);
        fixed (float* px = x, pg = gain, pr = rstd, pdy = dy, pdx = dx, ps = strips)
        {
            LaneParts.Run(
                new BackwardWork { X = px, Gain = pg, Rstd = pr, Dy = pdy, Dx = pdx, Strips = ps, Rows = rows, Width = width, Each = RowBlocks.Size(rows) },
                blocks);
        }

        RowBlocks.Add(strips, blocks, 1, 0, width, dgain);
        RowBlocks.Return(strips);
    }

    /// <summary>The definition.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gain, T epsilon, int width, Span<T> y, Span<T> rstd) where T : IFloatingPointIeee754<T>
    {
        for (int n = 0; n < rstd.Length; n++)
        {
            T squares = T.Zero;
            foreach (T v in x.Slice(n * width, width)) squares += v * v;
            rstd[n] = T.One / T.Sqrt((squares / T.CreateTruncating(width)) + epsilon);
            for (int d = 0; d < width; d++) y[(n * width) + d] = x[(n * width) + d] * rstd[n] * (gain.IsEmpty ? T.One : gain[d]);
        }
    }

    /// <summary>The definition of the gradient.</summary>
    public static void ScalarGradient<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gain, ReadOnlySpan<T> rstd, ReadOnlySpan<T> dy, int width, Span<T> dx, Span<T> dgain)
        where T : IFloatingPointIeee754<T>
    {
        dgain.Clear();
        for (int n = 0; n < rstd.Length; n++)
        {
            T dot = T.Zero;
            for (int d = 0; d < width; d++)
            {
                int i = (n * width) + d;
                dot += dy[i] * (gain.IsEmpty ? T.One : gain[d]) * x[i] * rstd[n];
                if (!dgain.IsEmpty) dgain[d] += dy[i] * x[i] * rstd[n];
            }

            for (int d = 0; d < width; d++)
            {
                int i = (n * width) + d;
                dx[i] = rstd[n] * ((dy[i] * (gain.IsEmpty ? T.One : gain[d])) - (x[i] * rstd[n] * dot / T.CreateTruncating(width)));
            }
        }
    }

    private static void Check(int elements, int rows, int width, int gain)
    {
        KernelThrow.UnlessLength("x", elements, (long)rows * width);
        if (gain != 0) KernelThrow.UnlessLength("gain", gain, width);
    }
}
