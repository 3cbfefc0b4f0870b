using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>softmax and its logarithm over the rows of [N, C]. A row of −∞ alone gives zeros (and −∞ for the logarithm), and no
/// gradient.</summary>
internal static unsafe partial class SoftmaxKernel
{
    /// <summary>y = eˣ / Σ eˣ.  x, y: [N, C]; y may overwrite x.</summary>
    public static void Invoke(ReadOnlySpan<float> x, int width, Span<float> y) => Run(Kind.Softmax, x, default, width, y);

    /// <summary>dx = y·(dy − Σ dy·y).  y the result of the forward pass; dx may overwrite dy.</summary>
    public static void Gradient(ReadOnlySpan<float> y, ReadOnlySpan<float> dy, int width, Span<float> dx)
    {
        KernelThrow.UnlessLength(nameof(dy), dy.Length, y.Length);
        Run(Kind.SoftmaxGradient, y, dy, width, dx);
    }

    /// <summary>y = x − ln Σ eˣ.  x, y: [N, C]; y may overwrite x.</summary>
    public static void LogInvoke(ReadOnlySpan<float> x, int width, Span<float> y) => Run(Kind.LogSoftmax, x, default, width, y);

    /// <summary>dx = dy − eʸ·Σ dy.  y the result of the forward pass; dx may overwrite dy.</summary>
    public static void LogGradient(ReadOnlySpan<float> y, ReadOnlySpan<float> dy, int width, Span<float> dx)
    {
        KernelThrow.UnlessLength(nameof(dy), dy.Length, y.Length);
        Run(Kind.LogSoftmaxGradient, y, dy, width, dx);
    }

    /// <summary>The definition.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> x, int width, Span<T> y) where T : IFloatingPointIeee754<T>
    {
        for (int at = 0; at < x.Length; at += width)
        {
            ReadOnlySpan<T> row = x.Slice(at, width);
            T log = LogSum(row);
            for (int i = 0; i < width; i++) y[at + i] = T.IsNegativeInfinity(log) ? T.Zero : T.Exp(row[i] - log);
        }
    }

    /// <summary>The definition of the logarithm.</summary>
    public static void ScalarLog<T>(ReadOnlySpan<T> x, int width, Span<T> y) where T : IFloatingPointIeee754<T>
    {
        for (int at = 0; at < x.Length; at += width)
        {
            ReadOnlySpan<T> row = x.Slice(at, width);
            T log = LogSum(row);
            for (int i = 0; i < width; i++) y[at + i] = T.IsNegativeInfinity(log) ? T.NegativeInfinity : row[i] - log;
        }
    }

    /// <summary>The definition of the gradient.</summary>
    public static void ScalarGradient<T>(ReadOnlySpan<T> y, ReadOnlySpan<T> dy, int width, Span<T> dx) where T : IFloatingPointIeee754<T>
    {
        for (int at = 0; at < y.Length; at += width)
        {
            T dot = T.Zero;
            for (int i = at; i < at + width; i++) dot += y[i] * dy[i];
            for (int i = at; i < at + width; i++) dx[i] = y[i] * (dy[i] - dot);
        }
    }

    /// <summary>The definition of the logarithm's gradient.</summary>
    public static void ScalarLogGradient<T>(ReadOnlySpan<T> y, ReadOnlySpan<T> dy, int width, Span<T> dx) where T : IFloatingPointIeee754<T>
    {
        for (int at = 0; at < y.Length; at += width)
        {
            T sum = T.Zero, highest = T.NegativeInfinity;
            for (int i = at; i < at + width; i++) (sum, highest) = (sum + dy[i], T.Max(highest, y[i]));
            for (int i = at; i < at + width; i++) dx[i] = T.IsNegativeInfinity(highest) ? T.Zero : dy[i] - (T.Exp(y[i]) * sum);
        }
    }

    /// <summary>ln Σ eˣ; −∞ where nothing is above −∞.</summary>
    public static T LogSum<T>(ReadOnlySpan<T> x) where T : IFloatingPointIeee754<T>
    {
        T max = T.NegativeInfinity, sum = T.Zero;
        foreach (T v in x) max = T.Max(max, v);
        if (T.IsNegativeInfinity(max)) return max;
        foreach (T v in x) sum += T.Exp(v - max);
        return max + T.Log(sum);
    }

    private enum Kind
    {
        Softmax,
        SoftmaxGradient,
        LogSoftmax,
        LogSoftmaxGradient,
    }

    private static void Run(Kind kind, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, int width, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(y), y.Length, x.Length);
        if (x.IsEmpty) return;
        int rows = x.Length / Math.Max(1, width);
        KernelThrow.UnlessLength(nameof(x), x.Length, (long)rows * width);
        if (Lanes.Width == LaneWidth.None)
        {
            if (kind == Kind.Softmax) Scalar(x, width, y);
            else if (kind == Kind.LogSoftmax) ScalarLog(x, width, y);
            else if (kind == Kind.SoftmaxGradient) ScalarGradient(x, dy, width, y);
            else ScalarLogGradient(x, dy, width, y);
            return;
        }

        fixed (float* px = x, pdy = dy, py = y)
        {
            int each = LaneParts.RowsPerPart(width);
            LaneParts.Run(new RowWork { Kind = kind, X = px, Dy = pdy, Y = py, Rows = rows, Width = width, Each = each }, LaneParts.Count(rows, each));
        }
    }
}
