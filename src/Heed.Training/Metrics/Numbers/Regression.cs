namespace Heed.Training.Metrics;

/// <summary>What <see cref="Regression"/> found. Correlations are NaN if a side is constant.</summary>
/// <param name="Pearson">Pearson's correlation.</param>
/// <param name="Spearman">Spearman's correlation, equal values with their mean rank.</param>
/// <param name="KendallTauB">Kendall's tau-b.</param>
/// <param name="R2">1 − residual / total sum of squares; with constant gold 1 if all is right, else 0; NaN of one sample.</param>
/// <param name="MeanAbsoluteError">Mean of |predicted − gold|.</param>
/// <param name="MeanSquaredError">Mean of (predicted − gold)².</param>
/// <param name="RootMeanSquaredError">Its root.</param>
public sealed record RegressionReport(double Pearson, double Spearman, double KendallTauB, double R2, double MeanAbsoluteError,
    double MeanSquaredError, double RootMeanSquaredError);

/// <summary>Measures of predicted numbers, by scikit-learn's and SciPy's definitions.</summary>
public static class Regression
{
    /// <summary>Compares predicted numbers with gold numbers.</summary>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static RegressionReport Evaluate(ReadOnlySpan<double> gold, ReadOnlySpan<double> predicted)
    {
        MetricThrow.IfLengthsDiffer(predicted.Length, gold.Length, nameof(predicted), nameof(gold));
        double mean = Correlation.Mean(gold), absolute = 0, squared = 0, total = 0;
        for (int i = 0; i < gold.Length; i++)
        {
            double error = predicted[i] - gold[i];
            absolute += Math.Abs(error);
            squared += error * error;
            total += (gold[i] - mean) * (gold[i] - mean);
        }

        double r2 = gold.Length < 2 ? double.NaN
            : Correlation.IsConstant(gold) ? (squared == 0 ? 1 : 0)
            : 1 - (squared / total);
        return new RegressionReport(Correlation.Pearson(gold, predicted), Correlation.Spearman(gold, predicted),
            Correlation.KendallTauB(gold, predicted),
            r2, absolute / gold.Length, squared / gold.Length, Math.Sqrt(squared / gold.Length));
    }
}
