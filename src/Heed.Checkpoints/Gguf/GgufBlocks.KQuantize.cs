namespace Heed.Checkpoints.Gguf;

/// <summary>
/// Q4_K and Q6_K: the layout is llama.cpp's, the search for scales is our own. For each group several scales are tried; the one with the
/// least sum of squared errors, each weighted by the square of its value, stays, after a least-squares correction.
/// </summary>
internal static partial class GgufBlocks
{
    private const int Trials = 20;

    private static void ToQ6K(ReadOnlySpan<float> x, Span<byte> b)
    {
        Span<float> scales = stackalloc float[16];
        float extreme = 0;
        for (int g = 0; g < 16; g++)
        {
            scales[g] = SignedScale(x.Slice(16 * g, 16), 32);
            if (MathF.Abs(scales[g]) > MathF.Abs(extreme)) extreme = scales[g];
        }

        float d = (float)(Half)(extreme / -128);
        Put(b[208..], d);
        if (d == 0)
        {
            FillQ6K(b);
            return;
        }

        for (int g = 0; g < 16; g++)
        {
            int small = Math.Clamp(AwayFromZero(scales[g] / d), -128, 127);
            b[192 + g] = (byte)(sbyte)small;
            float scale = d * small;
            for (int i = 16 * g; i < 16 * (g + 1); i++)
                PutQ6K(b, i, scale == 0 ? 32 : Math.Clamp(AwayFromZero(x[i] / scale), -32, 31) + 32);
        }
    }

    private static void FillQ6K(Span<byte> b)
    {
        for (int i = 0; i < 256; i++) PutQ6K(b, i, 32);
    }

    private static void PutQ6K(Span<byte> b, int i, int q)
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
                int q = Math.Clamp(AwayFromZero(v * inverse), -half, half - 1);
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

    private static void ToQ4K(ReadOnlySpan<float> x, Span<byte> b)
    {
        Span<float> scales = stackalloc float[8], leasts = stackalloc float[8];
        float largestScale = 0, largestLeast = 0;
        for (int g = 0; g < 8; g++)
        {
            (scales[g], leasts[g]) = ScaleAndLeast(x.Slice(32 * g, 32), 15);
            (largestScale, largestLeast) = (MathF.Max(largestScale, scales[g]), MathF.Max(largestLeast, leasts[g]));
        }

        float d = (float)(Half)(largestScale / 63), least = (float)(Half)(largestLeast / 63);
        Put(b, d);
        Put(b[2..], least);
        for (int g = 0; g < 8; g++)
        {
            int s = d == 0 ? 0 : Math.Min(63, AwayFromZero(scales[g] / d)), m = least == 0 ? 0
                : Math.Min(63, AwayFromZero(leasts[g] / least));
            PutSixBits(b[4..], g, s, m);
            (float scale, float minimum) = (d * s, least * m);
            for (int j = 0; j < 32; j++)
            {
                int q = scale == 0 ? 0 : Math.Clamp(AwayFromZero((x[(32 * g) + j] + minimum) / scale), 0, 15);
                b[16 + (g / 2 * 32) + j] |= (byte)(q << (g % 2 * 4));
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
                int q = Math.Clamp(AwayFromZero((v - least) * inverse), 0, most);
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
            int q = Math.Clamp(AwayFromZero((v + least) / scale), 0, most);
            double difference = ((double)scale * q) - least - v;
            sum += (typical + Math.Abs(v)) * difference * difference;
        }

        return sum;
    }
}
