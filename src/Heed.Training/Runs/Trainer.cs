using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Logging;
using Heed.Training.Schedules;
using Heed.Training.Symptoms;
using Heed.Training.Tasks;

namespace Heed.Training.Runs;

/// <summary>How far a run is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Targets">Targets learned from since the beginning.</param>
/// <param name="Best">Best value of the task's measure so far; null before the first evaluation.</param>
/// <param name="BestStep">Steps done at the best evaluation; 0 before the first.</param>
/// <param name="EvaluationsWithoutProgress">Evaluations since the best one.</param>
internal sealed record TrainingProgress(long Step, long Targets, double? Best, long BestStep, int EvaluationsWithoutProgress)
{
    /// <summary>Loss of the best evaluation; null before the first.</summary>
    public double? BestLoss { get; init; }

    /// <summary>Nothing is done.</summary>
    public static TrainingProgress Start { get; } = new(0, 0, null, 0, 0);
}

/// <summary>
/// The loop of a run: micro-batches, one division by the real number of targets, clipping, the optimizer's step, evaluation, checkpoints.
/// It never prints; observers see what happens. Weights after a step depend on configuration, data and seed alone.
/// </summary>
internal sealed class Trainer(
    TrainingTask task, Optimizer optimizer, Schedule schedule, TrainingConfig config, params IReadOnlyList<ITrainingObserver> observers)
{
    private readonly ParameterSet _parameters = task.Model.Parameters;
    private readonly RunSymptoms _symptoms = new(config);

    /// <summary>How far the run is; set to resume.</summary>
    public TrainingProgress Progress { get; set; } = TrainingProgress.Start;

    /// <summary>Writes a checkpoint and returns its folder; null: none is written.</summary>
    public Func<string>? Save { get; init; }

    /// <summary>Useful floating-point operations per target, forward and backward; 0 if unknown.</summary>
    public double OperationsPerToken { get; init; }

    /// <summary>The machine's measured peak, in operations per second; 0 if not measured.</summary>
    public double PeakOperations { get; init; }

    /// <summary>
    /// Runs until all steps are done, the task's measure stops improving, or somebody asks it to stop; a checkpoint is written in each
    /// case, and with <see cref="TrainingConfig.Patience"/> at each best evaluation too. What was just restored is not written again.
    /// </summary>
    /// <exception cref="NumericalException">The loss is NaN or infinite; checkpoints written before stay.</exception>
    public TrainingEnd Run(CancellationToken cancellationToken = default)
    {
        foreach (ITrainingObserver o in observers) o.Started(Progress.Step, config.Steps);
        TrainingEnd end = TrainingEnd.Finished;
        long saved = Progress.Step > 0 ? Progress.Step : -1, evaluated = -1;
        while (Progress.Step < config.Steps)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                end = TrainingEnd.Interrupted;
                break;
            }

            StepReport report = TakeStep();
            foreach (ITrainingObserver o in observers) o.Stepped(report);
            if (config.EvaluateEvery > 0 && Progress.Step % config.EvaluateEvery == 0)
            {
                evaluated = Progress.Step;
                if (!Improves())
                {
                    end = TrainingEnd.StoppedEarly;
                    break;
                }

                // A run that stops because it no longer improves is left with its best weights.
                if (config.Patience > 0 && Progress.BestStep == Progress.Step)
                {
                    SaveNow();
                    saved = Progress.Step;
                }
            }

            // The last step is saved below, once it is evaluated.
            if (saved != Progress.Step && Progress.Step < config.Steps && config.SaveEvery > 0 && Progress.Step % config.SaveEvery == 0)
            {
                SaveNow();
                saved = Progress.Step;
            }
        }

        if (end == TrainingEnd.Finished && evaluated != Progress.Step) Improves();
        if (saved != Progress.Step) SaveNow();
        foreach (ITrainingObserver o in observers) o.Ended(end);
        return end;
    }

    /// <summary>One optimizer step over its micro-batches. A step without any target changes nothing and warns.</summary>
    /// <exception cref="NumericalException">The loss or a gradient is NaN or infinite; the weights are those from before the
    /// step.</exception>
    /// <exception cref="InvalidOperationException">A parameter got no gradient though the model does not declare that it may be
    /// unused.</exception>
    public StepReport TakeStep()
    {
        long started = Stopwatch.GetTimestamp();
        TrainingTask.MicroBatch[] batches = new TrainingTask.MicroBatch[config.Accumulation];
        long[] totals = [];
        for (int i = 0; i < batches.Length; i++)
        {
            batches[i] = task.MicroBatchAt((Progress.Step * config.Accumulation) + i);
            IReadOnlyList<long> counts = batches[i].Targets;
            if (i == 0) totals = [.. counts];
            else for (int p = 0; p < totals.Length; p++) totals[p] += counts[p];
        }

        double rate = schedule.Rate(Progress.Step);
        if (!double.IsFinite(rate)) throw new ConfigException($"learning_rate: the schedule gives {rate} at step {Progress.Step + 1}; a "
            + $"finite rate was expected.");
        bool empty = totals.All(t => t == 0);
        double loss = empty ? double.NaN : 0, norm = 0;
        if (!empty)
        {
            long[] seen = new long[totals.Length];
            for (int i = 0; i < batches.Length; i++) loss += Accumulate(batches[i], totals, seen, i);
            RequireCounts(totals, seen);
            norm = GlobalNorm.Of(_parameters);
            if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw NotFinite(loss, norm);
            RequireGradients();
            _symptoms.Look(_parameters);
            optimizer.Step(rate, config.ClipNorm > 0 ? GlobalNorm.Factor(norm, config.ClipNorm) : 1);
            _parameters.ClearGradients();
        }

        long targets = totals.Length == 0 ? 0 : totals[0];
        Progress = Progress with { Step = Progress.Step + 1, Targets = Progress.Targets + targets };
        if (empty)
        {
            Warn($"step {Progress.Step}: no target counts: all labels of its {config.Accumulation} micro-batches are ignored "
                + $"({CausalLanguageModel.IgnoredLabel}). The step is skipped; check the data if this happens often.");
        }

        foreach (Finding finding in _symptoms.After(Progress.Step, loss, norm)) Warn($"{finding}");
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double? utilisation = PeakOperations > 0 && OperationsPerToken > 0 ? targets * OperationsPerToken / seconds / PeakOperations : null;
        return new StepReport(Progress.Step, loss, norm, rate, targets, Progress.Targets, seconds, utilisation);
    }

    /// <summary>Adds one micro-batch's gradients, already divided by the targets of the whole step, and returns its part of the
    /// loss.</summary>
    private double Accumulate(TrainingTask.MicroBatch batch, long[] totals, long[] seen, int number)
    {
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        IReadOnlyList<LossPart> parts = batch.Loss(new RunOptions
        {
            Logits = false,
            Checkpoint = config.GradientCheckpointing,
            Dropout = new DropoutPlan(config.Seed, Progress.Step, number),
        });
        if (parts.Count != totals.Length)
            throw new InvalidOperationException($"{task.GetType().Name}: the loss has {parts.Count} parts and CountTargets "
                + $"{totals.Length}; they must be equal.");
        Variable? loss = null;
        for (int p = 0; p < parts.Count; p++)
        {
            seen[p] += parts[p].Count;
            if (parts[p].Count == 0) continue;
            Variable part = parts[p].Sum * (parts[p].Weight / totals[p]);
            loss = loss is { } before ? before + part : part;
        }

        if (loss is not { } whole) return 0;
        double value = whole.Value.ToScalar();
        if (whole.NeedsGradient) tape.Backward(whole);
        return value;
    }

    private void RequireCounts(long[] totals, long[] seen)
    {
        for (int p = 0; p < totals.Length; p++)
        {
            if (totals[p] != seen[p])
                throw new InvalidOperationException($"{task.GetType().Name}: CountTargets counts {totals[p]} targets of part {p} and the "
                    + $"loss sums {seen[p]}; they must be equal.");
        }
    }

    private void RequireGradients()
    {
        foreach (Parameter p in _parameters)
        {
            if (!p.NeedsGradient && p.Gradient is not null)
                throw new InvalidOperationException($"The frozen parameter '{p.Name}' got a gradient in step {Progress.Step + 1}, which "
                    + $"no optimizer uses. Freeze it before the step.");
            if (p.NeedsGradient && !p.MayBeUnused && p.Gradient is null)
            {
                throw new InvalidOperationException($"The parameter '{p.Name}' got no gradient in step {Progress.Step + 1}: the loss "
                    + "does not depend on it. Freeze it (ParameterSet.Freeze), or have its model declare it (Parameter.AllowUnused).");
            }
        }
    }

    private NumericalException NotFinite(double loss, double norm)
    {
        Parameter? first = _parameters.FirstOrDefault(p => p.Gradient is { } g && HasNotFinite(g.Span));
        _parameters.ClearGradients();
        string where = first is null ? "" : $"; the first bad gradient is that of '{first.Name}'";
        return new NumericalException($"step {Progress.Step + 1}: the loss is {loss} and the gradient norm {norm}{where}. "
            + $"The weights are those of step {Progress.Step}; the last checkpoint is unchanged. Lower learning_rate, or set clip_norm.");
    }

    private static bool HasNotFinite(ReadOnlySpan<float> values)
    {
        foreach (float v in values)
            if (!float.IsFinite(v)) return true;
        return false;
    }

    /// <summary>Evaluates; false once patience is exhausted.</summary>
    private bool Improves()
    {
        if (task.Evaluate(all: false, CancellationToken.None) is not { } found) return true;
        EvaluationReport report = found with { Step = Progress.Step };
        foreach (ITrainingObserver o in observers) o.Evaluated(report);
        foreach (string finding in report.Findings) Warn($"step {Progress.Step}: {finding}; if this stays, lower the learning rate.");
        task.Judge(report, Progress.Step * config.Accumulation);
        double value = task.Measure.Of(report);
        if (task.Measure.IsBetter(value, report.Loss, Progress.Best, Progress.BestLoss))
        {
            Progress = Progress with { Best = value, BestLoss = report.Loss, BestStep = Progress.Step, EvaluationsWithoutProgress = 0 };
            return true;
        }

        Progress = Progress with { EvaluationsWithoutProgress = Progress.EvaluationsWithoutProgress + 1 };
        return config.Patience == 0 || Progress.EvaluationsWithoutProgress < config.Patience;
    }

    private void SaveNow()
    {
        if (Save is null) return;
        string folder = Save();
        foreach (ITrainingObserver o in observers) o.Saved(Progress.Step, folder);
    }

    private void Warn(string message)
    {
        foreach (ITrainingObserver o in observers) o.Warned(message);
    }
}
