namespace Heed.Training.Metrics;

/// <summary>What <see cref="Significance.McNemar"/> found.</summary>
/// <param name="BothRight">Samples that both have right.</param>
/// <param name="OnlyFirstRight">Samples that only the first has right.</param>
/// <param name="OnlySecondRight">Samples that only the second has right.</param>
/// <param name="BothWrong">Samples that neither has right.</param>
/// <param name="PValue">Exact, two-sided: how likely a difference as large is if both are equally good; 1 if they never differ.</param>
public sealed record McNemarResult(int BothRight, int OnlyFirstRight, int OnlySecondRight, int BothWrong, double PValue);

/// <summary>
/// What
/// <see cref="Significance.PairedBootstrap(IReadOnlyList{double}, IReadOnlyList{double}, IReadOnlyList{IReadOnlyList{int}})"/>
/// found.
/// </summary>
public sealed record BootstrapResult
{
    /// <summary>Measure of the first minus measure of the second.</summary>
    public required double Difference { get; init; }

    /// <summary>The same of each resample.</summary>
    public required IReadOnlyList<double> Differences { get; init; }

    /// <summary>Share of resamples in which the first is not better (Koehn 2004).</summary>
    public required double Koehn { get; init; }

    /// <summary>Share of resamples whose difference is more than twice the difference (Berg-Kirkpatrick et al. 2012).</summary>
    public required double BergKirkpatrick { get; init; }

    /// <summary>
    /// sacreBLEU's: resamples whose |difference| is further above the mean one than the |difference|, one added to both
    /// counts.
    /// </summary>
    public required double SacreBleu { get; init; }
}

/// <summary>Whether one system is better than another on the same samples.</summary>
public static class Significance
{
    /// <summary>McNemar's exact test: of the samples that one side alone has right, how unevenly they are shared.</summary>
    /// <param name="gold">Right classes.</param>
    /// <param name="first">Classes that the first system predicted.</param>
    /// <param name="second">Classes that the second system predicted.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static McNemarResult McNemar(ReadOnlySpan<int> gold, ReadOnlySpan<int> first, ReadOnlySpan<int> second)
    {
        MetricThrow.IfLengthsDiffer(first.Length, gold.Length, nameof(first), nameof(gold));
        MetricThrow.IfLengthsDiffer(second.Length, gold.Length, nameof(second), nameof(gold));
        int both = 0, one = 0, two = 0;
        for (int i = 0; i < gold.Length; i++)
        {
            if (first[i] == gold[i] && second[i] == gold[i]) both++;
            else if (first[i] == gold[i]) one++;
            else if (second[i] == gold[i]) two++;
        }

        return new McNemarResult(both, one, two, gold.Length - both - one - two, TwoSided(Math.Min(one, two), one + two));
    }

    /// <summary>Paired bootstrap of the mean of a measure per sample.</summary>
    /// <param name="first">The first system's measure of each sample.</param>
    /// <param name="second">The second system's.</param>
    /// <param name="resamples">For each resample the samples drawn; <see cref="Resamples"/> draws some.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static BootstrapResult PairedBootstrap(IReadOnlyList<double> first, IReadOnlyList<double> second,
        IReadOnlyList<IReadOnlyList<int>> resamples)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        MetricThrow.IfLengthsDiffer(second.Count, first.Count, nameof(second), nameof(first));
        return PairedBootstrap(some => Mean(first, some), some => Mean(second, some), first.Count, resamples);

        static double Mean(IReadOnlyList<double> values, IReadOnlyList<int> some)
        {
            double sum = 0;
            foreach (int i in some) sum += values[i];
            return sum / some.Count;
        }
    }

    /// <summary>Paired bootstrap of a measure of whole corpora, such as <see cref="BleuCorpus.Score(IReadOnlyList{int})"/>.</summary>
    /// <param name="first">The first system's measure of the samples with these indices.</param>
    /// <param name="second">The second system's.</param>
    /// <param name="samples">Number of samples.</param>
    /// <param name="resamples">For each resample the samples drawn.</param>
    public static BootstrapResult PairedBootstrap(Func<IReadOnlyList<int>, double> first, Func<IReadOnlyList<int>, double> second,
        int samples, IReadOnlyList<IReadOnlyList<int>> resamples)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentNullException.ThrowIfNull(resamples);
        int[] all = [.. Enumerable.Range(0, samples)];
        double difference = first(all) - second(all);
        double[] each = [.. resamples.Select(some => first(some) - second(some))];
        double meanSize = each.Length == 0 ? 0 : each.Average(Math.Abs);
        return new BootstrapResult
        {
            Difference = difference,
            Differences = each,
            Koehn = (double)each.Count(d => d <= 0) / each.Length,
            BergKirkpatrick = (double)each.Count(d => d > 2 * difference) / each.Length,
            SacreBleu = (1.0 + each.Count(d => Math.Abs(d) - meanSize > Math.Abs(difference))) / (1 + each.Length),
        };
    }

    /// <summary>Draws resamples with replacement; the same seed gives the same draws.</summary>
    /// <param name="samples">Number of samples, and draws in each resample.</param>
    /// <param name="count">Number of resamples; 1,000 is usual.</param>
    /// <param name="seed">Seed of the generator (SplitMix64).</param>
    public static IReadOnlyList<IReadOnlyList<int>> Resamples(int samples, int count, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        int[][] draws = new int[count][];
        for (int i = 0; i < count; i++)
        {
            draws[i] = new int[samples];
            for (int j = 0; j < samples; j++) draws[i][j] = (int)Math.BigMul(Next(ref seed), (ulong)samples, out _);
        }

        return draws;

        static ulong Next(ref ulong state)
        {
            ulong z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>min(1, 2·P(X ≤ <paramref name="fewer"/>)), X ~ Binomial(<paramref name="all"/>, ½), from logarithms.</summary>
    private static double TwoSided(int fewer, int all)
    {
        if (all == 0) return 1;
        double logarithm = -all * Math.Log(2), sum = 0;
        for (int i = 0; i <= fewer; i++)
        {
            if (i > 0) logarithm += Math.Log((double)(all - i + 1) / i);
            sum += Math.Exp(logarithm);
        }

        return Math.Min(1, 2 * sum);
    }
}
