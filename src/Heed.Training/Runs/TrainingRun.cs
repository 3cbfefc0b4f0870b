using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Nn;
using Heed.Training.Logging;
using Heed.Training.Optimizers;
using Heed.Training.Schedules;
using Heed.Training.Tasks;

namespace Heed.Training.Runs;

/// <summary>Begins and resumes runs.</summary>
public static class TrainingRun
{
    /// <summary>Settings that a plan may fix once the task is there.</summary>
    private static readonly string[] Planned =
    [
        "steps", "epochs", "learning_rate", "schedule", "warmup_steps", "minimum_rate_ratio", "evaluate_every", "evaluate_blocks",
            "save_every",
            "keep", "patience",
    ];

    /// <summary>Prepares a run: takes the folder, makes the task, checks that it fits, and finds the last checkpoint.</summary>
    /// <param name="folder">Made if it does not exist, and removed again if the run is refused.</param>
    /// <param name="config">The settings.</param>
    /// <param name="make">Makes the task: model, data, all that it needs. It may keep files in the run's folder.</param>
    /// <param name="status">Reports what is being prepared; may be null.</param>
    /// <param name="warnings">Reports what is odd and was accepted; may be null.</param>
    /// <param name="plan">
    /// Gives the final settings once the task is there, such as the steps that fit into a time (<see cref="TrainingRun{TTask}.Measure"/>).
    /// Steps, rates, evaluations and checkpoints may change, nothing else. Null: the settings stay.
    /// </param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <exception cref="ConfigException">Settings do not fit together, or the folder holds a run with others; the message names
    /// them.</exception>
    /// <exception cref="BudgetException">The run cannot fit into memory.</exception>
    /// <exception cref="InputException">The data is not acceptable, or not what the run has learned from.</exception>
    /// <exception cref="StorageException">The folder cannot be written, or another run works in it.</exception>
    public static TrainingRun<TTask> Prepare<TTask>(
        string folder,
        TrainingConfig config,
        Func<TaskPreparation, TTask> make,
        IProgress<string>? status = null,
        IProgress<string>? warnings = null,
        Func<TrainingRun<TTask>, TrainingConfig>? plan = null,
        CancellationToken cancellationToken = default)
        where TTask : TrainingTask
        => PrepareAt(folder, config, make, status, warnings, plan, null, cancellationToken);

    /// <summary>As <see cref="Prepare"/>, with a place of its own for the finished model.</summary>
    internal static TrainingRun<TTask> PrepareAt<TTask>(
        string folder,
        TrainingConfig config,
        Func<TaskPreparation, TTask> make,
        IProgress<string>? status,
        IProgress<string>? warnings,
        Func<TrainingRun<TTask>, TrainingConfig>? plan,
        string? modelFolder,
        CancellationToken cancellationToken)
        where TTask : TrainingTask
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(make);
        config = config.WithFullPaths();
        // What can be refused is refused before anything is made.
        RunSettings.RefuseOthers(RunSettings.Newest(folder), config);
        config.Validate();
        RunLock runLock = RunLock.Take(folder);
        TTask? task = null;
        TaskPreparation? preparation = null;
        try
        {
            // Another run may have begun here since.
            RunCheckpoint? last = CheckpointStore.Newest(folder) is { } newest ? RunCheckpoint.Read(newest) : null;
            RunSettings.RefuseOthers(last, config);
            DurableFile.RemoveLeftovers(folder);
            preparation = new TaskPreparation(folder, last, status, warnings, cancellationToken);
            task = make(preparation);
            foreach ((string name, string sum) in task.Fingerprints) preparation.RequireSame(name, sum);
            Forecast? forecast = task.Forecast(config)?.Within(config);
            TrainingRun<TTask> run = new(folder, config, runLock, task, forecast, last) { ModelFolder = modelFolder! };
            if (plan is not null) run.Config = Fixed(config, plan(run));
            RunSettings.Write(folder, run.Config);
            return run;
        }
        catch (Exception e)
        {
            task?.Dispose();
            // What was made of texts that are not acceptable is of no use; after a stop or a full disk it is.
            runLock.Abandon(e is InputException && preparation is not null ? preparation.Removed : []);
            throw;
        }
    }

    /// <summary>A plan decides about the steps; data, model and memory are made by then.</summary>
    private static TrainingConfig Fixed(TrainingConfig before, TrainingConfig planned)
    {
        JsonObject was = before.ToJson(), now = planned.ToJson();
        string? changed = now.Select(p => p.Key).FirstOrDefault(k => !Planned.Contains(k) && !JsonNode.DeepEquals(was[k], now[k]));
        if (changed is not null)
            throw new ArgumentException($"{changed}: the plan changes it from {was[changed]?.ToJsonString()} to "
                + $"{now[changed]?.ToJsonString()}; it may change {string.Join(", ", Planned)}.", nameof(planned));
        planned.Validate();
        return planned;
    }
}

/// <summary>
/// One run of a task in a folder: loop, evaluation, best checkpoint, early stop, logs, lock. Everything it decides stands in
/// <c>run.json</c>; started again in the same folder it resumes from its last checkpoint to the same bits.
/// </summary>
/// <typeparam name="TTask">What is learned.</typeparam>
public sealed class TrainingRun<TTask> : IDisposable
    where TTask : TrainingTask
{
    private readonly RunLock _lock;

    internal TrainingRun(string folder, TrainingConfig config, RunLock runLock, TTask task, Forecast? forecast, RunCheckpoint? last)
    {
        (Folder, Config, Task, Forecast, _lock) = (folder, config, task, forecast, runLock);
        FirstStep = last?.Progress.Step ?? 0;
        IsOver = last?.End(config) is not null;
    }

    /// <summary>The run's folder.</summary>
    public string Folder { get; }

    /// <summary>Its settings.</summary>
    public TrainingConfig Config { get; internal set; }

    /// <summary>What is learned; once <see cref="Train"/> has ended, its model has the weights that were saved.</summary>
    public TTask Task { get; }

    /// <summary>What the run needs; null if the task cannot forecast it.</summary>
    public Forecast? Forecast { get; }

    /// <summary>Steps done before.</summary>
    public long FirstStep { get; private set; }

    /// <summary>True if the run had ended before, and <see cref="Train"/> takes no step.</summary>
    public bool IsOver { get; }

    /// <summary>Steps done when <see cref="Train"/> ended.</summary>
    public long LastStep { get; private set; }

    /// <summary>Steps after which the weights are those of the model when <see cref="Train"/> ended: with patience the best, else
    /// <see cref="LastStep"/>.</summary>
    public long SavedStep { get; private set; }

    /// <summary>How good these weights are on held-out data; null if nothing was evaluated.</summary>
    public EvaluationReport? SavedEvaluation { get; private set; }

    /// <summary>Where the finished model is saved.</summary>
    public string ModelFolder { get => field ?? Path.Combine(Folder, "model"); internal init; }

    /// <summary>
    /// Times training steps and an evaluation on this machine once both run warm. The rate is 0 and the optimizer is thrown away: weights
    /// keep their bits.
    /// </summary>
    /// <param name="atMost">How long to take steps; two are taken in any case.</param>
    /// <param name="cancellationToken">Checked before each step.</param>
    public RunTiming Measure(TimeSpan atMost, CancellationToken cancellationToken = default)
    {
        using Optimizer optimizer = NamedOptimizers.Create(Config, Task.Model.Parameters, Task.RateFactor);
        Trainer trainer = new(Task, optimizer, new ConstantSchedule(0), Config);
        long started = Stopwatch.GetTimestamp();
        List<double> steps = [];
        while (steps.Count < 2 || Stopwatch.GetElapsedTime(started) < atMost)
        {
            cancellationToken.ThrowIfCancellationRequested();
            steps.Add(trainer.TakeStep().Seconds);
        }

        started = Stopwatch.GetTimestamp();
        Task.Evaluate(all: false, cancellationToken);
        return new RunTiming(RunTiming.Pace(steps), Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>
    /// Trains until the end, or until <paramref name="cancellationToken"/>; then saves the model folder: with patience the weights of the
    /// best evaluation, else the last ones. A run that is over writes nothing but a model folder that is missing.
    /// </summary>
    /// <param name="observers">See the run.</param>
    /// <param name="peakOperations">The machine's measured peak in operations per second; 0 if not measured.</param>
    /// <param name="cancellationToken">Ends the run after the current step, with a checkpoint.</param>
    /// <exception cref="InvalidFileException">A checkpoint is damaged, or the model folder of a finished run differs from its
    /// checkpoint.</exception>
    /// <exception cref="NumericalException">The loss is NaN or infinite.</exception>
    /// <exception cref="StorageException">A checkpoint or log cannot be written.</exception>
    public TrainingEnd Train(IReadOnlyList<ITrainingObserver> observers, double peakOperations = 0,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(observers);
        CheckpointStore store = new(Folder, Config.Keep)
        {
            NeededBytes = Forecast is { } f ? f.StateBytes - (f.Parameters * sizeof(float))
            : 0
        };
        store.RemoveLeftovers();
        // Finding the checkpoint hashes all of it: once is enough.
        RunCheckpoint? last = store.Latest() is { } newest ? RunCheckpoint.Read(newest) : null;
        if (last?.End(Config) is { } over) return Over(over, last, store, observers);

        using Optimizer optimizer = NamedOptimizers.Create(Config, Task.Model.Parameters, Task.RateFactor);
        using RunLog log = new(Folder, last?.Progress.Step ?? 0, TimeProvider.System, message => Warn(observers, message));
        Newest seen = new();
        Trainer? trainer = null;
        Schedule schedule = Schedule.Create(Config.Schedule, Config.LearningRate, Config.WarmupSteps, Config.Steps,
            Config.MinimumRateRatio);
        trainer = new Trainer(Task, optimizer, schedule, Config, [log, seen, .. observers])
        {
            OperationsPerToken = Forecast?.OperationsPerToken ?? 0,
            PeakOperations = peakOperations,
            Save = () =>
            {
                store.KeptStep = Config.Patience > 0 ? trainer!.Progress.BestStep : 0;
                return store.Save(trainer!.Progress.Step, at => RunCheckpoint.Write(at, Task, Config, trainer.Progress, optimizer));
            },
        };
        if (last is not null)
        {
            last.Restore(Task, optimizer);
            trainer.Progress = last.Progress;
        }

        FirstStep = LastStep = trainer.Progress.Step;
        TrainingEnd end = trainer.Run(cancellationToken);
        SavedStep = LastStep = trainer.Progress.Step;
        SavedEvaluation = seen.Evaluation;
        if (end == TrainingEnd.Interrupted) return end;
        if (KeepBest(trainer.Progress.BestStep, store) is not null) SavedEvaluation = EvaluateSaved(all: false, CancellationToken.None);
        SaveFinished();
        return end;
    }

    /// <summary>Evaluates the model as it is on all held-out data; null if nothing is held out.</summary>
    public EvaluationReport? EvaluateAll(CancellationToken cancellationToken = default) => EvaluateSaved(all: true, cancellationToken);

    /// <summary>Writes the model as it is: what the task saves.</summary>
    /// <param name="folder">Made if it does not exist.</param>
    public void SaveModel(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        Directory.CreateDirectory(folder);
        DurableFile.RemoveLeftovers(folder);
        Task.Save(folder);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Task.Dispose();
        _lock.Dispose();
    }

    private EvaluationReport? EvaluateSaved(bool all, CancellationToken cancellationToken)
        => Task.Evaluate(all, cancellationToken) is { } report ? report with { Step = SavedStep } : null;

    /// <summary>What a run that is over still does: it shows how good its model is, and saves it if it is missing.</summary>
    private TrainingEnd Over(TrainingEnd end, RunCheckpoint last, CheckpointStore store, IReadOnlyList<ITrainingObserver> observers)
    {
        FirstStep = LastStep = last.Progress.Step;
        string kept = KeepBest(last.Progress.BestStep, store) ?? last.Folder;
        if (kept == last.Folder) Task.Load(kept);
        // A model folder of another step is one that a killed run left: it is saved anew.
        bool saved = File.Exists(SavedName)
            && File.ReadAllText(SavedName).Trim() == CheckpointStore.StepOf(kept).ToString(CultureInfo.InvariantCulture)
            && CheckpointStore.IsCopiedTo(kept, ModelFolder);
        SavedEvaluation = EvaluateSaved(all: false, CancellationToken.None);
        foreach (ITrainingObserver o in observers)
        {
            if (end == TrainingEnd.Finished) o.Started(FirstStep, Config.Steps);
            if (SavedEvaluation is { } report) o.Evaluated(report);
            o.Ended(end);
        }

        if (!saved) SaveFinished();
        return end;
    }

    /// <summary>Holds the step whose weights are in <see cref="ModelFolder"/>.</summary>
    private string SavedName => Path.Combine(Folder, "model-step");

    private void SaveFinished()
    {
        File.Delete(SavedName);
        SaveModel(ModelFolder);
        DurableFile.WriteText(SavedName, SavedStep.ToString(CultureInfo.InvariantCulture) + "\n");
    }

    /// <summary>With patience, gives the model the weights of the best evaluation, and returns their checkpoint; null if they are those of
    /// the last step.</summary>
    private string? KeepBest(long bestStep, CheckpointStore store)
    {
        SavedStep = LastStep;
        if (Config.Patience == 0 || bestStep == 0 || bestStep == LastStep) return null;
        string best = store.Of(bestStep);
        Task.Load(best);
        SavedStep = bestStep;
        return best;
    }

    private static void Warn(IReadOnlyList<ITrainingObserver> observers, string message)
    {
        foreach (ITrainingObserver o in observers) o.Warned(message);
    }

    /// <summary>Remembers the newest evaluation.</summary>
    private sealed class Newest : ITrainingObserver
    {
        public EvaluationReport? Evaluation { get; private set; }

        public void Evaluated(EvaluationReport report) => Evaluation = report;
    }
}
