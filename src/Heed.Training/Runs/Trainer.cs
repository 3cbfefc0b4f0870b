using System.Diagnostics;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Training.Schedules;

namespace Heed.Training.Runs;

/// <summary>Where a run's micro-batches come from: the batch at a position is always the same, so a run resumes from a number.</summary>
public interface ITrainingData
{
    /// <summary>The micro-batch at a position, from 0.</summary>
    ModelInputs Batch(long position);
}

/// <summary>How a <see cref="Trainer"/> works.</summary>
public sealed record TrainerOptions
{
    /// <summary>Steps of the whole run.</summary>
    public required long Steps { get; init; }

    /// <summary>Micro-batches of a step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Largest norm of all gradients together; 0 does not clip.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>True where the model's dropout is on.</summary>
    public bool Dropout { get; init; }

    /// <summary>True to recompute layers in the backward pass.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Seed of dropout.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps between evaluations; 0 at the end alone.</summary>
    public long EvaluateEvery { get; init; }

    /// <summary>Steps between checkpoints; 0 at the end alone.</summary>
    public long SaveEvery { get; init; }

    /// <summary>Evaluations without progress after which the run stops; 0 never.</summary>
    public int Patience { get; init; }

    /// <summary>Useful floating-point operations of a target, forward and backward; 0 where unknown.</summary>
    public double OperationsPerToken { get; init; }

    /// <summary>The machine's measured peak, in operations a second; 0 where not measured.</summary>
    public double PeakOperations { get; init; }
}

/// <summary>
/// Trains a model: micro-batches, one division by the real number of targets, clipping, the optimizer's step, evaluation, checkpoints. It
/// never prints; observers see what happens. Weights after a step depend on configuration, data and seed alone.
/// </summary>
public sealed class Trainer
{
    private readonly Model _model;
    private readonly Optimizer _optimizer;
    private readonly Schedule _schedule;
    private readonly ITrainingData _data;
    private readonly TrainerOptions _options;
    private readonly IReadOnlyList<ITrainingObserver> _observers;

    /// <summary>A trainer for a model whose weights are plain (<see cref="ParameterSet.Unpack"/>).</summary>
    public Trainer(Model model, Optimizer optimizer, Schedule schedule, ITrainingData data, TrainerOptions options, params IReadOnlyList<ITrainingObserver> observers)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_model, _optimizer, _schedule, _data, _options, _observers) = (model, optimizer, schedule, data, options, observers);
    }

    /// <summary>Steps done.</summary>
    public long Step { get; set; }

    /// <summary>Targets learned from since the beginning.</summary>
    public long TotalTokens { get; set; }

    /// <summary>Best held-out loss so far, in nats a target.</summary>
    public double BestLoss { get; set; } = double.PositiveInfinity;

    /// <summary>Steps done at the evaluation with <see cref="BestLoss"/>; 0 before the first.</summary>
    public long BestStep { get; set; }

    /// <summary>Evaluations since the best one.</summary>
    public int EvaluationsWithoutProgress { get; set; }

    /// <summary>Evaluates the model; null: there is nothing held out.</summary>
    public Func<EvaluationReport>? Evaluate { get; init; }

    /// <summary>Writes a checkpoint and returns its folder; null: none is written.</summary>
    public Func<string>? Save { get; init; }

    /// <summary>
    /// Runs until all steps are done, the held-out loss stops falling, or somebody asks it to stop; a checkpoint is written in each case, and with
    /// <see cref="TrainerOptions.Patience"/> at each best evaluation too.
    /// </summary>
    /// <exception cref="NumericalException">The loss is NaN or infinite; checkpoints written before stay.</exception>
    public TrainingEnd Run(CancellationToken cancellationToken = default)
    {
        foreach (ITrainingObserver o in _observers) o.Started(Step, _options.Steps);
        TrainingEnd end = TrainingEnd.Finished;
        long saved = -1, evaluated = -1;
        while (Step < _options.Steps)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                end = TrainingEnd.Interrupted;
                break;
            }

            StepReport report = TakeStep();
            foreach (ITrainingObserver o in _observers) o.Stepped(report);
            if (_options.EvaluateEvery > 0 && Step % _options.EvaluateEvery == 0)
            {
                evaluated = Step;
                if (!Improves())
                {
                    end = TrainingEnd.StoppedEarly;
                    break;
                }

                // Where a run stops because it grew no better, its best weights are what is wanted.
                if (_options.Patience > 0 && BestStep == Step)
                {
                    SaveNow();
                    saved = Step;
                }
            }

            // The last step is saved below, once it is evaluated.
            if (saved != Step && Step < _options.Steps && _options.SaveEvery > 0 && Step % _options.SaveEvery == 0)
            {
                SaveNow();
                saved = Step;
            }
        }

        if (end == TrainingEnd.Finished && evaluated != Step) Improves();
        if (saved != Step) SaveNow();
        foreach (ITrainingObserver o in _observers) o.Ended(end);
        return end;
    }

    /// <summary>One optimizer step over its micro-batches.</summary>
    /// <exception cref="NumericalException">The loss or a gradient is NaN or infinite; the weights are those from before the step.</exception>
    /// <exception cref="InvalidOperationException">A parameter got no gradient though the model does not declare that it may be unused.</exception>
    public StepReport TakeStep()
    {
        long started = Stopwatch.GetTimestamp();
        ModelInputs[] batches = new ModelInputs[_options.Accumulation];
        long[] totals = [];
        for (int i = 0; i < batches.Length; i++)
        {
            batches[i] = _data.Batch((Step * _options.Accumulation) + i);
            long[] counts = _model.CountTargets(batches[i]);
            if (i == 0) totals = counts;
            else for (int p = 0; p < totals.Length; p++) totals[p] += counts[p];
        }

        double loss = 0;
        for (int i = 0; i < batches.Length; i++) loss += Accumulate(batches[i], totals, i);
        double norm = GlobalNorm.Of(_model.Parameters);
        if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw NotFinite(loss, norm);
        RequireGradients();
        double rate = _schedule.Rate(Step);
        double scale = _options.ClipNorm > 0 ? GlobalNorm.Factor(norm, _options.ClipNorm) : 1;
        _optimizer.Step(rate, scale);
        _model.Parameters.ClearGradients();
        Step++;
        long tokens = totals.Length == 0 ? 0 : totals[0];
        TotalTokens += tokens;
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double? utilisation = _options.PeakOperations > 0 && _options.OperationsPerToken > 0 ? tokens * _options.OperationsPerToken / seconds / _options.PeakOperations : null;
        return new StepReport(Step, loss, norm, rate, tokens, TotalTokens, seconds, utilisation);
    }

    /// <summary>Adds one micro-batch's gradients, already divided by the targets of the whole step, and returns its part of the loss.</summary>
    private double Accumulate(ModelInputs batch, long[] totals, int number)
    {
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        ModelOutput output = _model.Run(batch, new RunOptions
        {
            Logits = false,
            Checkpoint = _options.GradientCheckpointing,
            Dropout = _options.Dropout ? new DropoutPlan(_options.Seed, Step, number) : null,
        });
        Variable? loss = null;
        for (int p = 0; p < output.Losses.Count; p++)
        {
            if (output.Losses[p].Count == 0) continue;
            Variable part = output.Losses[p].Sum * (output.Losses[p].Weight / totals[p]);
            loss = loss is { } before ? before + part : part;
        }

        if (loss is not { } whole) return 0;
        double value = whole.Value.ToScalar();
        if (whole.NeedsGradient) tape.Backward(whole);
        return value;
    }

    private void RequireGradients()
    {
        foreach (Parameter p in _model.Parameters)
        {
            if (p.NeedsGradient && !p.MayBeUnused && p.Gradient is null)
                throw new InvalidOperationException($"The parameter '{p.Name}' got no gradient in step {Step + 1}: the loss does not depend on it. Freeze it (NeedsGradient = false) or declare it MayBeUnused.");
        }
    }

    private NumericalException NotFinite(double loss, double norm)
    {
        string where = "";
        foreach (Parameter p in _model.Parameters)
        {
            if (p.Gradient is not { } g) continue;
            foreach (float v in g.Span)
            {
                if (float.IsFinite(v)) continue;
                where = $"; the first bad gradient is that of '{p.Name}'";
                break;
            }

            if (where.Length > 0) break;
        }

        _model.Parameters.ClearGradients();
        return new NumericalException($"step {Step + 1}: the loss is {loss} and the gradient norm {norm}{where}. The weights are those of step {Step}; the last checkpoint is unchanged. Lower learning_rate, or set clip_norm.");
    }

    /// <summary>Evaluates; false where patience is at its end.</summary>
    private bool Improves()
    {
        if (Evaluate is null) return true;
        EvaluationReport report = Evaluate();
        foreach (ITrainingObserver o in _observers) o.Evaluated(report);
        if (report.Loss < BestLoss)
        {
            BestLoss = report.Loss;
            BestStep = Step;
            EvaluationsWithoutProgress = 0;
            return true;
        }

        EvaluationsWithoutProgress++;
        return _options.Patience == 0 || EvaluationsWithoutProgress < _options.Patience;
    }

    private void SaveNow()
    {
        if (Save is null) return;
        string folder = Save();
        foreach (ITrainingObserver o in _observers) o.Saved(Step, folder);
    }
}
