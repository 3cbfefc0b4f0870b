using Heed.Models;

namespace Heed.Verification;

/// <summary>L2 distances between computed and reference tensors, over the real tokens only.</summary>
internal static class TensorDistance
{
    /// <summary>Distance and the reference's norm over what counts.</summary>
    /// <param name="actual">Computed values.</param>
    /// <param name="expected">Reference values, as many.</param>
    /// <param name="shape">The shape of both.</param>
    /// <param name="tokenAxis">Axis that <paramref name="mask"/>'s columns stand for; its rows stand for axis 0.</param>
    /// <param name="mask">[B, T]: what is 0 does not count; null: all counts.</param>
    public static (double Distance, double Norm) Measure(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, ReadOnlySpan<long> shape, int tokenAxis = 0, TokenGrid? mask = null)
    {
        double distance = 0, norm = 0;
        if (mask is null)
        {
            Add(actual, expected, ref distance, ref norm);
            return (Math.Sqrt(distance), Math.Sqrt(norm));
        }

        int B = (int)shape[0], T = (int)shape[tokenAxis], between = 1, width = 1;
        for (int i = 1; i < tokenAxis; i++) between *= (int)shape[i];
        for (int i = tokenAxis + 1; i < shape.Length; i++) width *= (int)shape[i];
        for (int b = 0; b < B; b++)
        {
            for (int h = 0; h < between; h++)
            {
                for (int t = 0; t < T; t++)
                {
                    if (mask[b, t] == 0) continue;
                    int at = ((((b * between) + h) * T) + t) * width;
                    Add(actual.Slice(at, width), expected.Slice(at, width), ref distance, ref norm);
                }
            }
        }

        return (Math.Sqrt(distance), Math.Sqrt(norm));
    }

    private static void Add(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, ref double distance, ref double norm)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (float.IsFinite(expected[i]))
            {
                double difference = (double)actual[i] - expected[i];
                distance += difference * difference;
                norm += (double)expected[i] * expected[i];
            }
            else if (!actual[i].Equals(expected[i]))
            {
                distance = double.PositiveInfinity;
            }
        }
    }
}
