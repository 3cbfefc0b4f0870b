namespace Heed.Training.Metrics;

/// <summary>Predictions whose confidence falls into one range.</summary>
/// <param name="Count">Predictions.</param>
/// <param name="Confidence">Their mean confidence; NaN if there is none.</param>
/// <param name="Accuracy">Share of right ones; NaN if there is none.</param>
public sealed record CalibrationBin(int Count, double Confidence, double Accuracy);

/// <summary>What <see cref="Calibration"/> found. Without samples every number is NaN.</summary>
public sealed record CalibrationReport
{
    /// <summary>Share of samples whose most likely class is right.</summary>
    public required double Accuracy { get; init; }

    /// <summary>Expected calibration error: the mean gap between confidence and accuracy of bins, weighted by their counts.</summary>
    public required double ExpectedError { get; init; }

    /// <summary>Maximum calibration error: the greatest gap of a bin that is not empty.</summary>
    public required double MaximumError { get; init; }

    /// <summary>The expected error over bins of equal counts instead of equal widths.</summary>
    public required double AdaptiveError { get; init; }

    /// <summary>Brier score: mean of Σₖ (pₖ − yₖ)², 0 to 2.</summary>
    public required double Brier { get; init; }

    /// <summary>Mean negative log-likelihood of the right class, in nats.</summary>
    public required double NegativeLogLikelihood { get; init; }

    /// <summary>The bins of equal width, from confidence 0 to 1.</summary>
    public required IReadOnlyList<CalibrationBin> Bins { get; init; }
}

/// <summary>What <see cref="Calibration.FitTemperature"/> found.</summary>
/// <param name="Temperature">Divides the logits.</param>
/// <param name="Before">Mean negative log-likelihood without it, in nats.</param>
/// <param name="After">Mean negative log-likelihood with it, in nats.</param>
public sealed record TemperatureFit(double Temperature, double Before, double After);

/// <summary>How far probabilities can be believed, and the temperature that makes them so. Fit on dev data, report on test data.</summary>
/// <remarks>Guo et al. 2017, arXiv:1706.04599. The confidence is the greatest probability, its class the lowest at ties; bin i of B is
/// (i/B, (i+1)/B].</remarks>
public static class Calibration
{
    /// <summary>Compares probabilities with gold classes.</summary>
    /// <param name="probabilities">[N, C] in row-major order; rows sum to 1.</param>
    /// <param name="gold">[N]: right classes.</param>
    /// <param name="classes">C.</param>
    /// <param name="bins">Number of bins.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a label is no class.</exception>
    public static CalibrationReport Evaluate(ReadOnlySpan<double> probabilities, ReadOnlySpan<int> gold, int classes, int bins = 15)
    {
        Check(probabilities, gold, classes, nameof(probabilities));
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        int samples = gold.Length;
        (double Confidence, bool Right)[] tops = new (double, bool)[samples];
        double brier = 0, nats = 0;
        for (int i = 0; i < samples; i++)
        {
            ReadOnlySpan<double> row = probabilities.Slice(i * classes, classes);
            int top = 0;
            for (int c = 0; c < classes; c++)
            {
                if (row[c] > row[top]) top = c;
                double gap = row[c] - (c == gold[i] ? 1 : 0);
                brier += gap * gap;
            }

            tops[i] = (row[top], top == gold[i]);
            nats -= Math.Log(row[gold[i]]);
        }

        CalibrationBin[] equalWidths = [.. Enumerable.Range(0, bins).Select(b => Bin(tops.Where(t => BinOf(t.Confidence, bins) == b)))];
        (double Confidence, bool Right)[] sorted = [.. tops.OrderBy(t => t.Confidence)];
        CalibrationBin[] equalCounts = [.. Enumerable.Range(0, bins).Select(b => Bin(sorted[Start(b)..Start(b + 1)]))];
        return new CalibrationReport
        {
            Accuracy = (double)tops.Count(t => t.Right) / samples,
            ExpectedError = Expected(equalWidths, samples),
            MaximumError = samples == 0 ? double.NaN : equalWidths.Where(b => b.Count > 0).Max(Gap),
            AdaptiveError = Expected(equalCounts, samples),
            Brier = brier / samples,
            NegativeLogLikelihood = nats / samples,
            Bins = equalWidths,
        };

        // The first (samples mod bins) groups have one more.
        int Start(int group) => (group * (samples / bins)) + Math.Min(group, samples % bins);
    }

    /// <summary>Brier score of two classes: mean of (p − y)², half of the score over both.</summary>
    /// <param name="probabilities">Probability of the positive class.</param>
    /// <param name="gold">Whether each sample is positive.</param>
    public static double BinaryBrier(ReadOnlySpan<double> probabilities, ReadOnlySpan<bool> gold)
    {
        MetricThrow.IfLengthsDiffer(probabilities.Length, gold.Length, nameof(probabilities), nameof(gold));
        double sum = 0;
        for (int i = 0; i < gold.Length; i++) sum += (probabilities[i] - (gold[i] ? 1 : 0)) * (probabilities[i] - (gold[i] ? 1 : 0));
        return sum / gold.Length;
    }

    /// <summary>Mean negative log-likelihood of two classes, in nats.</summary>
    /// <param name="probabilities">Probability of the positive class.</param>
    /// <param name="gold">Whether each sample is positive.</param>
    public static double BinaryNegativeLogLikelihood(ReadOnlySpan<double> probabilities, ReadOnlySpan<bool> gold)
    {
        MetricThrow.IfLengthsDiffer(probabilities.Length, gold.Length, nameof(probabilities), nameof(gold));
        double sum = 0;
        for (int i = 0; i < gold.Length; i++) sum -= Math.Log(gold[i] ? probabilities[i] : 1 - probabilities[i]);
        return sum / gold.Length;
    }

    /// <summary>Probabilities of logits.</summary>
    /// <param name="logits">[N, C] in row-major order.</param>
    /// <param name="classes">C.</param>
    /// <returns>[N, C].</returns>
    public static double[] Softmax(ReadOnlySpan<double> logits, int classes)
    {
        MetricThrow.Rows(logits.Length, classes, nameof(logits));
        double[] probabilities = new double[logits.Length];
        for (int at = 0; at < logits.Length; at += classes) Softmax(logits.Slice(at, classes), 1, probabilities.AsSpan(at, classes));
        return probabilities;
    }

    /// <summary>The temperature within bounds with the least negative log-likelihood.</summary>
    /// <param name="logits">[N, C] in row-major order.</param>
    /// <param name="gold">[N]: right classes.</param>
    /// <param name="classes">C.</param>
    /// <param name="lowest">Lower bound: the result where all are right.</param>
    /// <param name="highest">Upper bound: the result where the logits are worse than chance.</param>
    /// <exception cref="ArgumentException">The lists differ in length, a label is no class, or there are no samples.</exception>
    public static TemperatureFit FitTemperature(ReadOnlySpan<double> logits, ReadOnlySpan<int> gold, int classes, double lowest = 0.01,
        double highest = 100)
    {
        Check(logits, gold, classes, nameof(logits));
        if (gold.Length == 0) throw new ArgumentException("There are no samples to fit to.", nameof(gold));
        if (!(lowest > 0 && lowest < highest)) throw new ArgumentOutOfRangeException(nameof(lowest), lowest,
            $"The bounds must be above 0 and rising; the upper one is {highest}.");
        // In b = 1/T the likelihood is convex: its slope rises through the one root.
        double low = 1 / highest, high = 1 / lowest, temperature;
        if (Slope(logits, gold, classes, low) >= 0) temperature = highest;
        else if (Slope(logits, gold, classes, high) <= 0) temperature = lowest;
        else
        {
            while (true)
            {
                double middle = (low + high) / 2;
                if (middle <= low || middle >= high) break;
                if (Slope(logits, gold, classes, middle) < 0) low = middle;
                else high = middle;
            }

            temperature = 1 / high;
        }

        return new TemperatureFit(temperature, Nats(logits, gold, classes, 1), Nats(logits, gold, classes, 1 / temperature));
    }

    private static void Check(ReadOnlySpan<double> matrix, ReadOnlySpan<int> gold, int classes, string argument)
    {
        MetricThrow.IfLengthsDiffer(MetricThrow.Rows(matrix.Length, classes, argument), gold.Length, argument, nameof(gold));
        MetricThrow.IfNoClasses(gold, classes, nameof(gold));
    }

    private static int BinOf(double confidence, int bins)
    {
        int bin = 0;
        while (bin < bins - 1 && confidence > (bin + 1) / (double)bins) bin++;
        return bin;
    }

    private static CalibrationBin Bin(IEnumerable<(double Confidence, bool Right)> predictions)
    {
        (double Confidence, bool Right)[] all = [.. predictions];
        return all.Length == 0
            ? new CalibrationBin(0, double.NaN, double.NaN)
            : new CalibrationBin(all.Length, all.Average(p => p.Confidence), (double)all.Count(p => p.Right) / all.Length);
    }

    private static double Expected(CalibrationBin[] bins, int samples) => bins.Where(b => b.Count > 0).Sum(b => b.Count * Gap(b)) / samples;

    private static double Gap(CalibrationBin bin) => Math.Abs(bin.Confidence - bin.Accuracy);

    private static void Softmax(ReadOnlySpan<double> logits, double scale, Span<double> to)
    {
        double highest = double.NegativeInfinity, sum = 0;
        foreach (double logit in logits) highest = Math.Max(highest, logit * scale);
        for (int c = 0; c < to.Length; c++) sum += to[c] = Math.Exp((logits[c] * scale) - highest);
        for (int c = 0; c < to.Length; c++) to[c] /= sum;
    }

    /// <summary>Derivative of the mean negative log-likelihood by b, p = softmax(b·z): mean of Σₖ pₖ·zₖ − z_gold.</summary>
    private static double Slope(ReadOnlySpan<double> logits, ReadOnlySpan<int> gold, int classes, double b)
    {
        double sum = 0;
        double[] p = new double[classes];
        for (int i = 0; i < gold.Length; i++)
        {
            ReadOnlySpan<double> row = logits.Slice(i * classes, classes);
            Softmax(row, b, p);
            for (int c = 0; c < classes; c++) sum += p[c] * row[c];
            sum -= row[gold[i]];
        }

        return sum / gold.Length;
    }

    private static double Nats(ReadOnlySpan<double> logits, ReadOnlySpan<int> gold, int classes, double b)
    {
        double sum = 0;
        for (int i = 0; i < gold.Length; i++)
        {
            ReadOnlySpan<double> row = logits.Slice(i * classes, classes);
            double highest = double.NegativeInfinity, total = 0;
            foreach (double logit in row) highest = Math.Max(highest, logit * b);
            foreach (double logit in row) total += Math.Exp((logit * b) - highest);
            sum += highest + Math.Log(total) - (row[gold[i]] * b);
        }

        return sum / gold.Length;
    }
}
