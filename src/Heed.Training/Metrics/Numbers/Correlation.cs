namespace Heed.Training.Metrics;

/// <summary>Correlations of two lists of numbers; NaN if a side is constant.</summary>
public static class Correlation
{
    /// <summary>Pearson's product-moment correlation.</summary>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static double Pearson(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        MetricThrow.IfLengthsDiffer(second.Length, first.Length, nameof(second), nameof(first));
        if (IsConstant(first) || IsConstant(second)) return double.NaN;
        double meanFirst = Mean(first), meanSecond = Mean(second), both = 0, squaresFirst = 0, squaresSecond = 0;
        for (int i = 0; i < first.Length; i++)
        {
            double a = first[i] - meanFirst, b = second[i] - meanSecond;
            both += a * b;
            squaresFirst += a * a;
            squaresSecond += b * b;
        }

        return Math.Clamp(both / (Math.Sqrt(squaresFirst) * Math.Sqrt(squaresSecond)), -1, 1);
    }

    /// <summary>Spearman's correlation: Pearson's of the ranks, equal values with their mean rank.</summary>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static double Spearman(ReadOnlySpan<double> first, ReadOnlySpan<double> second) => Pearson(Ranks(first), Ranks(second));

    /// <summary>Kendall's tau-b, which allows for ties.</summary>
    /// <remarks>Knight 1966: pairs in the wrong order are counted while sorting.</remarks>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static double KendallTauB(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        MetricThrow.IfLengthsDiffer(second.Length, first.Length, nameof(second), nameof(first));
        int n = first.Length;
        (double First, double Second)[] pairs = new (double, double)[n];
        for (int i = 0; i < n; i++) pairs[i] = (first[i], second[i]);
        Array.Sort(pairs);
        double all = Pairs(n), tiedFirst = 0, tiedBoth = 0, tiedSecond = 0;
        for (int i = 0, runFirst = 0, runBoth = 0; i < n; i++)
        {
            if (pairs[i].First != pairs[runFirst].First) runFirst = i;
            if (pairs[i] != pairs[runBoth]) runBoth = i;
            tiedFirst += i - runFirst;
            tiedBoth += i - runBoth;
        }

        double[] values = [.. pairs.Select(p => p.Second)];
        double exchanges = SortCounting(values, new double[n], 0, n);
        for (int i = 0, run = 0; i < n; i++)
        {
            if (values[i] != values[run]) run = i;
            tiedSecond += i - run;
        }

        if (tiedFirst == all || tiedSecond == all) return double.NaN;
        double agreement = all - tiedFirst - tiedSecond + tiedBoth - (2 * exchanges);
        return Math.Clamp(agreement / Math.Sqrt(all - tiedFirst) / Math.Sqrt(all - tiedSecond), -1, 1);
    }

    /// <summary>Ranks from 1, equal values with their mean rank.</summary>
    internal static double[] Ranks(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        double[] ranks = new double[sorted.Length];
        for (int i = 0; i < sorted.Length;)
        {
            int end = i;
            while (end < sorted.Length && sorted[end] == sorted[i]) end++;
            for (int j = i; j < end; j++) ranks[order[j]] = (i + end + 1) / 2.0;
            // NaN equals nothing, itself included.
            i = Math.Max(end, i + 1);
        }

        return ranks;
    }

    /// <summary>The arithmetic mean; NaN of nothing.</summary>
    internal static double Mean(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values) sum += value;
        return sum / values.Length;
    }

    /// <summary>True where all values are equal, or there is none.</summary>
    internal static bool IsConstant(ReadOnlySpan<double> values) => values.IsEmpty || !values.ContainsAnyExcept(values[0]);

    private static double Pairs(double n) => n * (n - 1) / 2;

    /// <summary>Sorts by merging and counts the pairs that stood in falling order.</summary>
    private static double SortCounting(double[] values, double[] spare, int start, int end)
    {
        if (end - start < 2) return 0;
        int middle = (start + end) / 2;
        double exchanges = SortCounting(values, spare, start, middle) + SortCounting(values, spare, middle, end);
        for (int to = start, left = start, right = middle; to < end; to++)
        {
            if (right == end || (left < middle && values[left] <= values[right]))
            {
                spare[to] = values[left++];
            }
            else
            {
                spare[to] = values[right++];
                exchanges += middle - left;
            }
        }

        Array.Copy(spare, start, values, start, end - start);
        return exchanges;
    }
}
