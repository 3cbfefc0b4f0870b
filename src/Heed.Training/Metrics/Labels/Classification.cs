namespace Heed.Training.Metrics;

/// <summary>Measures of single-label classification, by scikit-learn's definitions.</summary>
public static class Classification
{
    /// <summary>Compares predicted classes with gold classes.</summary>
    /// <param name="gold">Right classes, 0 to <paramref name="classes"/> − 1.</param>
    /// <param name="predicted">Predicted classes, as many.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a label is no class.</exception>
    public static ClassificationReport Evaluate(ReadOnlySpan<int> gold, ReadOnlySpan<int> predicted, int classes)
    {
        MetricThrow.IfLengthsDiffer(predicted.Length, gold.Length, nameof(predicted), nameof(gold));
        MetricThrow.IfNoClasses(gold, classes, nameof(gold));
        MetricThrow.IfNoClasses(predicted, classes, nameof(predicted));
        long[][] confusion = [.. Enumerable.Range(0, classes).Select(_ => new long[classes])];
        for (int i = 0; i < gold.Length; i++) confusion[gold[i]][predicted[i]]++;
        long[] golds = [.. confusion.Select(row => row.Sum())],
            guesses = [.. Enumerable.Range(0, classes).Select(j => confusion.Sum(row => row[j]))];
        long right = Enumerable.Range(0, classes).Sum(c => confusion[c][c]);
        FScore[] scores = [.. Enumerable.Range(0, classes).Select(c => FScore.Of(confusion[c][c], guesses[c], golds[c]))];
        FScore[] present = [.. scores.Where(s => s.Support > 0)];
        return new ClassificationReport
        {
            Accuracy = gold.Length == 0 ? double.NaN : (double)right / gold.Length,
            BalancedAccuracy = present.Length == 0 ? double.NaN : present.Average(s => s.Recall),
            Classes = scores,
            Micro = FScore.Of(right, gold.Length, gold.Length),
            Macro = FScore.Macro(scores),
            Weighted = FScore.Weighted(scores),
            Matthews = Matthews(right, gold.Length, golds, guesses),
            Kappa = Kappa(confusion, golds, guesses, (i, j) => i == j ? 0 : 1),
            KappaLinear = Kappa(confusion, golds, guesses, (i, j) => Math.Abs(i - j)),
            KappaQuadratic = Kappa(confusion, golds, guesses, (i, j) => (double)(i - j) * (i - j)),
            Confusion = confusion,
        };
    }

    private static double Matthews(long right, long samples, long[] golds, long[] guesses)
    {
        double s = samples, both = 0, gold = 0, guess = 0;
        for (int c = 0; c < golds.Length; c++)
        {
            both += (double)golds[c] * guesses[c];
            gold += (double)golds[c] * golds[c];
            guess += (double)guesses[c] * guesses[c];
        }

        double spread = ((s * s) - gold) * ((s * s) - guess);
        return spread == 0 ? 0 : ((right * s) - both) / Math.Sqrt(spread);
    }

    /// <summary>1 − Σ w·observed / Σ w·expected; NaN if nothing is expected to disagree.</summary>
    private static double Kappa(long[][] confusion, long[] golds, long[] guesses, Func<int, int, double> weight)
    {
        double observed = 0, expected = 0, samples = golds.Sum();
        for (int i = 0; i < golds.Length; i++)
        {
            for (int j = 0; j < golds.Length; j++)
            {
                observed += weight(i, j) * confusion[i][j];
                expected += weight(i, j) * golds[i] * guesses[j] / samples;
            }
        }

        return expected > 0 ? 1 - (observed / expected) : double.NaN;
    }
}
