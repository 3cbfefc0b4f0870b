namespace Heed.Training.Runs;

/// <summary>How long a run's parts take on this machine.</summary>
/// <param name="StepSeconds">Wall time of an optimizer step.</param>
/// <param name="EvaluationSeconds">Wall time of an evaluation.</param>
public readonly record struct RunTiming(double StepSeconds, double EvaluationSeconds)
{
    /// <summary>The pace that measured steps tell. The first half is left out: code is compiled again as it proves hot, memory is taken. Of
    /// the rest a quarter is faster than the pace that is taken: another program that runs for a moment changes the median, and hardly
    /// this.</summary>
    /// <param name="steps">Seconds of each step in their order, at least one.</param>
    internal static double Pace(IReadOnlyList<double> steps)
    {
        double[] warm = [.. steps.Skip(steps.Count / 2).Order()];
        return warm[warm.Length / 4];
    }

    /// <summary>Wall time of a number of steps and evaluations.</summary>
    public TimeSpan Of(long steps, long evaluations)
        => TimeSpan.FromSeconds(Math.Min((steps * StepSeconds) + (evaluations * EvaluationSeconds), TimeSpan.MaxValue.TotalSeconds / 2));
}
