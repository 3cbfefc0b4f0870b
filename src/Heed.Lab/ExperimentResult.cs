namespace Heed.Lab;

/// <summary>What an experiment says about its claim.</summary>
public enum Verdict
{
    /// <summary>The claim holds.</summary>
    Holds,

    /// <summary>The claim holds under the experiment's <see cref="Experiment.Condition"/>.</summary>
    HoldsIf,

    /// <summary>The claim does not hold as it is said.</summary>
    DoesNotHold,

    /// <summary>The seeds disagree, or the experiment could not run.</summary>
    Undecided,
}

/// <summary>A measured number beside its expectation.</summary>
/// <param name="Expectation">What was expected.</param>
/// <param name="Values">One value per seed; NaN where training diverged.</param>
public sealed record Measurement(Expectation Expectation, IReadOnlyList<double> Values)
{
    /// <summary>The median over the seeds; NaN if most of them are.</summary>
    public double Median
    {
        get
        {
            double[] sorted = [.. Values.Select(v => double.IsNaN(v) ? double.PositiveInfinity : v).Order()];
            double middle = sorted.Length == 0 ? double.NaN
                : sorted.Length % 2 == 1 ? sorted[sorted.Length / 2]
                : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
            return double.IsInfinity(middle) ? double.NaN : middle;
        }
    }

    /// <summary>True where the median lies within the bounds expected.</summary>
    public bool IsAsExpected => Expectation.Contains(Median);

    /// <summary>True where some seeds lie within the bounds and some do not.</summary>
    public bool SeedsDisagree => Values.Any(Expectation.Contains) && !Values.All(Expectation.Contains);
}

/// <summary>What an experiment measured.</summary>
/// <param name="Experiment">The experiment.</param>
/// <param name="Seeds">Its seeds.</param>
/// <param name="Measurements">In the order of the expectations; those that were not measured (times) are left out.</param>
/// <param name="Skipped">Why it did not run; empty if it did.</param>
public sealed record ExperimentResult(
    Experiment Experiment, IReadOnlyList<int> Seeds, IReadOnlyList<Measurement> Measurements, string Skipped = "")
{
    /// <summary>What it ran on: the name of the user's model, or empty.</summary>
    public string Model { get; init; } = "";

    /// <summary>Lines of plots: the median over the seeds at each x.</summary>
    internal IReadOnlyList<PlotPoint> Points { get; init; } = [];

    /// <summary>
    /// The verdict, from the bounds alone: undecided if seeds disagree on a number that decides; else a claim does not hold if a number
    /// that
    /// refutes it lies within its bounds or one that it needs does not; holds under a condition if a number shows where it ends; else
    /// holds.
    /// </summary>
    public Verdict Verdict
    {
        get
        {
            Measurement[] deciding = [.. Measurements.Where(m => m.Expectation.Bearing != Bearing.Informs)];
            if (Skipped.Length > 0 || deciding.Length == 0 || deciding.Any(m => m.SeedsDisagree)) return Verdict.Undecided;
            foreach (Measurement m in deciding)
            {
                if (m.Expectation.Bearing == Bearing.Refutes && m.IsAsExpected) return Verdict.DoesNotHold;
                if (m.Expectation.Bearing == Bearing.Supports && !m.IsAsExpected) return Verdict.DoesNotHold;
            }

            return deciding.Any(m => m.Expectation.Bearing == Bearing.Limits && m.IsAsExpected) ? Verdict.HoldsIf : Verdict.Holds;
        }
    }

    /// <summary>The verdict in words: <c>holds</c>, <c>holds if …</c>, <c>does not hold</c>, <c>undecided</c>, <c>skipped: …</c>.</summary>
    public string VerdictText => Skipped.Length > 0 ? $"skipped: {Skipped}" : Verdict switch
    {
        Verdict.Holds => "holds",
        Verdict.HoldsIf => $"holds if {Experiment.Condition}",
        Verdict.DoesNotHold => "does not hold",
        _ => "undecided",
    };
}
