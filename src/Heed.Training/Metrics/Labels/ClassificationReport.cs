namespace Heed.Training.Metrics;

/// <summary>What <see cref="Classification"/> found. What is undefined (no samples, a divisor of 0) is NaN unless stated.</summary>
public sealed record ClassificationReport
{
    /// <summary>Share of right predictions.</summary>
    public required double Accuracy { get; init; }

    /// <summary>Mean recall of the classes that are in gold.</summary>
    public required double BalancedAccuracy { get; init; }

    /// <summary>Each class's score, in the order of classes.</summary>
    public required IReadOnlyList<FScore> Classes { get; init; }

    /// <summary>The score of pooled counts: all three are the accuracy.</summary>
    public required FScore Micro { get; init; }

    /// <summary>The mean over all classes, also those that occur on neither side, which count 0.</summary>
    public required FScore Macro { get; init; }

    /// <summary>The mean over classes, weighted by gold samples.</summary>
    public required FScore Weighted { get; init; }

    /// <summary>Matthews' correlation coefficient of several classes (Gorodkin 2004); 0 when a side is constant.</summary>
    public required double Matthews { get; init; }

    /// <summary>Cohen's kappa.</summary>
    public required double Kappa { get; init; }

    /// <summary>Kappa with disagreement weighted by |i − j|, for ordered classes.</summary>
    public required double KappaLinear { get; init; }

    /// <summary>Kappa with disagreement weighted by (i − j)².</summary>
    public required double KappaQuadratic { get; init; }

    /// <summary><c>Confusion[i][j]</c>: samples of class i that were predicted as j.</summary>
    public required IReadOnlyList<IReadOnlyList<long>> Confusion { get; init; }
}
