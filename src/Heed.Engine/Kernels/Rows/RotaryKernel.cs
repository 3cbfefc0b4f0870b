using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>Which dimensions of a head are turned together.</summary>
public enum RotaryPairs
{
    /// <summary>Dimension i with i + R/2: LLaMA's published weights, GPT-NeoX.</summary>
    Halves,

    /// <summary>Dimension 2i with 2i + 1: the paper, GPT-J, Cohere.</summary>
    Interleaved,
}

/// <summary>RoPE: turns pairs of a head's first R dimensions by an angle that grows with the position; the dimensions from R on
/// stay.</summary>
/// <remarks>Su et al., arXiv:2104.09864 §3.4.2.</remarks>
internal static unsafe partial class RotaryKernel
{
    /// <summary>Tables of cos and sin of position·frequency, times <paramref name="scale"/>, computed in float64. inverseFrequencies:
    /// [R/2]; cos, sin: [P, R/2], rows being the positions first, first + 1, ….</summary>
    public static void FillTables(ReadOnlySpan<double> inverseFrequencies, double scale, int first, Span<float> cos, Span<float> sin)
    {
        int half = inverseFrequencies.Length;
        KernelThrow.UnlessLength(nameof(sin), sin.Length, cos.Length);
        for (int i = 0; i < cos.Length; i++)
        {
            (double s, double c) = Math.SinCos((first + (i / half)) * inverseFrequencies[i % half]);
            cos[i] = (float)(c * scale);
            sin[i] = (float)(s * scale);
        }
    }

    /// <summary>y = x turned by the angles of each row's position, or by their negatives, which is the gradient.</summary>
    /// <param name="x">[N, H, K], or rows that lie further apart: row n begins at n·xStride.</param>
    /// <param name="xStride">Elements from one row of x to the next, ≥ H·K.</param>
    /// <param name="positions">[N], rows of the tables.</param>
    /// <param name="cos">[P, R/2].</param>
    /// <param name="sin">[P, R/2].</param>
    /// <param name="heads">H.</param>
    /// <param name="headWidth">K.</param>
    /// <param name="rotary">R, even, ≤ K.</param>
    /// <param name="pairs">Which dimensions are turned together.</param>
    /// <param name="inverse">Turn back: the gradient.</param>
    /// <param name="y">As x; may be x itself.</param>
    /// <param name="yStride">Elements from one row of y to the next.</param>
    public static void Invoke(ReadOnlySpan<float> x, int xStride, ReadOnlySpan<int> positions, ReadOnlySpan<float> cos, ReadOnlySpan<float> sin,
        int heads, int headWidth, int rotary, RotaryPairs pairs, bool inverse, Span<float> y, int yStride)
    {
        Check(x.Length, xStride, positions, cos.Length, sin.Length, heads, headWidth, rotary, y.Length, yStride);
        if (positions.IsEmpty) return;
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(x, xStride, positions, cos, sin, heads, headWidth, rotary, pairs, inverse, y, yStride);
            return;
        }

        fixed (float* px = x, pc = cos, ps = sin, py = y)
        fixed (int* pp = positions)
        {
            int each = LaneParts.RowsPerPart((long)heads * headWidth);
            LaneParts.Run(
                new RowWork
                {
                    X = px,
                    XStride = xStride,
                    Positions = pp,
                    Cos = pc,
                    Sin = ps,
                    Heads = heads,
                    HeadWidth = headWidth,
                    Rotary = rotary,
                    Interleaved = pairs == RotaryPairs.Interleaved,
                    Sign = inverse ? -1f : 1f,
                    Y = py,
                    YStride = yStride,
                    Rows = positions.Length,
                    Each = each,
                },
                LaneParts.Count(positions.Length, each));
        }
    }

    /// <summary>The definition.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> x, int xStride, ReadOnlySpan<int> positions, ReadOnlySpan<T> cos, ReadOnlySpan<T> sin,
        int heads, int headWidth, int rotary, RotaryPairs pairs, bool inverse, Span<T> y, int yStride) where T : IFloatingPointIeee754<T>
    {
        int half = rotary / 2;
        for (int n = 0; n < positions.Length; n++)
        {
            for (int h = 0; h < heads; h++)
            {
                int from = (n * xStride) + (h * headWidth), to = (n * yStride) + (h * headWidth);
                for (int i = 0; i < half; i++)
                {
                    (int first, int second) = pairs == RotaryPairs.Halves ? (i, i + half) : (2 * i, (2 * i) + 1);
                    T c = cos[(positions[n] * half) + i], s = sin[(positions[n] * half) + i];
                    if (inverse) s = -s;
                    (T a, T b) = (x[from + first], x[from + second]);
                    y[to + first] = (a * c) - (b * s);
                    y[to + second] = (b * c) + (a * s);
                }

                for (int i = rotary; i < headWidth; i++) y[to + i] = x[from + i];
            }
        }
    }

    private static void Check(long x, int xStride, ReadOnlySpan<int> positions, int cos, int sin, int heads, int headWidth, int rotary, long y, int yStride)
    {
        if (rotary < 0 || rotary % 2 != 0 || rotary > headWidth) throw new ArgumentOutOfRangeException(nameof(rotary), rotary, $"The rotary width is even and at most the head width {headWidth}.");
        long row = (long)heads * headWidth;
        ArgumentOutOfRangeException.ThrowIfLessThan(xStride, row);
        ArgumentOutOfRangeException.ThrowIfLessThan(yStride, row);
        KernelThrow.UnlessLength(nameof(sin), sin, cos);
        if (positions.IsEmpty) return;
        long last = positions.Length - 1;
        if (x < (last * xStride) + row) KernelThrow.UnlessLength(nameof(x), x, (last * xStride) + row);
        if (y < (last * yStride) + row) KernelThrow.UnlessLength(nameof(y), y, (last * yStride) + row);
        int rows = rotary == 0 ? int.MaxValue : cos / (rotary / 2);
        for (int n = 0; n < positions.Length; n++) KernelThrow.UnlessIndex(nameof(positions), n, positions[n], rows);
    }
}
