using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>y = (x − mean)/√(variance + ε)·gain + bias, row by row; the variance in a second pass over the row, divided by D.</summary>
/// <remarks>Ba et al. 2016, arXiv:1607.06450 §3.</remarks>
internal static unsafe partial class LayerNormKernel
{
    /// <summary>x, y: [N, D]; gain, bias: [D] or empty for 1 and 0; mean, rstd: [N], kept for the gradient. y may overwrite x.</summary>
    public static void Invoke(ReadOnlySpan<float> x, ReadOnlySpan<float> gain, ReadOnlySpan<float> bias, float epsilon, int width,
        Span<float> y, Span<float> mean, Span<float> rstd)
    {
        int rows = mean.Length;
        Check(x.Length, rows, width, gain.Length, rstd.Length);
        KernelThrow.UnlessLength(nameof(y), y.Length, x.Length);
        if (!bias.IsEmpty) KernelThrow.UnlessLength(nameof(bias), bias.Length, width);
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(x, gain, bias, epsilon, width, y, mean, rstd);
            return;
        }

        fixed (float* px = x, pg = gain, pb = bias, py = y, pm = mean, pr = rstd)
        {
            int each = LaneParts.RowsPerPart(width);
            LaneParts.Run(
                new ForwardWork { X = px, Gain = pg, Bias = pb, Y = py, Mean = pm, Rstd = pr, Epsilon = epsilon, Rows = rows, Width = width, Each = each },
                LaneParts.Count(rows, each));
        }
    }

    /// <summary>dx = rstd·(g − mean(g) − x̂·mean(g·x̂)) with g = gain·dy and x̂ = (x − mean)·rstd; dgain = Σₙ dy·x̂; dbias = Σₙ dy. Empty
    /// dgain or dbias: not wanted.</summary>
    public static void Gradient(ReadOnlySpan<float> x, ReadOnlySpan<float> gain, ReadOnlySpan<float> mean, ReadOnlySpan<float> rstd, ReadOnlySpan<float> dy, int width,
        Span<float> dx, Span<float> dgain, Span<float> dbias)
    {
        int rows = mean.Length;
        Check(x.Length, rows, width, gain.Length, rstd.Length);
        KernelThrow.UnlessLength(nameof(dy), dy.Length, x.Length);
        KernelThrow.UnlessLength(nameof(dx), dx.Length, x.Length);
        if (!dgain.IsEmpty) KernelThrow.UnlessLength(nameof(dgain), dgain.Length, width);
        if (!dbias.IsEmpty) KernelThrow.UnlessLength(nameof(dbias), dbias.Length, width);
        if (Lanes.Width == LaneWidth.None)
        {
            ScalarGradient(x, gain, mean, rstd, dy, width, dx, dgain, dbias);
            return;
        }

        float[] strips = RowBlocks.Rent(rows, width, 2);
        int blocks = RowBlocks.Count(rows);
        fixed (float* px = x, pg = gain, pm = mean, pr = rstd, pdy = dy, pdx = dx, ps = strips)
        {
            LaneParts.Run(
                new BackwardWork { X = px, Gain = pg, Mean = pm, Rstd = pr, Dy = pdy, Dx = pdx, Strips = ps, Rows = rows, Width = width, Each = RowBlocks.Size(rows) },
                blocks);
        }

        RowBlocks.Add(strips, blocks, 2, 0, width, dgain);
        RowBlocks.Add(strips, blocks, 2, 1, width, dbias);
        RowBlocks.Return(strips);
    }

    /// <summary>The definition.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gain, ReadOnlySpan<T> bias, T epsilon, int width, Span<T> y, Span<T> mean, Span<T> rstd)
        where T : IFloatingPointIeee754<T>
    {
        T count = T.CreateTruncating(width);
        for (int n = 0; n < mean.Length; n++)
        {
            ReadOnlySpan<T> row = x.Slice(n * width, width);
            T sum = T.Zero, squares = T.Zero;
            foreach (T v in row) sum += v;
            T m = sum / count;
            foreach (T v in row) squares += (v - m) * (v - m);
            T r = T.One / T.Sqrt((squares / count) + epsilon);
            (mean[n], rstd[n]) = (m, r);
            for (int d = 0; d < width; d++)
                y[(n * width) + d] = ((row[d] - m) * r * (gain.IsEmpty ? T.One : gain[d])) + (bias.IsEmpty ? T.Zero : bias[d]);
        }
    }

    /// <summary>The definition of the gradient.</summary>
    public static void ScalarGradient<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> gain, ReadOnlySpan<T> mean, ReadOnlySpan<T> rstd, ReadOnlySpan<T> dy, int width,
        Span<T> dx, Span<T> dgain, Span<T> dbias) where T : IFloatingPointIeee754<T>
    {
        T count = T.CreateTruncating(width);
        dgain.Clear();
        dbias.Clear();
        for (int n = 0; n < mean.Length; n++)
        {
            T sum = T.Zero, dot = T.Zero;
            for (int d = 0; d < width; d++)
            {
                int i = (n * width) + d;
                T hat = (x[i] - mean[n]) * rstd[n];
                T g = dy[i] * (gain.IsEmpty ? T.One : gain[d]);
                sum += g;
                dot += g * hat;
                if (!dgain.IsEmpty) dgain[d] += dy[i] * hat;
                if (!dbias.IsEmpty) dbias[d] += dy[i];
            }

            for (int d = 0; d < width; d++)
            {
                int i = (n * width) + d;
                T hat = (x[i] - mean[n]) * rstd[n];
                T g = dy[i] * (gain.IsEmpty ? T.One : gain[d]);
                dx[i] = rstd[n] * (g - (sum / count) - (hat * dot / count));
            }
        }
    }

    private static void Check(int elements, int rows, int width, int gain, int rstd)
    {
        KernelThrow.UnlessLength("x", elements, (long)rows * width);
        KernelThrow.UnlessLength("rstd", rstd, rows);
        if (gain != 0) KernelThrow.UnlessLength("gain", gain, width);
    }
}
