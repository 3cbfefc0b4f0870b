namespace Heed.Training.Metrics;

/// <summary>Measures of scores whose order matters, by scikit-learn's definitions.</summary>
public static class Ranking
{
    /// <summary>
    /// Area under the ROC curve: the share of pairs of a positive and a negative that the scores order rightly, ties one
    /// half.
    /// </summary>
    /// <param name="gold">Whether each sample is positive.</param>
    /// <param name="scores">Each sample's score, not NaN.</param>
    /// <returns>0 to 1; NaN with one class in <paramref name="gold"/>.</returns>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static double RocAuc(ReadOnlySpan<bool> gold, ReadOnlySpan<double> scores)
    {
        int[] order = Falling(gold, scores);
        double positives = 0, negatives = 0, area = 0;
        for (int i = 0; i < order.Length;)
        {
            (int more, int less, i) = Step(gold, scores, order, i);
            area += less * (positives + (more / 2.0));
            positives += more;
            negatives += less;
        }

        return positives > 0 && negatives > 0 ? area / (positives * negatives) : double.NaN;
    }

    /// <summary>
    /// Average precision: Σ (Rₙ − Rₙ₋₁)·Pₙ over the distinct scores, falling, without interpolation; it is not the trapezoid
    /// area.
    /// </summary>
    /// <returns>0 to 1; 0 without positives.</returns>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static double AveragePrecision(ReadOnlySpan<bool> gold, ReadOnlySpan<double> scores)
    {
        int[] order = Falling(gold, scores);
        double found = 0, sum = 0;
        for (int i = 0; i < order.Length;)
        {
            (int more, _, i) = Step(gold, scores, order, i);
            found += more;
            sum += more * found / i;
        }

        return found > 0 ? sum / found : 0;
    }

    /// <summary>The mean of each class's ROC AUC against all others.</summary>
    /// <param name="gold">Right classes.</param>
    /// <param name="scores">[N, C] in row-major order.</param>
    /// <param name="classes">C.</param>
    /// <param name="weighted">True: weighted by gold samples, so that a class that gold lacks does not count.</param>
    /// <returns>NaN where a class that counts is all of gold, or missing in it.</returns>
    public static double RocAucOneVsRest(ReadOnlySpan<int> gold, ReadOnlySpan<double> scores, int classes, bool weighted = false)
    {
        Check(gold, scores, classes);
        double sum = 0, weights = 0;
        bool[] positive = new bool[gold.Length];
        for (int c = 0; c < classes; c++)
        {
            int members = gold.Count(c);
            if (weighted && members == 0) continue;
            for (int i = 0; i < gold.Length; i++) positive[i] = gold[i] == c;
            double weight = weighted ? members : 1;
            sum += weight * RocAuc(positive, Column(scores, classes, c));
            weights += weight;
        }

        return sum / weights;
    }

    /// <summary>
    /// The mean over pairs of classes in gold of the mean of both ROC AUCs on the samples of the pair (Hand and Till
    /// 2001).
    /// </summary>
    /// <param name="gold">Right classes.</param>
    /// <param name="scores">[N, C] in row-major order.</param>
    /// <param name="classes">C.</param>
    /// <returns>NaN with one class in <paramref name="gold"/>.</returns>
    public static double RocAucOneVsOne(ReadOnlySpan<int> gold, ReadOnlySpan<double> scores, int classes)
    {
        Check(gold, scores, classes);
        double sum = 0;
        int pairs = 0;
        for (int a = 0; a < classes; a++)
        {
            for (int b = a + 1; b < classes; b++)
            {
                List<bool> isFirst = [];
                List<double> first = [], second = [];
                for (int i = 0; i < gold.Length; i++)
                {
                    if (gold[i] != a && gold[i] != b) continue;
                    isFirst.Add(gold[i] == a);
                    first.Add(scores[(i * classes) + a]);
                    second.Add(scores[(i * classes) + b]);
                }

                if (!isFirst.Contains(true) || !isFirst.Contains(false)) continue;
                sum += (RocAuc([.. isFirst], [.. first]) + RocAuc([.. isFirst.Select(f => !f)], [.. second])) / 2;
                pairs++;
            }
        }

        return pairs > 0 ? sum / pairs : double.NaN;
    }

    /// <summary>
    /// Share of samples whose class is among the <paramref name="k"/> highest scores; of equal scores the higher class comes
    /// first.
    /// </summary>
    /// <param name="gold">Right classes.</param>
    /// <param name="scores">[N, C] in row-major order.</param>
    /// <param name="classes">C.</param>
    /// <param name="k">1 to C.</param>
    public static double TopKAccuracy(ReadOnlySpan<int> gold, ReadOnlySpan<double> scores, int classes, int k)
    {
        Check(gold, scores, classes);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, classes);
        int hits = 0;
        for (int i = 0; i < gold.Length; i++)
        {
            ReadOnlySpan<double> row = scores.Slice(i * classes, classes);
            int before = 0;
            for (int c = 0; c < classes; c++)
                if (row[c] > row[gold[i]] || (row[c] == row[gold[i]] && c > gold[i])) before++;
            if (before < k) hits++;
        }

        return gold.Length == 0 ? double.NaN : (double)hits / gold.Length;
    }

    /// <summary>One column of a row-major matrix.</summary>
    internal static double[] Column(ReadOnlySpan<double> matrix, int width, int column)
    {
        double[] values = new double[matrix.Length / width];
        for (int i = 0; i < values.Length; i++) values[i] = matrix[(i * width) + column];
        return values;
    }

    private static void Check(ReadOnlySpan<int> gold, ReadOnlySpan<double> scores, int classes)
    {
        MetricThrow.IfLengthsDiffer(MetricThrow.Rows(scores.Length, classes, nameof(scores)), gold.Length, nameof(scores), nameof(gold));
        MetricThrow.IfNoClasses(gold, classes, nameof(gold));
    }

    private static int[] Falling(ReadOnlySpan<bool> gold, ReadOnlySpan<double> scores)
    {
        MetricThrow.IfLengthsDiffer(scores.Length, gold.Length, nameof(scores), nameof(gold));
        int[] order = [.. Enumerable.Range(0, scores.Length)];
        double[] keys = new double[scores.Length];
        for (int i = 0; i < keys.Length; i++)
        {
            if (double.IsNaN(scores[i])) throw new ArgumentException($"'{nameof(scores)}'[{i}] is NaN, which has no rank.", nameof(scores));
            keys[i] = -scores[i];
        }

        Array.Sort(keys, order);
        return order;
    }

    /// <summary>Positives and negatives of one distinct score, and where the next begins.</summary>
    private static (int Positives, int Negatives, int Next) Step(ReadOnlySpan<bool> gold, ReadOnlySpan<double> scores, int[] order,
        int from)
    {
        int positives = 0, i = from;
        for (; i < order.Length && scores[order[i]] == scores[order[from]]; i++)
            if (gold[order[i]]) positives++;
        return (positives, i - from - positives, i);
    }
}
