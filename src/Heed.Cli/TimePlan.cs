using Heed.Training.Runs;

namespace Heed.Cli;

/// <summary>As many steps as fit into a time, by the pace that is measured before the first one. They are fixed in <c>run.json</c>: a run
/// that was planned by time could not resume to the same bits.</summary>
internal static class TimePlan
{
    /// <summary>Evaluations and checkpoints of a run, unless others are asked for.</summary>
    public const int Evaluations = 8, Checkpoints = 4;

    private const int FewestSteps = 20;

    /// <summary>How long steps are measured before their number is fixed: long enough for code to be compiled hot, short beside the
    /// training.</summary>
    public static TimeSpan Measuring(double minutes) => TimeSpan.FromSeconds(Math.Min(6, minutes * 60 / 4));

    /// <summary>Steps that fit, beside their evaluations.</summary>
    /// <param name="timing">The measured pace.</param>
    /// <param name="minutes">The time.</param>
    /// <param name="evaluateEvery">Steps between evaluations; 0 for <see cref="Evaluations"/> in all, which take half of the time at
    /// most.</param>
    public static long Steps(RunTiming timing, double minutes, long evaluateEvery = 0)
    {
        double seconds = minutes * 60;
        double steps = evaluateEvery > 0 ? seconds / (timing.StepSeconds + (timing.EvaluationSeconds / evaluateEvery))
            : Math.Max(seconds / 2, seconds - (Evaluations * timing.EvaluationSeconds)) / timing.StepSeconds;
        return Math.Max(FewestSteps, (long)Math.Min(steps, 1e15));
    }

    /// <summary>Steps between one of some moments and the next.</summary>
    /// <param name="steps">Of the run.</param>
    /// <param name="moments">Evaluations or checkpoints.</param>
    public static long Every(long steps, int moments) => Math.Max(1, (steps + moments - 1) / moments);

    /// <summary>Evaluations from a step on, that of the step itself included: as often as asked for, and at the end.</summary>
    /// <param name="step">A step that is done, or the first.</param>
    /// <param name="steps">Of the run.</param>
    /// <param name="every">Steps between evaluations; 0: at the end.</param>
    public static long EvaluationsFrom(long step, long steps, long every)
        => every <= 0 ? 1 : (steps / every) - (Math.Max(0, step - 1) / every) + (steps % every == 0 ? 0 : 1);
}
