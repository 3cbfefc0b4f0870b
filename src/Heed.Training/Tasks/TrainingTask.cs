using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tasks;

/// <summary>
/// What a run learns: a model, its data as micro-batches, the loss, the measure that says which checkpoint is best, and what is saved.
/// A <see cref="TrainingRun{TTask}"/> owns all else. Derive from <see cref="TrainingTask{TBatch}"/>.
/// </summary>
public abstract class TrainingTask : IDisposable
{
    private protected TrainingTask(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
    }

    /// <summary>What is trained, with plain weights (<see cref="ParameterSet.Unpack"/>). The task owns it.</summary>
    public Model Model { get; }

    /// <summary>
    /// Sums of what is learned from, by name (<c>ids</c>, <c>tokenizer</c>): each checkpoint holds them, and a run that resumes is refused
    /// if one differs.
    /// </summary>
    public virtual IReadOnlyDictionary<string, string> Fingerprints { get; } = new Dictionary<string, string>();

    /// <summary>What decides which checkpoint is the best one, and when a run with patience stops.</summary>
    public virtual TaskMeasure Measure { get; } = TaskMeasure.Loss;

    /// <summary>Evaluates the model as it is on data that it does not learn from.</summary>
    /// <param name="all">True for all held-out data; false for the part that is read while training.</param>
    /// <param name="cancellationToken">Checked before each batch.</param>
    /// <returns>Loss, targets and measures; null if nothing is held out. The run sets <see cref="EvaluationReport.Step"/>.</returns>
    public virtual EvaluationReport? Evaluate(bool all, CancellationToken cancellationToken) => null;

    /// <summary>Factor of the learning rate for a parameter: 1 unless the task wants rates that differ.</summary>
    /// <param name="parameter">One of the model's.</param>
    public virtual double RateFactor(Parameter parameter) => 1;

    /// <summary>What a step takes in memory and operations; null if the task cannot forecast it.</summary>
    /// <param name="config">The run's settings.</param>
    public virtual Forecast? Forecast(TrainingConfig config) => null;

    /// <summary>
    /// Writes all that the trained model's folder holds. Checkpoints hold the same files, so each is a model folder too; <see cref="Load"/>
    /// reads them. Must write the same bytes for the same weights.
    /// </summary>
    /// <param name="folder">Exists.</param>
    public virtual void Save(string folder) => ModelFolder.Save(Model, folder, DType.F32);

    /// <summary>Gives the model the weights that <see cref="Save"/> wrote, to the bit.</summary>
    /// <param name="folder">A checkpoint.</param>
    /// <exception cref="InputException">A tensor is missing or of another shape.</exception>
    public virtual void Load(string folder)
    {
        using CheckpointFolder weights = CheckpointFolder.Open(folder);
        foreach (Parameter p in Model.Parameters)
        {
            Tensor value = Tensor.Uninitialized(p.Shape);
            weights[p.Name].ReadFloats(value.Span);
            p.Assign(value);
        }
    }

    /// <summary>Returns the memory of the model.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Returns memory; a derived task calls the base.</summary>
    /// <param name="disposing">True from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing) Model.Dispose();
    }

    /// <summary>Looks at an evaluation of the running loop, and at nothing else that is evaluated: a task that sees that the run has failed
    /// throws.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="batches">Micro-batches learned from so far.</param>
    /// <exception cref="NumericalException">The run has failed.</exception>
    internal virtual void Judge(EvaluationReport report, long batches)
    {
    }

    /// <summary>The micro-batch at a position, from 0; always the same one.</summary>
    internal abstract MicroBatch MicroBatchAt(long position);

    /// <summary>A micro-batch whose targets are counted before it runs.</summary>
    internal abstract class MicroBatch
    {
        /// <summary>Targets of each part of the loss.</summary>
        public abstract IReadOnlyList<long> Targets { get; }

        /// <summary>The parts of the loss, on the current tape.</summary>
        public abstract IReadOnlyList<LossPart> Loss(RunOptions options);
    }
}

/// <summary>A task over batches of its own kind. Data and collator are <see cref="Batch"/>; the loss is a sum, so that a step divides
/// once.</summary>
/// <typeparam name="TBatch">What a micro-batch is: <see cref="ModelInputs"/>, or a pair of them.</typeparam>
/// <param name="model">What is trained; the task owns it.</param>
public abstract class TrainingTask<TBatch>(Model model) : TrainingTask(model)
{
    /// <summary>The micro-batch at a position of the whole run. The same position always gives the same batch: a run resumes from a
    /// number.</summary>
    /// <param name="position">0, 1, 2, …; epochs follow one another.</param>
    public abstract TBatch Batch(long position);

    /// <summary>Targets of each part of the loss, before the model runs: a step divides by their sums over all its micro-batches.</summary>
    /// <param name="batch">From <see cref="Batch"/>.</param>
    public abstract IReadOnlyList<long> CountTargets(TBatch batch);

    /// <summary>Runs the model and returns sums over targets, in the order of <see cref="CountTargets"/>.</summary>
    /// <param name="batch">From <see cref="Batch"/>.</param>
    /// <param name="options">Dropout and recomputation of this step; give them to <see cref="Model.Run"/>.</param>
    public abstract IReadOnlyList<LossPart> Loss(TBatch batch, RunOptions options);

    internal sealed override MicroBatch MicroBatchAt(long position)
    {
        TBatch batch = Batch(position);
        return new Counted(this, batch, CountTargets(batch));
    }

    private sealed class Counted(TrainingTask<TBatch> task, TBatch batch, IReadOnlyList<long> targets) : MicroBatch
    {
        public override IReadOnlyList<long> Targets => targets;

        public override IReadOnlyList<LossPart> Loss(RunOptions options) => task.Loss(batch, options);
    }
}

/// <summary>A figure of an evaluation by which models are ranked.</summary>
/// <param name="Name"><c>loss</c>, or a key of <see cref="EvaluationReport.Measures"/>.</param>
/// <param name="HigherIsBetter">True for accuracy and its kin; false for losses.</param>
public sealed record TaskMeasure(string Name, bool HigherIsBetter = false)
{
    /// <summary>The mean loss: lower is better.</summary>
    public static TaskMeasure Loss { get; } = new("loss");

    /// <summary>The figure of an evaluation.</summary>
    /// <exception cref="InvalidOperationException">The evaluation has no such figure.</exception>
    internal double Of(EvaluationReport report) => report[Name]
        ?? throw new InvalidOperationException($"The task's measure is '{Name}', and its evaluation gives "
            + $"loss{string.Concat(report.Measures.Keys.Select(k => ", " + k))}.");

    /// <summary>True if a figure is better than another; NaN is never better.</summary>
    /// <param name="value">The one.</param>
    /// <param name="loss">Its loss: of equal figures the lower loss is better, as a measure may reach its best value long before the model
    /// does.</param>
    /// <param name="than">The other; null if there is none.</param>
    /// <param name="thanLoss">Its loss.</param>
    internal bool IsBetter(double value, double loss, double? than, double? thanLoss)
    {
        if (double.IsNaN(value)) return false;
        if (than is not { } other || double.IsNaN(other)) return true;
        return value == other ? loss < (thanLoss ?? double.NegativeInfinity) : HigherIsBetter ? value > other : value < other;
    }
}
