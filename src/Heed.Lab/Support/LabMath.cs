namespace Heed.Lab.Support;

/// <summary>Sums in float64, in order: the same bits everywhere.</summary>
internal static class LabMath
{
    public static double Mean(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double v in values) sum += v;
        return sum / values.Length;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Root of the mean square about zero.</summary>
    public static double RootMeanSquare(ReadOnlySpan<float> values)
    {
        double squares = 0;
        foreach (float v in values) squares += (double)v * v;
        return Math.Sqrt(squares / values.Length);
    }

    public static double StandardDeviation(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        foreach (float v in values) sum += v;
        double mean = sum / values.Length;
        foreach (float v in values) squares += (v - mean) * (v - mean);
        return Math.Sqrt(squares / values.Length);
    }

    /// <summary>Euclidean norm.</summary>
    public static double Norm(ReadOnlySpan<float> values) => RootMeanSquare(values) * Math.Sqrt(values.Length);

    /// <summary>‖a − b‖ / ‖a‖.</summary>
    public static double RelativeDifference(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double difference = 0, size = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            size += (double)a[i] * a[i];
        }

        return Math.Sqrt(difference / size);
    }

    /// <summary>Number of values whose bits differ.</summary>
    public static int Differing(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        int count = 0;
        for (int i = 0; i < a.Length; i++)
            if (BitConverter.SingleToInt32Bits(a[i]) != BitConverter.SingleToInt32Bits(b[i])) count++;
        return count;
    }

    /// <summary>The slope of the least-squares line.</summary>
    public static double Slope(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double mx = Mean(x), my = Mean(y), xy = 0, xx = 0;
        for (int i = 0; i < x.Length; i++)
        {
            xy += (x[i] - mx) * (y[i] - my);
            xx += (x[i] - mx) * (x[i] - mx);
        }

        return xy / xx;
    }

    /// <summary>The slope of the least-squares line through logarithms.</summary>
    public static double LogLogSlope(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
        => Slope([.. x.ToArray().Select(v => Math.Log(v))], [.. y.ToArray().Select(v => Math.Log(v))]);

    /// <summary>The next power of ten at or above a value: what rounding alone leaves is not reported to more digits than it has.</summary>
    public static double PowerOfTenAbove(double value) => value <= 0 ? 0 : double.Parse(
        FormattableString.Invariant($"1e{(int)Math.Ceiling(Math.Log10(value) - 1e-9)}"), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Singular values of a matrix in descending order, by rotations of pairs of rows (Golub and Van Loan, §8.6.3).</summary>
    /// <param name="matrix">[rows][columns]; it is overwritten.</param>
    public static double[] SingularValues(double[][] matrix)
    {
        int n = matrix.Length;
        for (int sweep = 0; sweep < 60; sweep++)
        {
            bool rotated = false;
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++)
                {
                    double alpha = Dot(matrix[p], matrix[p]), beta = Dot(matrix[q], matrix[q]), gamma = Dot(matrix[p], matrix[q]);
                    if (gamma * gamma <= 1e-30 * alpha * beta || gamma == 0) continue;
                    rotated = true;
                    double zeta = (beta - alpha) / (2 * gamma);
                    double t = (zeta >= 0 ? 1 : -1) / (Math.Abs(zeta) + Math.Sqrt(1 + (zeta * zeta)));
                    double c = 1 / Math.Sqrt(1 + (t * t)), s = c * t;
                    for (int i = 0; i < matrix[p].Length; i++)
                        (matrix[p][i], matrix[q][i]) = ((c * matrix[p][i]) - (s * matrix[q][i]), (s * matrix[p][i]) + (c * matrix[q][i]));
                }
            }

            if (!rotated) break;
        }

        return [.. matrix.Select(row => Math.Sqrt(Dot(row, row))).OrderDescending()];
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
