namespace Heed.Engine.Nn;

/// <summary>The angles a token that RoPE turns by: θ^(−2i/R), changed by a <see cref="RopeScaling"/>. All in float64.</summary>
internal static class RopeFrequencies
{
    /// <summary>Inverse frequencies, radians a token.</summary>
    /// <param name="rotary">R, even.</param>
    /// <param name="theta">θ, the base; 10000 as a rule.</param>
    /// <param name="scaling">The rule, or null for none.</param>
    /// <param name="maximumLength">Tokens of the model's context.</param>
    /// <param name="length">Tokens of the longest sequence: dynamic and LongRoPE depend on it.</param>
    /// <returns>[R/2].</returns>
    /// <exception cref="ArgumentException">LongRoPE's factors are missing or not R/2 in number.</exception>
    public static double[] Compute(int rotary, double theta, RopeScaling? scaling, int maximumLength, int length)
    {
        if (scaling is { Kind: RopeScalingKind.Dynamic })
        {
            // The base is raised so that the slowest frequency spans the longer context.
            double longest = Math.Max(length, maximumLength);
            theta *= Math.Pow((scaling.Factor * longest / maximumLength) - (scaling.Factor - 1), rotary / (rotary - 2.0));
        }

        double[] frequencies = new double[rotary / 2];
        for (int i = 0; i < frequencies.Length; i++) frequencies[i] = Math.Pow(theta, -2.0 * i / rotary);
        if (scaling is null) return frequencies;
        int original = scaling.OriginalLength > 0 ? scaling.OriginalLength : maximumLength;
        switch (scaling.Kind)
        {
            case RopeScalingKind.Linear:
                for (int i = 0; i < frequencies.Length; i++) frequencies[i] /= scaling.Factor;
                break;
            case RopeScalingKind.Yarn:
                Yarn(frequencies, rotary, theta, scaling, original);
                break;
            case RopeScalingKind.Llama3:
                Llama3(frequencies, scaling, original);
                break;
            case RopeScalingKind.LongRope:
                LongRope(frequencies, scaling, length > original);
                break;
            default:
                break;
        }

        return frequencies;
    }

    /// <summary>What cos and sin are multiplied by.</summary>
    /// <param name="scaling">The rule, or null for none.</param>
    /// <param name="maximumLength">Tokens of the model's context.</param>
    public static double AttentionScale(RopeScaling? scaling, int maximumLength)
    {
        if (scaling is null || scaling.Kind is not (RopeScalingKind.Yarn or RopeScalingKind.LongRope)) return 1;
        if (scaling.AttentionFactor is { } given) return given;
        if (scaling.Kind == RopeScalingKind.Yarn)
        {
            return scaling is { Scale: { } scale and not 0, ScaleAll: { } all and not 0 } ? YarnScale(scaling.Factor, scale) / YarnScale(scaling.Factor, all) : YarnScale(scaling.Factor, 1);
        }

        if (scaling.Factor <= 1) return 1;
        return Math.Sqrt(1 + (Math.Log(scaling.Factor) / Math.Log(scaling.OriginalLength > 0 ? scaling.OriginalLength : maximumLength)));
    }

    private static double YarnScale(double factor, double scale) => factor <= 1 ? 1 : (0.1 * scale * Math.Log(factor)) + 1;

    private static void Yarn(double[] frequencies, int rotary, double theta, RopeScaling s, int original)
    {
        // The dimension whose frequency makes so many turns over the original context.
        double Dimension(double turns) => rotary * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        double low = Dimension(s.BetaFast), high = Dimension(s.BetaSlow);
        if (s.Truncate) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, rotary - 1));
        if (low == high) high += 0.001;
        for (int i = 0; i < frequencies.Length; i++)
        {
            double divided = Math.Clamp((i - low) / (high - low), 0, 1);
            frequencies[i] = (frequencies[i] / s.Factor * divided) + (frequencies[i] * (1 - divided));
        }
    }

    private static void Llama3(double[] frequencies, RopeScaling s, int original)
    {
        for (int i = 0; i < frequencies.Length; i++)
        {
            double wavelength = 2 * Math.PI / frequencies[i];
            if (wavelength < original / s.HighFrequencyFactor) continue;
            double kept = wavelength > original / s.LowFrequencyFactor ? 0 : ((original / wavelength) - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
            frequencies[i] = ((1 - kept) * frequencies[i] / s.Factor) + (kept * frequencies[i]);
        }
    }

    private static void LongRope(double[] frequencies, RopeScaling s, bool isLong)
    {
        IReadOnlyList<double>? factors = isLong ? s.LongFactors : s.ShortFactors;
        if (factors is null || factors.Count != frequencies.Length)
            throw new ArgumentException($"LongRoPE needs {frequencies.Length} {(isLong ? "long" : "short")} factors, one for each pair of dimensions; {factors?.Count ?? 0} were given.", nameof(s));
        for (int i = 0; i < frequencies.Length; i++) frequencies[i] /= factors[i];
    }
}
