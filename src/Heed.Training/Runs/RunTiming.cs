namespace Heed.Training.Runs;

/// <summary>How long a run's parts take on this machine.</summary>
/// <param name="StepSeconds">Wall time of an optimizer step.</param>
/// <param name="EvaluationSeconds">Wall time of an evaluation.</param>
public readonly record struct RunTiming(double StepSeconds, double EvaluationSeconds)
{
    /// <summary>Wall time of a number of steps and evaluations.</summary>
    public TimeSpan Of(long steps, long evaluations)
        => TimeSpan.FromSeconds(Math.Min((steps * StepSeconds) + (evaluations * EvaluationSeconds), TimeSpan.MaxValue.TotalSeconds / 2));
}
