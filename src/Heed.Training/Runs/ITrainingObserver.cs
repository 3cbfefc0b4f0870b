namespace Heed.Training.Runs;

/// <summary>What one optimizer step did.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="Loss">Mean nats a target before the update.</param>
/// <param name="GradientNorm">L2 norm of all gradients before clipping.</param>
/// <param name="Rate">Learning rate.</param>
/// <param name="Tokens">Targets of this step.</param>
/// <param name="TotalTokens">Targets since the beginning of the run.</param>
/// <param name="Seconds">Wall time of the step.</param>
/// <param name="Utilisation">Useful floating-point operations a second over the measured peak; null where no peak was measured.</param>
public sealed record StepReport(long Step, double Loss, double GradientNorm, double Rate, long Tokens, long TotalTokens, double Seconds, double? Utilisation);

/// <summary>What an evaluation on held-out data found.</summary>
/// <param name="Step">Number of steps done.</param>
/// <param name="Loss">Mean nats a target.</param>
/// <param name="BitsPerByte">Bits a UTF-8 byte of the held-out text.</param>
/// <param name="Tokens">Targets that were read.</param>
public sealed record EvaluationReport(long Step, double Loss, double BitsPerByte, long Tokens)
{
    /// <summary>e^loss.</summary>
    public double Perplexity => Math.Exp(Loss);
}

/// <summary>Sees a training run; the trainer itself never prints.</summary>
public interface ITrainingObserver
{
    /// <summary>The run begins or goes on.</summary>
    /// <param name="firstStep">Steps done before.</param>
    /// <param name="steps">Steps of the whole run.</param>
    void Started(long firstStep, long steps)
    {
    }

    /// <summary>A step is done.</summary>
    void Stepped(StepReport report)
    {
    }

    /// <summary>An evaluation is done.</summary>
    void Evaluated(EvaluationReport report)
    {
    }

    /// <summary>A checkpoint was written.</summary>
    void Saved(long step, string folder)
    {
    }

    /// <summary>The run ended: all steps, stopped early, or interrupted.</summary>
    void Ended(TrainingEnd end)
    {
    }
}

/// <summary>Why a run ended.</summary>
public enum TrainingEnd
{
    /// <summary>All steps are done.</summary>
    Finished,

    /// <summary>The held-out loss stopped falling.</summary>
    StoppedEarly,

    /// <summary>Somebody asked it to stop; it resumes from its last checkpoint.</summary>
    Interrupted,
}
