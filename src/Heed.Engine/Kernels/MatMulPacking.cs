using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Copies blocks of a matrix into the order in which the micro-kernels read them: [K][width], k by k.</summary>
internal static unsafe class MatMulPacking
{
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
        nint k = 0;
        for (; Avx.IsSupported && k <= K - 8; k += 8)
        {
            Vector256<float> r0 = Vector256.Load(s0 + k), r1 = Vector256.Load(s1 + k), r2 = Vector256.Load(s2 + k), r3 = Vector256.Load(s3 + k);
            Vector256<float> r4 = Vector256.Load(s4 + k), r5 = Vector256.Load(s5 + k), r6 = Vector256.Load(s6 + k), r7 = Vector256.Load(s7 + k);
            Transpose4(ref r0, ref r1, ref r2, ref r3);
            Transpose4(ref r4, ref r5, ref r6, ref r7);
            float* t = target + (k * width);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
