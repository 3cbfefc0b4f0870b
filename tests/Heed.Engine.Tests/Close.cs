namespace Heed.Engine.Tests;

/// <summary>Comparisons by relative L2 distance: ‖actual − expected‖ / ‖expected‖.</summary>
internal static class Close
{
    public static double Distance(ReadOnlySpan<float> actual, ReadOnlySpan<double> expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            // Equal infinities differ by nothing.
            double d = actual[i] == (float)expected[i] ? 0 : actual[i] - expected[i];
            difference += d * d;
        }

        return Math.Sqrt(difference);
    }

    public static double Norm(ReadOnlySpan<double> x)
    {
        double squares = 0;
        foreach (double v in x)
            if (double.IsFinite(v)) squares += v * v;
        return Math.Sqrt(squares);
    }

    /// <summary>Relative L2 within the limit; for expectations near zero, distance within the floor.</summary>
    public static void Relative(string what, ReadOnlySpan<float> actual, ReadOnlySpan<double> expected, double limit, double floor = 0)
    {
        double distance = Distance(actual, expected), norm = Norm(expected);
        Assert.True(distance <= Math.Max(limit * norm, floor), $"{what}: relative L2 {distance / norm:G3} (distance {distance:G3}, norm {norm:G3}); allowed {limit:G3}, floor {floor:G3}.");
    }

    public static void Relative(string what, ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, double limit, double floor = 0)
    {
        double[] wide = new double[expected.Length];
        for (int i = 0; i < wide.Length; i++) wide[i] = expected[i];
        Relative(what, actual, wide, limit, floor);
    }
}
