namespace Heed.Training.Logging;

/// <summary>What one optimizer step did.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="Loss">Mean loss per target before the update, in nats for language models; NaN for a step without targets, which is
/// skipped.</param>
/// <param name="GradientNorm">L2 norm of all gradients before clipping.</param>
/// <param name="Rate">Learning rate.</param>
/// <param name="Tokens">Targets of this step.</param>
/// <param name="TotalTokens">Targets since the beginning of the run.</param>
/// <param name="Seconds">Wall time of the step.</param>
/// <param name="Utilisation">Useful floating-point operations per second over the measured peak; null if no peak was measured.</param>
public sealed record StepReport(long Step, double Loss, double GradientNorm, double Rate, long Tokens, long TotalTokens, double Seconds, double? Utilisation);

/// <summary>What an evaluation on held-out data found.</summary>
/// <param name="Loss">Mean loss per target, in nats for language models.</param>
/// <param name="Targets">Targets that were read.</param>
public sealed record EvaluationReport(double Loss, long Targets)
{
    /// <summary>Number of steps done.</summary>
    public long Step { get; init; }

    /// <summary>Further figures by name, such as <c>bits_per_byte</c>, <c>perplexity</c>, <c>accuracy</c>.</summary>
    public IReadOnlyDictionary<string, double> Measures { get; init; } = new Dictionary<string, double>();

    /// <summary>What is odd about the predictions, a sentence each: a run warns of it.</summary>
    public IReadOnlyList<string> Findings { get; init; } = [];

    /// <summary>A figure by name, <c>loss</c> too; null if there is none.</summary>
    public double? this[string name] => name == "loss" ? Loss : Measures.TryGetValue(name, out double value) ? value : null;

    /// <inheritdoc/>
    public bool Equals(EvaluationReport? other)
        => other is not null && Step == other.Step && Loss.Equals(other.Loss) && Targets == other.Targets
            && Measures.Count == other.Measures.Count && Measures.All(m => other.Measures.TryGetValue(m.Key, out double value) && value.Equals(m.Value));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Step, Loss, Targets);
}

/// <summary>Sees a training run; the run itself never prints.</summary>
public interface ITrainingObserver
{
    /// <summary>The run begins or resumes.</summary>
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

    /// <summary>Something is odd and the run continues: a step without targets, a damaged line of the log.</summary>
    void Warned(string message)
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

    /// <summary>The task's measure stopped improving.</summary>
    StoppedEarly,

    /// <summary>Somebody asked it to stop; it resumes from its last checkpoint.</summary>
    Interrupted,
}
