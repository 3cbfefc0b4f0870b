using System.Diagnostics;
using System.Text.Json.Nodes;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Schedules;

namespace Heed.Training.Runs;

/// <summary>
/// One pre-training run in a folder: text → tokenizer → ids → model → trainer → Hugging Face folder. Everything it decides stands in
/// <c>run.json</c>; started again in the same folder it goes on from its last checkpoint to the same bits.
/// </summary>
public sealed class PretrainingRun : IDisposable
{
    /// <summary>Name of the file with a run's settings.</summary>
    public const string SettingsName = "run.json";

    private readonly RunLock _lock;
    private readonly RunPreparation _preparation;

    private PretrainingRun(string folder, RunConfig config, RunLock runLock, RunPreparation preparation)
    {
        Folder = folder;
        Config = config;
        _lock = runLock;
        _preparation = preparation;
    }

    /// <summary>The run's folder.</summary>
    public string Folder { get; }

    /// <summary>Its settings.</summary>
    public RunConfig Config { get; private set; }

    /// <summary>The tokenizer, trained or read.</summary>
    public Tokenizer Tokenizer => _preparation.Tokenizer;

    /// <summary>The ids.</summary>
    public TokenCorpus Corpus => _preparation.Corpus;

    /// <summary>The model, with the weights of the last checkpoint where the run goes on.</summary>
    public CausalLanguageModel Model => _preparation.Model;

    /// <summary>What the run needs.</summary>
    public Forecast Forecast => _preparation.Forecast;

    /// <summary>Steps done before.</summary>
    public long FirstStep { get; private set; }

    /// <summary>True where the run had ended before, and <see cref="Train"/> takes no step.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Steps done when <see cref="Train"/> ended.</summary>
    public long LastStep { get; private set; }

    /// <summary>Steps after which the weights are those of <see cref="Model"/> when <see cref="Train"/> ended: with patience the best, else <see cref="LastStep"/>.</summary>
    public long SavedStep { get; private set; }

    /// <summary>How good these weights are on held-out blocks; null where nothing was evaluated.</summary>
    public EvaluationReport? SavedEvaluation { get; private set; }

    /// <summary>Where the finished model is saved.</summary>
    public string ModelFolder => Path.Combine(Folder, "model");

    /// <summary>Prepares a run: reads or makes tokenizer, ids and model, checks that it fits, and finds the last checkpoint.</summary>
    /// <param name="folder">Made where it does not exist, and removed again where the run is refused.</param>
    /// <param name="config">The settings.</param>
    /// <param name="status">Told what is being prepared; may be null.</param>
    /// <param name="plan">Gives the final settings once texts and model are there, such as the steps that fit into a time (<see cref="Measure"/>). Steps, rates, evaluations
    /// and checkpoints may change, nothing else. Null: the settings stay.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <exception cref="ConfigException">Settings do not fit together, or the folder holds a run with others; the message names them.</exception>
    /// <exception cref="BudgetException">The run cannot fit into memory.</exception>
    /// <exception cref="InputException">The data or the tokenizer is not acceptable, or not what the run has learned from.</exception>
    /// <exception cref="StorageException">Data or tokenizer do not exist, the folder cannot be written, or another run works in it.</exception>
    public static PretrainingRun Prepare(string folder, RunConfig config, IProgress<string>? status = null, Func<PretrainingRun, RunConfig>? plan = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(config);
        config = config.WithFullPaths();
        // What can be refused is refused before anything is made.
        RunSettings.RefuseOthers(folder, config);
        RunPreparation.Check(config);
        config.Validated();
        RunLock runLock = RunLock.Take(folder);
        PretrainingRun? run = null;
        try
        {
            // Another run may have begun here since.
            RunSettings.RefuseOthers(folder, config);
            DurableFile.RemoveLeftovers(folder);
            DurableFile.RemoveLeftovers(Path.Combine(folder, RunPreparation.TokenizerFolder));
            run = new PretrainingRun(folder, config, runLock, RunPreparation.Make(folder, config, status, cancellationToken));
            if (CheckpointStore.Newest(folder) is { } newest)
            {
                RunCheckpoint last = RunCheckpoint.Read(newest);
                last.RequireSame(run.Corpus, run.Tokenizer);
                run.FirstStep = last.Step;
                run.IsOver = last.End(config) is not null;
            }

            if (plan is not null) run.Config = Planned(config, plan(run));
            RunSettings.Write(folder, run.Config);
            return run;
        }
        catch (Exception e)
        {
            run?.Model.Dispose();
            // What was made of texts that are not acceptable is of no use; after a stop or a full disk it is.
            runLock.Abandon(e is InputException ? [RunPreparation.TokenizerFolder, RunPreparation.CorpusName] : []);
            throw;
        }
    }

    /// <summary>The settings of the run in a folder, from <c>run.json</c> or else from its newest checkpoint; null where there are none.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="begun">True to look only at a run that has a checkpoint.</param>
    /// <exception cref="InputException">They are damaged.</exception>
    public static RunConfig? SettingsOf(string folder, bool begun = false)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return RunSettings.Of(folder, begun);
    }

    /// <summary>
    /// Times training steps and an evaluation on this machine once both run warm. The rate is 0 and the optimizer is thrown away: weights keep their bits.
    /// </summary>
    /// <param name="atMost">How long to take steps; two are taken in any case.</param>
    /// <param name="cancellationToken">Looked at before each step.</param>
    public RunTiming Measure(TimeSpan atMost, CancellationToken cancellationToken = default)
    {
        using AdamW optimizer = NewOptimizer();
        Trainer trainer = new(Model, optimizer, new ConstantSchedule(0), NewData(), Options(0));
        long started = Stopwatch.GetTimestamp();
        List<double> steps = [];
        while (steps.Count < 2 || Stopwatch.GetElapsedTime(started) < atMost)
        {
            cancellationToken.ThrowIfCancellationRequested();
            steps.Add(trainer.TakeStep().Seconds);
        }

        // The first steps are slow: code is compiled again as it proves hot, memory is taken. The median of the last half is the pace that stays.
        steps.RemoveRange(0, steps.Count / 2);
        steps.Sort();
        double step = steps[steps.Count / 2];
        started = Stopwatch.GetTimestamp();
        NewEvaluation()?.Run(0, Config.EvaluateBlocks, cancellationToken);
        return new RunTiming(step, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>
    /// Trains until the end, or until <paramref name="cancellationToken"/>; then saves the model folder: with patience the weights of the best evaluation, else the
    /// last ones. A run that is over writes nothing but a model folder that is missing.
    /// </summary>
    /// <param name="observers">See the run.</param>
    /// <param name="peakOperations">The machine's measured peak in operations a second; 0 where not measured.</param>
    /// <param name="cancellationToken">Ends the run after the current step, with a checkpoint.</param>
    public TrainingEnd Train(IReadOnlyList<ITrainingObserver> observers, double peakOperations = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(observers);
        CheckpointStore store = new(Folder, Config.Keep);
        store.RemoveLeftovers();
        HeldOutEvaluation? evaluation = NewEvaluation();
        // Finding the checkpoint hashes all of it: once is enough.
        RunCheckpoint? last = store.Latest() is { } newest ? RunCheckpoint.Read(newest) : null;
        if (last?.End(Config) is { } over) return Over(over, last, store, observers, evaluation);

        using AdamW optimizer = NewOptimizer();
        using RunLog log = new(Folder, last?.Step ?? 0, TimeProvider.System);
        EvaluationMemory memory = new();
        Trainer? trainer = null;
        trainer = new Trainer(Model, optimizer, Schedule.Create(Config.Schedule, Config.LearningRate, Config.WarmupSteps, Config.Steps, Config.MinimumRateRatio),
            NewData(), Options(peakOperations), [log, memory, .. observers])
        {
            Evaluate = evaluation is null ? null : () => evaluation.Run(trainer!.Step, Config.EvaluateBlocks, CancellationToken.None),
            Save = () =>
            {
                store.KeptStep = Config.Patience > 0 ? trainer!.BestStep : 0;
                return store.Save(trainer!.Step, at => RunCheckpoint.Write(at, this, trainer!, optimizer));
            },
        };
        last?.Restore(trainer, Model, optimizer);
        FirstStep = LastStep = trainer.Step;
        TrainingEnd end = trainer.Run(cancellationToken);
        SavedStep = LastStep = trainer.Step;
        SavedEvaluation = memory.Newest;
        if (end == TrainingEnd.Interrupted) return end;
        if (KeepBest(trainer.BestStep, store) is not null) SavedEvaluation = evaluation?.Run(SavedStep, Config.EvaluateBlocks, CancellationToken.None);
        SaveModel(ModelFolder);
        return end;
    }

    /// <summary>Evaluates the model as it is on all held-out blocks; null where nothing is held out.</summary>
    public EvaluationReport? EvaluateAll(CancellationToken cancellationToken = default) => NewEvaluation()?.Run(SavedStep, 0, cancellationToken);

    /// <summary>Writes the model as it is as a Hugging Face folder: configuration, weights, tokenizer, generation settings.</summary>
    public void SaveModel(string folder)
    {
        DurableFile.RemoveLeftovers(folder);
        Heed.Models.Files.ModelFolder.Save(Model, folder);
        RunPreparation.SaveTokenizer(Tokenizer, folder);
        DurableFile.WriteText(Path.Combine(folder, Heed.Models.Files.ModelFolder.GenerationConfigName), StrictJson.Format(new JsonObject
        {
            ["bos_token_id"] = Model.Config.BeginId,
            ["do_sample"] = true,
            ["eos_token_id"] = Model.Config.EndId,
            ["max_new_tokens"] = 100,
            ["temperature"] = 0.8,
            ["top_k"] = 50,
        }));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        _lock.Dispose();
    }

    private AdamW NewOptimizer() => new(Model.Parameters) { Beta1 = Config.Beta1, Beta2 = Config.Beta2, Epsilon = Config.Epsilon, WeightDecay = Config.WeightDecay };

    private CausalData NewData() => new(new TokenBlocks(Corpus.Training, Config.BlockLength, "training"), Config.BatchSize, Config.Seed);

    private HeldOutEvaluation? NewEvaluation() => Corpus.HeldOut.Length > 1 ? new HeldOutEvaluation(Model, Corpus.HeldOut, Corpus.HeldOutBytes, Config.BlockLength, Config.BatchSize) : null;

    private TrainerOptions Options(double peakOperations) => new()
    {
        Steps = Config.Steps,
        Accumulation = Config.Accumulation,
        ClipNorm = Config.ClipNorm,
        Dropout = Config.Dropout > 0,
        GradientCheckpointing = Config.GradientCheckpointing,
        Seed = Config.Seed,
        EvaluateEvery = Config.EvaluateEvery,
        SaveEvery = Config.SaveEvery,
        Patience = Config.Patience,
        OperationsPerToken = Forecast.OperationsPerToken,
        PeakOperations = peakOperations,
    };

    /// <summary>What a run that is over still does: it shows how good its model is, and saves it where that is missing.</summary>
    private TrainingEnd Over(TrainingEnd end, RunCheckpoint last, CheckpointStore store, IReadOnlyList<ITrainingObserver> observers, HeldOutEvaluation? evaluation)
    {
        FirstStep = LastStep = last.Step;
        string kept = KeepBest(last.BestStep, store) ?? last.Folder;
        if (kept == last.Folder) RunCheckpoint.ReadWeights(kept, Model);
        SavedEvaluation = evaluation?.Run(SavedStep, Config.EvaluateBlocks, CancellationToken.None);
        foreach (ITrainingObserver o in observers)
        {
            if (end == TrainingEnd.Finished) o.Started(FirstStep, Config.Steps);
            if (SavedEvaluation is { } report) o.Evaluated(report);
            o.Ended(end);
        }

        if (!IsSaved(kept)) SaveModel(ModelFolder);
        return end;
    }

    /// <summary>With patience, gives the model the weights of the best evaluation, and returns their checkpoint; null where they are those of the last step.</summary>
    private string? KeepBest(long bestStep, CheckpointStore store)
    {
        SavedStep = LastStep;
        if (Config.Patience == 0 || bestStep == 0 || bestStep == LastStep) return null;
        string best = store.Of(bestStep);
        RunCheckpoint.ReadWeights(best, Model);
        SavedStep = bestStep;
        return best;
    }

    /// <summary>True where the model folder is whole: its last file is there, and its weights are as long as those of the checkpoint.</summary>
    private bool IsSaved(string checkpoint)
    {
        foreach (string name in (string[])[Heed.Models.Files.ModelFolder.GenerationConfigName, "tokenizer.json", "tokenizer_config.json"])
            if (!File.Exists(Path.Combine(ModelFolder, name))) return false;
        foreach (string file in Directory.EnumerateFiles(checkpoint))
        {
            if (Path.GetFileName(file) is RunCheckpoint.StateName or RunCheckpoint.MomentsName or CheckpointStore.ManifestName) continue;
            FileInfo saved = new(Path.Combine(ModelFolder, Path.GetFileName(file)));
            if (!saved.Exists || saved.Length != new FileInfo(file).Length) return false;
        }

        return true;
    }

    /// <summary>A plan decides about the steps; texts, tokenizer, model and memory are made by then.</summary>
    private static RunConfig Planned(RunConfig before, RunConfig planned)
    {
        string[] free = ["steps", "learning_rate", "schedule", "warmup_steps", "minimum_rate_ratio", "evaluate_every", "evaluate_blocks", "save_every", "keep", "patience"];
        RunField? changed = RunFields.All.FirstOrDefault(f => !free.Contains(f.Name) && !JsonNode.DeepEquals(f.Write(before), f.Write(planned)));
        return changed is null ? planned.Validated() : throw new ArgumentException($"{changed.Name}: the plan changes it from {changed.Write(before).ToJsonString()} to {changed.Write(planned).ToJsonString()}; it may change {string.Join(", ", free)}.", nameof(planned));
    }

    /// <summary>Remembers the newest evaluation.</summary>
    private sealed class EvaluationMemory : ITrainingObserver
    {
        public EvaluationReport? Newest { get; private set; }

        public void Evaluated(EvaluationReport report) => Newest = report;
    }
}
