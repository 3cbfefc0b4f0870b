namespace Heed.Training.Metrics;

/// <summary>A label's best threshold.</summary>
/// <param name="Threshold">The label is predicted from this score on.</param>
/// <param name="F1">The label's F1 with it.</param>
public sealed record LabelThreshold(double Threshold, double F1);

/// <summary>Thresholds of multi-label classification. Fit on dev data: on the data reported they flatter.</summary>
public static class Thresholds
{
    /// <summary>
    /// For each label the level of its scores with the best F1, the highest at ties; the threshold lies in the middle between it
    /// and the next lower level (0 below the last).
    /// </summary>
    /// <param name="gold">[N, L] in row-major order: whether the sample has the label.</param>
    /// <param name="scores">[N, L].</param>
    /// <param name="labels">L.</param>
    /// <returns>One per label; 0.5 with F1 0 for a label without positives.</returns>
    /// <exception cref="ArgumentException">The matrices differ in size.</exception>
    public static IReadOnlyList<LabelThreshold> Fit(ReadOnlySpan<bool> gold, ReadOnlySpan<double> scores, int labels)
    {
        MetricThrow.IfLengthsDiffer(scores.Length, gold.Length, nameof(scores), nameof(gold));
        int samples = MetricThrow.Rows(gold.Length, labels, nameof(gold));
        LabelThreshold[] found = new LabelThreshold[labels];
        for (int label = 0; label < labels; label++)
        {
            (double Score, bool Gold)[] column = new (double, bool)[samples];
            for (int i = 0; i < samples; i++) column[i] = (scores[(i * labels) + label], gold[(i * labels) + label]);
            found[label] = Fit(column);
        }

        return found;
    }

    private static LabelThreshold Fit((double Score, bool Gold)[] column)
    {
        int positives = column.Count(c => c.Gold);
        if (positives == 0) return new LabelThreshold(0.5, 0);
        LabelThreshold best = new(0, -1);
        (double Score, bool Gold)[] falling = [.. column.OrderByDescending(c => c.Score)];
        int hits = 0;
        for (int i = 0; i < falling.Length; i++)
        {
            if (falling[i].Gold) hits++;
            double next = i + 1 < falling.Length ? falling[i + 1].Score : 0;
            if (i + 1 < falling.Length && next == falling[i].Score) continue;
            double f1 = 2.0 * hits / (positives + i + 1);
            if (f1 > best.F1) best = new LabelThreshold((falling[i].Score + next) / 2, f1);
        }

        return best;
    }
}
