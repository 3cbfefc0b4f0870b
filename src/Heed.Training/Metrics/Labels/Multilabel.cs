namespace Heed.Training.Metrics;

/// <summary>What <see cref="Multilabel"/> found.</summary>
public sealed record MultilabelReport
{
    /// <summary>Share of samples with every label right.</summary>
    public required double SubsetAccuracy { get; init; }

    /// <summary>Share of wrong cells.</summary>
    public required double HammingLoss { get; init; }

    /// <summary>Each label's score.</summary>
    public required IReadOnlyList<FScore> Labels { get; init; }

    /// <summary>The score of pooled counts.</summary>
    public required FScore Micro { get; init; }

    /// <summary>The mean over labels.</summary>
    public required FScore Macro { get; init; }

    /// <summary>The mean over labels, weighted by gold positives.</summary>
    public required FScore Weighted { get; init; }

    /// <summary>The mean of samples' F1; a sample without labels on both sides counts 0.</summary>
    public required double SampleF1 { get; init; }

    /// <summary>The mean of samples' both / either; a sample without labels on both sides counts 0.</summary>
    public required double SampleJaccard { get; init; }

    /// <summary>Each label's area under the ROC curve; NaN with one class in gold.</summary>
    public required IReadOnlyList<double> RocAuc { get; init; }

    /// <summary>The mean of <see cref="RocAuc"/>; NaN if one is.</summary>
    public required double MacroRocAuc { get; init; }

    /// <summary>The area under the ROC curve of all cells as one label.</summary>
    public required double MicroRocAuc { get; init; }

    /// <summary>Each label's average precision; 0 without positives.</summary>
    public required IReadOnlyList<double> AveragePrecision { get; init; }

    /// <summary>The mean of <see cref="AveragePrecision"/>.</summary>
    public required double MacroAveragePrecision { get; init; }

    /// <summary>The average precision of all cells as one label.</summary>
    public required double MicroAveragePrecision { get; init; }
}

/// <summary>Measures of multi-label classification, by scikit-learn's definitions.</summary>
public static class Multilabel
{
    /// <summary>Compares scores with gold labels.</summary>
    /// <param name="gold">[N, L] in row-major order: whether the sample has the label.</param>
    /// <param name="scores">[N, L]: probabilities.</param>
    /// <param name="labels">L.</param>
    /// <param name="threshold">A label is predicted from this score on.</param>
    /// <exception cref="ArgumentException">The matrices differ in size.</exception>
    public static MultilabelReport Evaluate(ReadOnlySpan<bool> gold, ReadOnlySpan<double> scores, int labels, double threshold = 0.5)
    {
        MetricThrow.IfLengthsDiffer(scores.Length, gold.Length, nameof(scores), nameof(gold));
        int samples = MetricThrow.Rows(gold.Length, labels, nameof(gold));
        long[] both = new long[labels], predicted = new long[labels], positive = new long[labels];
        double f1 = 0, jaccard = 0;
        int allRight = 0, wrong = 0;
        for (int i = 0; i < samples; i++)
        {
            int hits = 0, guesses = 0, golds = 0, errors = 0;
            for (int j = 0; j < labels; j++)
            {
                bool isGold = gold[(i * labels) + j], isGuess = scores[(i * labels) + j] >= threshold;
                if (isGold) golds++;
                if (isGuess) guesses++;
                if (isGold && isGuess) hits++;
                if (isGold != isGuess) errors++;
                positive[j] += isGold ? 1 : 0;
                predicted[j] += isGuess ? 1 : 0;
                both[j] += isGold && isGuess ? 1 : 0;
            }

            wrong += errors;
            if (errors == 0) allRight++;
            if (golds + guesses == 0) continue;
            f1 += 2.0 * hits / (golds + guesses);
            jaccard += (double)hits / (golds + guesses - hits);
        }

        FScore[] scored = [.. Enumerable.Range(0, labels).Select(j => FScore.Of(both[j], predicted[j], positive[j]))];
        double[] areas = new double[labels], precisions = new double[labels];
        bool[] column = new bool[samples];
        for (int j = 0; j < labels; j++)
        {
            for (int i = 0; i < samples; i++) column[i] = gold[(i * labels) + j];
            double[] values = Ranking.Column(scores, labels, j);
            areas[j] = Ranking.RocAuc(column, values);
            precisions[j] = Ranking.AveragePrecision(column, values);
        }

        return new MultilabelReport
        {
            SubsetAccuracy = Share(allRight, samples),
            HammingLoss = Share(wrong, gold.Length),
            Labels = scored,
            Micro = FScore.Of(both.Sum(), predicted.Sum(), positive.Sum()),
            Macro = FScore.Macro(scored),
            Weighted = FScore.Weighted(scored),
            SampleF1 = Share(f1, samples),
            SampleJaccard = Share(jaccard, samples),
            RocAuc = areas,
            MacroRocAuc = areas.Average(),
            MicroRocAuc = Ranking.RocAuc(gold, scores),
            AveragePrecision = precisions,
            MacroAveragePrecision = precisions.Average(),
            MicroAveragePrecision = Ranking.AveragePrecision(gold, scores),
        };
    }

    private static double Share(double part, int whole) => whole == 0 ? double.NaN : part / whole;
}
