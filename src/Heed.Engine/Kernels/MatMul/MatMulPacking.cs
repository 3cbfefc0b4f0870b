using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Copies blocks of a matrix into the order in which the micro-kernels read them: [K][width], k by k.</summary>
internal static unsafe class MatMulPacking
{
    /// <summary>Panels that <see cref="StraightPanels"/> takes at a time: few enough streams of results for the ways of a first-level
    /// cache.</summary>
    public const int Abreast = 4;

    private const int Ahead = 4;   // rows

    /// <summary>target[k·width + j] = source[k·stride + j] for j &lt; count; zero up to width.</summary>
    public static void Straight(float* source, nint stride, int count, nint K, float* target, int width)
    {
        for (nint k = 0; k < K; k++)
        {
            int j = 0;
            for (; j <= count - 8; j += 8) Vector256.Load(source + j).Store(target + j);
            for (; j < count; j++) target[j] = source[j];
            for (; j < width; j++) target[j] = 0;
            source += stride;
            target += width;
        }
    }

    /// <summary>Straight for <see cref="Abreast"/> whole panels that lie side by side, each [K][width] of the target behind the one before;
    /// width is a multiple of 8.</summary>
    /// <remarks>One by one, panels would read a line or two from each row, too little for the processor to foresee the next.</remarks>
    public static void StraightPanels(float* source, nint stride, nint K, float* target, int width)
    {
        nint panel = K * width;
        for (nint k = 0; k < K; k++, source += stride, target += width)
        {
            float* ahead = source + (Ahead * stride);
            for (int j = 0; Sse.IsSupported && j < Abreast * width; j += 16) Sse.Prefetch0(ahead + j);
            for (int j = 0; j < width; j += 8)
            {
                Vector256.Load(source + j).Store(target + j);
                Vector256.Load(source + width + j).Store(target + panel + j);
                Vector256.Load(source + (2 * width) + j).Store(target + (2 * panel) + j);
                Vector256.Load(source + (3 * width) + j).Store(target + (3 * panel) + j);
            }
        }
    }

    /// <summary>Straight for blocks that lie side by side: block i takes the columns starts[i] … starts[i + 1] − 1, at most 16, and its
    /// target begins K·starts[i] behind the first.</summary>
    /// <remarks>Rows are read side by side too: one by one, blocks of few columns would read each line of the source several times, and
    /// most of it in vain.</remarks>
    public static void StraightBlocks(float* source, nint stride, ReadOnlySpan<int> starts, nint K, float* target)
    {
        // Few enough streams of results for the ways of a first-level cache, since their places in it may coincide.
        const int Most = 8;
        float** to = stackalloc float*[Most];
        int* widths = stackalloc int[Most];
        for (int first = 0; first < starts.Length - 1; first += Most)
        {
            int blocks = Math.Min(Most, starts.Length - 1 - first);
            for (int i = 0; i < blocks; i++)
            {
                to[i] = target + (K * starts[first + i]);
                widths[i] = starts[first + i + 1] - starts[first + i];
            }

            float* from = source + starts[first];
            for (nint k = 0; k < K; k++)
            {
                float* at = from + (k * stride);
                for (int i = 0; i < blocks; i++)
                {
                    int width = widths[i];
                    float* t = to[i];
                    if (k < K - 1)
                    {
                        // Whole vectors: what they write too much, the next k writes over; what they read too much lies in the next row.
                        Vector256.Load(at).Store(t);
                        if (width > 8) Vector256.Load(at + 8).Store(t + 8);
                    }
                    else
                    {
                        for (int j = 0; j < width; j++) t[j] = at[j];
                    }

                    to[i] = t + width;
                    at += width;
                }
            }
        }
    }

    /// <summary>target[k·width + j] = source[j·stride + k] for j &lt; count; zero up to width.</summary>
    public static void Transposing(float* source, nint stride, int count, nint K, float* target, int width)
    {
        int j = 0;
        for (; j < count; j += 8) Eight(source + (j * stride), stride, Math.Min(8, count - j), K, target + j, width);
        if (count == width) return;
        for (nint k = 0; k < K; k++)
            for (int pad = count; pad < width; pad++) target[(k * width) + pad] = 0;
    }

    /// <summary>The same for at most eight columns, and no zeros after them.</summary>
    public static void Eight(float* source, nint stride, int count, nint K, float* target, nint width)
    {
        // Rows that are not there repeat the first: read in bounds, and dropped below.
        float* s0 = source;
        float* s1 = count > 1 ? source + stride : source;
        float* s2 = count > 2 ? source + (2 * stride) : source;
        float* s3 = count > 3 ? source + (3 * stride) : source;
        float* s4 = count > 4 ? source + (4 * stride) : source;
        float* s5 = count > 5 ? source + (5 * stride) : source;
        float* s6 = count > 6 ? source + (6 * stride) : source;
        float* s7 = count > 7 ? source + (7 * stride) : source;
        nint k = 0, following = count * stride;
        for (; Avx.IsSupported && k <= K - 8; k += 8)
        {
            if ((k & 8) == 0)
            {
                // The rows that are wanted next: too short and too far apart for the processor to foresee them.
                Sse.Prefetch0(s0 + following + k);
                Sse.Prefetch0(s1 + following + k);
                Sse.Prefetch0(s2 + following + k);
                Sse.Prefetch0(s3 + following + k);
                Sse.Prefetch0(s4 + following + k);
                Sse.Prefetch0(s5 + following + k);
                Sse.Prefetch0(s6 + following + k);
                Sse.Prefetch0(s7 + following + k);
            }

            Vector256<float> r0 = Vector256.Load(s0 + k), r1 = Vector256.Load(s1 + k), r2 = Vector256.Load(s2 + k), r3 = Vector256.Load(s3 + k);
            Vector256<float> r4 = Vector256.Load(s4 + k), r5 = Vector256.Load(s5 + k), r6 = Vector256.Load(s6 + k), r7 = Vector256.Load(s7 + k);
            Transpose4(ref r0, ref r1, ref r2, ref r3);
            Transpose4(ref r4, ref r5, ref r6, ref r7);
            float* t = target + (k * width);
            // Where nothing lies between the columns of one k and the next, whole vectors are stored: what they write too much, the next k
            // writes over.
            if (count == 8 || (count == width && k < K - 8))
            {
                Avx.Permute2x128(r0, r4, 0x20).Store(t);
                Avx.Permute2x128(r1, r5, 0x20).Store(t + width);
                Avx.Permute2x128(r2, r6, 0x20).Store(t + (2 * width));
                Avx.Permute2x128(r3, r7, 0x20).Store(t + (3 * width));
                Avx.Permute2x128(r0, r4, 0x31).Store(t + (4 * width));
                Avx.Permute2x128(r1, r5, 0x31).Store(t + (5 * width));
                Avx.Permute2x128(r2, r6, 0x31).Store(t + (6 * width));
                Avx.Permute2x128(r3, r7, 0x31).Store(t + (7 * width));
                continue;
            }

            Put(t, r0.GetLower(), r4.GetLower(), count);
            Put(t + width, r1.GetLower(), r5.GetLower(), count);
            Put(t + (2 * width), r2.GetLower(), r6.GetLower(), count);
            Put(t + (3 * width), r3.GetLower(), r7.GetLower(), count);
            Put(t + (4 * width), r0.GetUpper(), r4.GetUpper(), count);
            Put(t + (5 * width), r1.GetUpper(), r5.GetUpper(), count);
            Put(t + (6 * width), r2.GetUpper(), r6.GetUpper(), count);
            Put(t + (7 * width), r3.GetUpper(), r7.GetUpper(), count);
        }

        for (; k < K; k++)
            for (int j = 0; j < count; j++) target[(k * width) + j] = source[(j * stride) + k];
    }

    // Within each half of the vectors: r0 … r3 become their transpose.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(ref Vector256<float> r0, ref Vector256<float> r1, ref Vector256<float> r2, ref Vector256<float> r3)
    {
        Vector256<float> low01 = Avx.UnpackLow(r0, r1), high01 = Avx.UnpackHigh(r0, r1), low23 = Avx.UnpackLow(r2, r3), high23 = Avx.UnpackHigh(r2, r3);
        r0 = Avx.Shuffle(low01, low23, 0x44);
        r1 = Avx.Shuffle(low01, low23, 0xEE);
        r2 = Avx.Shuffle(high01, high23, 0x44);
        r3 = Avx.Shuffle(high01, high23, 0xEE);
    }

    private static void Put(float* target, Vector128<float> low, Vector128<float> high, int count)
    {
        switch (count)
        {
            case 8: low.Store(target); high.Store(target + 4); break;
            case 7: low.Store(target); high.GetLower().Store(target + 4); target[6] = high[2]; break;
            case 6: low.Store(target); high.GetLower().Store(target + 4); break;
            case 5: low.Store(target); target[4] = high[0]; break;
            case 4: low.Store(target); break;
            case 3: low.GetLower().Store(target); target[2] = low[2]; break;
            case 2: low.GetLower().Store(target); break;
            default: target[0] = low[0]; break;
        }
    }
}
