using System.Buffers.Binary;

namespace Heed;

/// <summary>One block of GGUF's Q4_K: binary16 scales d and e, eight scales s and minima m of six bits in twelve bytes, then 256 values q
/// of four bits. The values are (d·s)·q − e·m: the products are exact in float32, the difference is rounded.</summary>
internal static class Q4KBlock
{
    /// <summary>Values of a block.</summary>
    public const int Length = 256;

    /// <summary>Bytes of a block.</summary>
    public const int Bytes = 144;

    private const int Trials = 20;

    /// <summary>The definition of a block's values.</summary>
    public static void Scalar(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(b), least = (float)BinaryPrimitives.ReadHalfLittleEndian(b[2..]);
        for (int g = 0; g < 8; g++)
        {
            (int s, int m) = SixBits(b[4..], g);
            (float scale, float minimum) = (d * s, least * m);
            for (int j = 0; j < 32; j++) y[(32 * g) + j] = (scale * Get(b, (32 * g) + j)) - minimum;
        }
    }

    /// <summary>q of a value.</summary>
    internal static int Get(ReadOnlySpan<byte> b, int i) => (b[16 + (i / 64 * 32) + (i % 32)] >> (i / 32 % 2 * 4)) & 15;

    /// <summary>Puts q of a value into its place, which is clear.</summary>
    internal static void Put(Span<byte> b, int i, int q) => b[16 + (i / 64 * 32) + (i % 32)] |= (byte)(q << (i / 32 % 2 * 4));

    /// <summary>s and m of 32 values.</summary>
    internal static (int Scale, int Least) SixBits(ReadOnlySpan<byte> b, int group) => group < 4
        ? (b[group] & 63, b[group + 4] & 63)
        : ((b[group + 4] & 15) | (b[group - 4] >> 6 << 4), (b[group + 4] >> 4) | (b[group] >> 6 << 4));

    /// <summary>The nearest whole number, halves away from zero.</summary>
    internal static int Nearest(float x) => (int)MathF.Round(x, MidpointRounding.AwayFromZero);

    /// <summary>Rounds finite values: several scales are tried for each 32, as for <see cref="Q6KBlock"/>.</summary>
    /// <param name="x">[256].</param>
    /// <param name="b">[144], cleared.</param>
    public static void Round(ReadOnlySpan<float> x, Span<byte> b)
    {
        Span<float> scales = stackalloc float[8], leasts = stackalloc float[8];
        float largestScale = 0, largestLeast = 0;
        for (int g = 0; g < 8; g++)
        {
            (scales[g], leasts[g]) = ScaleAndLeast(x.Slice(32 * g, 32), 15);
            (largestScale, largestLeast) = (MathF.Max(largestScale, scales[g]), MathF.Max(largestLeast, leasts[g]));
        }

        float d = (float)(Half)(largestScale / 63), least = (float)(Half)(largestLeast / 63);
        BinaryPrimitives.WriteHalfLittleEndian(b, (Half)d);
        BinaryPrimitives.WriteHalfLittleEndian(b[2..], (Half)least);
        for (int g = 0; g < 8; g++)
        {
            int s = d == 0 ? 0 : Math.Min(63, Nearest(scales[g] / d)), m = least == 0 ? 0
                : Math.Min(63, Nearest(leasts[g] / least));
            PutSixBits(b[4..], g, s, m);
            (float scale, float minimum) = (d * s, least * m);
            for (int j = 0; j < 32; j++)
            {
                int q = scale == 0 ? 0 : Math.Clamp(Nearest((x[(32 * g) + j] + minimum) / scale), 0, 15);
                Put(b, (32 * g) + j, q);
            }
        }
    }

    private static void PutSixBits(Span<byte> b, int group, int scale, int least)
    {
        if (group < 4)
        {
            b[group] |= (byte)scale;
            b[group + 4] |= (byte)least;
            return;
        }

        b[group + 4] = (byte)((scale & 15) | (least & 15) << 4);
        b[group - 4] |= (byte)(scale >> 4 << 6);
        b[group] |= (byte)(least >> 4 << 6);
    }

    /// <summary>x ≈ scale · q − least with q from 0 to <paramref name="most"/>, scale and least not negative.</summary>
    private static (float Scale, float Least) ScaleAndLeast(ReadOnlySpan<float> x, int most)
    {
        float least = 0, largest = x[0];
        double squares = 0;
        foreach (float v in x)
        {
            (least, largest) = (MathF.Min(least, v), MathF.Max(largest, v));
            squares += (double)v * v;
        }

        if (largest <= least) return (0, -least);
        // Weights as llama.cpp's: large values count more, small ones are not forgotten.
        double typical = Math.Sqrt(squares / x.Length);
        (float Scale, float Least) best = ((largest - least) / most, -least);
        double bestError = Error(x, best.Scale, best.Least, most, typical);
        for (int trial = 0; trial <= Trials; trial++)
        {
            float inverse = (most - 1 + (0.1f * trial)) / (largest - least);
            double w = 0, wq = 0, wqq = 0, wx = 0, wxq = 0;
            foreach (float v in x)
            {
                int q = Math.Clamp(Nearest((v - least) * inverse), 0, most);
                double weight = typical + Math.Abs(v);
                (w, wq, wqq, wx, wxq) = (w + weight, wq + (weight * q), wqq + (weight * q * q), wx + (weight * v), wxq + (weight * v * q));
            }

            double determinant = (w * wqq) - (wq * wq);
            if (determinant <= 0) continue;
            double scale = ((w * wxq) - (wx * wq)) / determinant, minimum = ((wqq * wx) - (wq * wxq)) / determinant;
            if (minimum > 0) (minimum, scale) = (0, wqq > 0 ? wxq / wqq : 0);
            if (scale <= 0) continue;
            double error = Error(x, (float)scale, (float)-minimum, most, typical);
            if (error < bestError) (best, bestError) = (((float)scale, (float)-minimum), error);
        }

        return best;
    }

    private static double Error(ReadOnlySpan<float> x, float scale, float least, int most, double typical)
    {
        double sum = 0;
        foreach (float v in x)
        {
            int q = Math.Clamp(Nearest((v + least) / scale), 0, most);
            double difference = ((double)scale * q) - least - v;
            sum += (typical + Math.Abs(v)) * difference * difference;
        }

        return sum;
    }
}
