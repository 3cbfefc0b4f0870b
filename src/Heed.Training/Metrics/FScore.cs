namespace Heed.Training.Metrics;

/// <summary>Precision, recall and their harmonic mean, each 0 to 1.</summary>
/// <param name="Precision">Correct / predicted; 0 for 0/0.</param>
/// <param name="Recall">Correct / gold; 0 for 0/0.</param>
/// <param name="F1">2·P·R / (P + R); 0 for 0/0.</param>
/// <param name="Support">Number of gold items; 0 where the measure has none (ROUGE).</param>
/// <remarks>An average over nothing is NaN in all three.</remarks>
public sealed record FScore(double Precision, double Recall, double F1, long Support = 0)
{
    /// <summary>The score of counts.</summary>
    internal static FScore Of(long correct, long predicted, long gold, bool withSupport = true)
        => Of(Share(correct, predicted), Share(correct, gold), withSupport ? gold : 0);

    /// <summary>The score of a precision and a recall.</summary>
    internal static FScore Of(double precision, double recall, long support = 0)
        => new(precision, recall, precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall), support);

    /// <summary>The mean of each part: the mean of F1, not the F1 of means. NaN if there is none.</summary>
    internal static FScore Macro(IReadOnlyCollection<FScore> scores)
    {
        long support = scores.Sum(s => s.Support);
        return scores.Count == 0
            ? new FScore(double.NaN, double.NaN, double.NaN)
            : new FScore(scores.Average(s => s.Precision), scores.Average(s => s.Recall), scores.Average(s => s.F1), support);
    }

    /// <summary>The mean weighted by support; 0 if no score has any.</summary>
    internal static FScore Weighted(IReadOnlyCollection<FScore> scores)
    {
        long support = scores.Sum(s => s.Support);
        return support == 0
            ? new FScore(0, 0, 0)
            : new FScore(Mean(s => s.Precision), Mean(s => s.Recall), Mean(s => s.F1), support);

        double Mean(Func<FScore, double> part) => scores.Sum(s => part(s) * s.Support) / support;
    }

    private static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
