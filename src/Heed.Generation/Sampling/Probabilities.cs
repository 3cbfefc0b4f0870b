namespace Heed.Generation.Sampling;

/// <summary>Softmax and sorting over one row of scores, as the warpers need them.</summary>
internal static class Probabilities
{
    /// <summary>softmax(scores) in float32, summed in float64.</summary>
    public static void Softmax(ReadOnlySpan<float> scores, Span<float> probabilities)
    {
        float max = Max(scores);
        double sum = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            float p = max == float.NegativeInfinity ? 0 : MathF.Exp(scores[i] - max);
            probabilities[i] = p;
            sum += p;
        }

        float scale = sum == 0 ? 0 : (float)(1 / sum);
        for (int i = 0; i < probabilities.Length; i++) probabilities[i] *= scale;
    }

    /// <summary>1 / (1 + e⁻ˢ) of each score, in place.</summary>
    public static void Sigmoid(Span<float> scores)
    {
        foreach (ref float s in scores) s = 1 / (1 + MathF.Exp(-s));
    }

    /// <summary>log softmax(scores), in place.</summary>
    public static void LogSoftmax(Span<float> scores)
    {
        float max = Max(scores);
        double sum = 0;
        foreach (float s in scores) sum += Math.Exp(s - max);
        float offset = (float)(max + Math.Log(sum));
        for (int i = 0; i < scores.Length; i++) scores[i] -= offset;
    }

    /// <summary>Indices of the finite keys by ascending key; equal keys keep their order.</summary>
    public static int[] Ascending(ReadOnlySpan<float> keys)
    {
        ulong[] sortable = new ulong[keys.Length];
        int count = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if (!float.IsFinite(keys[i])) continue;
            uint bits = BitConverter.SingleToUInt32Bits(keys[i] + 0f);                     // −0 and 0 are equal keys
            bits ^= (uint)((int)bits >> 31) | 0x80000000u;                                 // unsigned order = order of floats
            sortable[count++] = ((ulong)bits << 32) | (uint)i;
        }

        Array.Sort(sortable, 0, count);
        int[] order = new int[count];
        for (int i = 0; i < count; i++) order[i] = (int)(uint)sortable[i];
        return order;
    }

    /// <summary>Σ −p·log p, p &gt; 0.</summary>
    public static double Entropy(ReadOnlySpan<float> probabilities)
    {
        double entropy = 0;
        foreach (float p in probabilities)
            if (p > 0) entropy -= p * Math.Log(p);
        return entropy;
    }

    /// <summary>The largest score.</summary>
    public static float Max(ReadOnlySpan<float> scores) => System.Numerics.Tensors.TensorPrimitives.Max(scores);
}
