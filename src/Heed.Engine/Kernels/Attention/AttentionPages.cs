using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>How keys and values lie in a page, and the copying into it.</summary>
internal static unsafe class AttentionPages
{
    private const int Page = AttentionProblem.Page;

    /// <summary>The transposed keys [K][64] of a key head.</summary>
    public static float* Keys(float* page, int keyHead, int headWidth) => page + ((long)keyHead * headWidth * Page);

    /// <summary>The values [64][V padded] of a key head.</summary>
    public static float* Values(float* page, int keyHeads, int keyHead, int headWidth, int valueWidth) =>
        page + ((long)keyHeads * headWidth * Page) + ((long)keyHead * Page * AttentionProblem.Pad(valueWidth));

    /// <summary>The non-finite flag of a key head's values: 0, or NaN once one that is not finite was written.</summary>
    public static float* NonFiniteFlag(float* page, int keyHeads, int keyHead, int headWidth, int valueWidth) => Values(page, keyHeads, keyHeads, headWidth, valueWidth) + keyHead;

    /// <summary>Rows [rows][width], <paramref name="stride"/> apart, to columns: <paramref name="columns"/>[d·64 + t] =
    /// rows[t][d].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackKeys(float* from, nint stride, int rows, int width, float* columns)
    {
        int t = 0;
        for (; t + 4 <= rows; t += 4)
        {
            float* r = from + (t * stride);
            int d = 0;
            for (; d + 4 <= width; d += 4) Transpose(r + d, stride, columns + (d * Page) + t);
            for (; d < width; d++)
                for (int i = 0; i < 4; i++) columns[(d * Page) + t + i] = r[(i * stride) + d];
        }

        for (; t < rows; t++)
            for (int d = 0; d < width; d++) columns[(d * Page) + t] = from[(t * stride) + d];
    }

    /// <summary>Rows [rows][width], <paramref name="stride"/> apart, to rows padded with zeros to whole lanes.</summary>
    /// <returns>Their non-finite flag: 0, or NaN where some number is not finite.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float PackRows(float* from, nint stride, int rows, int width, float* to)
    {
        int pad = AttentionProblem.Pad(width);
        Vector128<float> flags = Vector128<float>.Zero;
        float flag = 0f;
        for (int t = 0; t < rows; t++, from += stride, to += pad)
        {
            int d = 0;
            for (; d + 4 <= width; d += 4)
            {
                Vector128<float> x = Vector128.Load(from + d);
                x.Store(to + d);
                flags += x * 0f;
            }

            for (; d < width; d++)
            {
                to[d] = from[d];
                flag += from[d] * 0f;
            }

            for (; d < pad; d++) to[d] = 0f;
        }

        return flag + Vector128.Sum(flags);
    }

    /// <summary>Zeroes the columns of the keys past the last token.</summary>
    public static void ClearTail(float* columns, int rows, int width)
    {
        if (rows == Page) return;
        for (int d = 0; d < width; d++) new Span<float>(columns + (d * Page) + rows, Page - rows).Clear();
    }

    // 4 × 4: two rounds of interleaving.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(float* from, nint stride, float* to)
    {
        Vector128<float> a = Vector128.Load(from), b = Vector128.Load(from + stride), c = Vector128.Load(from + (2 * stride)), d = Vector128.Load(from + (3 * stride));
        Vector128<float> ac0 = Low(a, c), ac1 = High(a, c), bd0 = Low(b, d), bd1 = High(b, d);
        Low(ac0, bd0).Store(to);
        High(ac0, bd0).Store(to + Page);
        Low(ac1, bd1).Store(to + (2 * Page));
        High(ac1, bd1).Store(to + (3 * Page));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> a, Vector128<float> b) =>
        System.Runtime.Intrinsics.X86.Sse.IsSupported ? System.Runtime.Intrinsics.X86.Sse.UnpackLow(a, b)
        : System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.IsSupported ? System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.ZipLow(a, b)
        : Vector128.Create(a.GetElement(0), b.GetElement(0), a.GetElement(1), b.GetElement(1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> a, Vector128<float> b) =>
        System.Runtime.Intrinsics.X86.Sse.IsSupported ? System.Runtime.Intrinsics.X86.Sse.UnpackHigh(a, b)
        : System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.IsSupported ? System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.ZipHigh(a, b)
        : Vector128.Create(a.GetElement(2), b.GetElement(2), a.GetElement(3), b.GetElement(3));
}
