using System.Buffers.Binary;

namespace Heed;

/// <summary>One block of GGUF's Q6_K: 256 values q of six bits (128 bytes of their low four, 64 of their high two), sixteen signed scales
/// s, and a binary16 scale d. The values are d·s·(q − 32), exact in float32.</summary>
internal static class Q6KBlock
{
    /// <summary>Values of a block.</summary>
    public const int Length = 256;

    /// <summary>Bytes of a block.</summary>
    public const int Bytes = 210;

    /// <summary>The definition of a block's values.</summary>
    public static void Scalar(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(b[208..]);
        for (int i = 0; i < Length; i++) y[i] = d * (sbyte)b[192 + (i / 16)] * (Get(b, i) - 32);
    }

    /// <summary>q of a value.</summary>
    internal static int Get(ReadOnlySpan<byte> b, int i)
    {
        (int half, int at) = (i / 128, i % 128);
        return ((b[(64 * half) + (at % 64)] >> (at / 64 * 4)) & 15) | (((b[128 + (32 * half) + (at % 32)] >> (at / 32 * 2)) & 3) << 4);
    }

    /// <summary>Rounds finite values: several scales are tried for each sixteen; the one with the least sum of squared errors, each
    /// weighted by the square of its value, stays, after a least-squares correction.</summary>
    /// <param name="x">[256].</param>
    /// <param name="b">[210], cleared.</param>
    public static void Round(ReadOnlySpan<float> x, Span<byte> b)
    {
        Span<float> scales = stackalloc float[16];
        float extreme = 0;
        for (int g = 0; g < 16; g++)
        {
            scales[g] = SignedScale(x.Slice(16 * g, 16), 32);
            if (MathF.Abs(scales[g]) > MathF.Abs(extreme)) extreme = scales[g];
        }

        float d = (float)(Half)(extreme / -128);
        BinaryPrimitives.WriteHalfLittleEndian(b[208..], (Half)d);
        if (d == 0)
        {
            Fill(b);
            return;
        }

        for (int g = 0; g < 16; g++)
        {
            int small = Math.Clamp(Q4KBlock.Nearest(scales[g] / d), -128, 127);
            b[192 + g] = (byte)(sbyte)small;
            float scale = d * small;
            for (int i = 16 * g; i < 16 * (g + 1); i++)
                Put(b, i, scale == 0 ? 32 : Math.Clamp(Q4KBlock.Nearest(x[i] / scale), -32, 31) + 32);
        }
    }

    private static void Fill(Span<byte> b)
    {
        for (int i = 0; i < 256; i++) Put(b, i, 32);
    }

    internal static void Put(Span<byte> b, int i, int q)
    {
        (int half, int at) = (i / 128, i % 128);
        b[(64 * half) + (at % 64)] |= (byte)((q & 15) << (at / 64 * 4));
        b[128 + (32 * half) + (at % 32)] |= (byte)(q >> 4 << (at / 32 * 2));
    }

    /// <summary>The scale of whole numbers from −<paramref name="half"/> to <paramref name="half"/> − 1 that fits best.</summary>
    private static float SignedScale(ReadOnlySpan<float> x, int half)
    {
        float extreme = 0;
        foreach (float v in x)
            if (MathF.Abs(v) > MathF.Abs(extreme)) extreme = v;
        if (MathF.Abs(extreme) < 1e-30f) return 0;
        float best = 0;
        double bestGain = -1;
        for (int trial = -9; trial <= 9; trial++)
        {
            float inverse = -(half + (0.1f * trial)) / extreme;
            double product = 0, square = 0;
            foreach (float v in x)
            {
                int q = Math.Clamp(Q4KBlock.Nearest(v * inverse), -half, half - 1);
                double weight = (double)v * v;
                product += weight * v * q;
                square += weight * q * q;
            }

            // The best scale for these whole numbers is product / square; what it explains is product² / square.
            if (square > 0 && product * product / square > bestGain) (best, bestGain) = ((float)(product / square),
                product * product / square);
        }

        return best;
    }
}
