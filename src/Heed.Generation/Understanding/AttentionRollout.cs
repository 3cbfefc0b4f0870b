namespace Heed.Generation.Understanding;

/// <summary>How much of each row came from each token by attention alone: the product over layers of a share of the mean over heads and the
/// rest of I.</summary>
/// <remarks>Abnar and Zuidema 2020, arXiv:2005.00928 §3.</remarks>
internal static class AttentionRollout
{
    /// <summary>One more layer: the result after it, [T, T].</summary>
    /// <param name="before">[T, T] of the layers before; empty: this is the first.</param>
    /// <param name="pattern">[H, T, T] of the layer.</param>
    /// <param name="heads">H.</param>
    /// <param name="residual">True: ½ mean + ½ I; false: the mean alone.</param>
    public static double[] Next(double[] before, ReadOnlySpan<float> pattern, int heads, bool residual)
    {
        int T = (int)Math.Sqrt(pattern.Length / heads);
        double[] step = new double[T * T];
        for (int i = 0; i < pattern.Length; i++) step[i % step.Length] += pattern[i];
        for (int i = 0; i < step.Length; i++)
        {
            step[i] /= heads;
            if (residual) step[i] = (0.5 * step[i]) + (i / T == i % T ? 0.5 : 0);
        }

        if (before.Length == 0) return step;
        double[] after = new double[T * T];
        for (int q = 0; q < T; q++)
            for (int m = 0; m < T; m++)
            {
                double share = step[(q * T) + m];
                if (share == 0) continue;
                for (int k = 0; k < T; k++) after[(q * T) + k] += share * before[(m * T) + k];
            }

        return after;
    }
}
