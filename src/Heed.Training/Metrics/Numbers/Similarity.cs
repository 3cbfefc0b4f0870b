namespace Heed.Training.Metrics;

/// <summary>Correlations with gold similarities; NaN if a side is constant.</summary>
/// <param name="Pearson">Pearson's.</param>
/// <param name="Spearman">Spearman's; papers report this one of the cosine, times 100.</param>
public sealed record SimilarityCorrelation(double Pearson, double Spearman);

/// <summary>What <see cref="Similarity"/> found, for each way to compare two vectors.</summary>
/// <param name="Cosine">Of the cosine; 0 with a zero vector.</param>
/// <param name="Dot">Of the dot product.</param>
/// <param name="Euclidean">Of minus the Euclidean distance.</param>
/// <param name="Manhattan">Of minus the Manhattan distance.</param>
public sealed record SimilarityReport(SimilarityCorrelation Cosine, SimilarityCorrelation Dot, SimilarityCorrelation Euclidean,
    SimilarityCorrelation Manhattan);

/// <summary>
/// How well embeddings of pairs of texts follow gold similarities (semantic textual similarity), computed in double
/// precision.
/// </summary>
/// <remarks>As sentence-transformers' EmbeddingSimilarityEvaluator.</remarks>
public static class Similarity
{
    /// <summary>Compares similarities of rows with gold similarities.</summary>
    /// <param name="left">[N, D] in row-major order: embeddings of the first texts.</param>
    /// <param name="right">[N, D]: embeddings of the second texts.</param>
    /// <param name="width">D.</param>
    /// <param name="gold">[N]: gold similarities, on any scale.</param>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public static SimilarityReport Evaluate(ReadOnlySpan<float> left, ReadOnlySpan<float> right, int width, ReadOnlySpan<double> gold)
    {
        MetricThrow.IfLengthsDiffer(right.Length, left.Length, nameof(right), nameof(left));
        int pairs = MetricThrow.Rows(left.Length, width, nameof(left));
        MetricThrow.IfLengthsDiffer(gold.Length, pairs, nameof(gold), nameof(left));
        double[] cosine = new double[pairs], dot = new double[pairs], euclidean = new double[pairs], manhattan = new double[pairs];
        for (int i = 0; i < pairs; i++)
        {
            double both = 0, squaresLeft = 0, squaresRight = 0, squares = 0, absolute = 0;
            for (int j = 0; j < width; j++)
            {
                double a = left[(i * width) + j], b = right[(i * width) + j];
                both += a * b;
                squaresLeft += a * a;
                squaresRight += b * b;
                squares += (a - b) * (a - b);
                absolute += Math.Abs(a - b);
            }

            cosine[i] = squaresLeft == 0 || squaresRight == 0 ? 0 : both / Math.Sqrt(squaresLeft) / Math.Sqrt(squaresRight);
            dot[i] = both;
            euclidean[i] = -Math.Sqrt(squares);
            manhattan[i] = -absolute;
        }

        return new SimilarityReport(Correlate(gold, cosine), Correlate(gold, dot), Correlate(gold, euclidean), Correlate(gold, manhattan));
    }

    private static SimilarityCorrelation Correlate(ReadOnlySpan<double> gold, double[] values)
        => new(Correlation.Pearson(gold, values), Correlation.Spearman(gold, values));
}
