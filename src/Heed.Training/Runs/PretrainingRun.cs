using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
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

    private readonly FileStream _lock;
    private readonly RunPreparation _preparation;

    private PretrainingRun(string folder, RunConfig config, FileStream runLock, RunPreparation preparation)
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
    public Gpt2LanguageModel Model => _preparation.Model;

    /// <summary>What the run needs.</summary>
    public Forecast Forecast => _preparation.Forecast;

    /// <summary>Steps done before.</summary>
    public long FirstStep { get; private set; }

    /// <summary>Steps done when <see cref="Train"/> ended.</summary>
    public long LastStep { get; private set; }

    /// <summary>Where the finished model is saved.</summary>
    public string ModelFolder => Path.Combine(Folder, "model");

    /// <summary>Prepares a run: reads or makes tokenizer, ids and model, checks that it fits, and finds the last checkpoint.</summary>
    /// <param name="folder">Made where it does not exist.</param>
    /// <param name="config">The settings.</param>
    /// <param name="status">Told what is being prepared; may be null.</param>
    /// <param name="plan">Gives the final settings once texts and model are there, such as the steps that fit into a time (<see cref="Measure"/>). Steps, rates, evaluations
    /// and checkpoints may change, nothing else. Null: the settings stay.</param>
    /// <param name="stop">Ends the preparation.</param>
    /// <exception cref="ConfigException">The folder holds a run with other settings; the message lists them.</exception>
    /// <exception cref="BudgetException">The run cannot fit into memory.</exception>
    /// <exception cref="InputException">The data or the tokenizer is not acceptable.</exception>
    public static PretrainingRun Prepare(string folder, RunConfig config, IProgress<string>? status = null, Func<PretrainingRun, RunConfig>? plan = null, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(config);
        config.Validated();
        FileStream runLock = Lock(folder);
        PretrainingRun? run = null;
        try
        {
            RefuseOtherSettings(folder, config);
            DurableFile.RemoveLeftovers(folder);
            DurableFile.RemoveLeftovers(Path.Combine(folder, RunPreparation.TokenizerFolder));
            run = new PretrainingRun(folder, config, runLock, RunPreparation.Make(folder, config, status, stop));
            if (plan is not null) run.Config = Planned(config, plan(run));
            DurableFile.WriteText(Path.Combine(folder, SettingsName), StrictJson.Format(run.Config.ToJson()));
            return run;
        }
        catch
        {
            run?.Model.Dispose();
            runLock.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Times training steps and an evaluation on this machine once both run warm. The rate is 0 and the optimizer is thrown away: weights keep their bits.
    /// </summary>
    /// <param name="atMost">How long to take steps; two are taken in any case.</param>
    /// <param name="stop">Looked at before each step.</param>
    public RunTiming Measure(TimeSpan atMost, CancellationToken stop = default)
    {
        using AdamW optimizer = NewOptimizer();
        Trainer trainer = new(Model, optimizer, new ConstantSchedule(0), NewData(), Options(0));
        long started = Stopwatch.GetTimestamp();
        List<double> steps = [];
        while (steps.Count < 2 || Stopwatch.GetElapsedTime(started) < atMost)
        {
            stop.ThrowIfCancellationRequested();
            steps.Add(trainer.TakeStep().Seconds);
        }

        // The first steps are slow: code is compiled again as it proves hot, memory is taken. The median of the last half is the pace that stays.
        steps.RemoveRange(0, steps.Count / 2);
        steps.Sort();
        double step = steps[steps.Count / 2];
        started = Stopwatch.GetTimestamp();
        NewEvaluation()?.Run(0, Config.EvaluateBlocks, stop);
        return new RunTiming(step, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Trains until the end, or until <paramref name="stop"/>; then saves the model folder.</summary>
    /// <param name="observers">See the run.</param>
    /// <param name="peakOperations">The machine's measured peak in operations a second; 0 where not measured.</param>
    /// <param name="stop">Ends the run after the current step, with a checkpoint.</param>
    public TrainingEnd Train(IReadOnlyList<ITrainingObserver> observers, double peakOperations = 0, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(observers);
        CheckpointStore store = new(Folder, Config.Keep);
        store.RemoveLeftovers();
        using AdamW optimizer = NewOptimizer();
        HeldOutEvaluation? evaluation = NewEvaluation();
        Trainer? trainer = null;
        // Finding the checkpoint hashes all of it: once is enough.
        string? checkpoint = store.Latest();
        using RunLog log = new(Folder, checkpoint is null ? 0 : CheckpointStore.StepOf(checkpoint), TimeProvider.System);
        trainer = new Trainer(Model, optimizer, Schedule.Create(Config.Schedule, Config.LearningRate, Config.WarmupSteps, Config.Steps, Config.MinimumRateRatio),
            NewData(), Options(peakOperations), [log, .. observers])
        {
            Evaluate = evaluation is null ? null : () => evaluation.Run(trainer!.Step, Config.EvaluateBlocks, CancellationToken.None),
            Save = () => store.Save(trainer!.Step, at => WriteCheckpoint(at, trainer!, optimizer)),
        };
        if (checkpoint is not null) Restore(checkpoint, trainer, optimizer);
        FirstStep = LastStep = trainer.Step;
        TrainingEnd end = trainer.Run(stop);
        LastStep = trainer.Step;
        if (end != TrainingEnd.Interrupted) SaveModel(ModelFolder);
        return end;
    }

    /// <summary>Evaluates the model as it is on all held-out blocks; null where nothing is held out.</summary>
    public EvaluationReport? EvaluateAll(CancellationToken stop = default) => NewEvaluation()?.Run(LastStep, 0, stop);

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

    private void WriteCheckpoint(string folder, Trainer trainer, AdamW optimizer)
    {
        Heed.Models.Files.ModelFolder.Save(Model, folder);
        SafetensorsWriter.Write(Path.Combine(folder, "optimizer.safetensors"), optimizer.State.Select(s => RawTensor.FromFloats(s.Key, Array.ConvertAll(s.Value.Shape.ToArray(), d => (long)d), s.Value.ToArray())));
        DurableFile.WriteText(Path.Combine(folder, "trainer.json"), StrictJson.Format(new JsonObject
        {
            ["step"] = trainer.Step,
            ["tokens"] = trainer.TotalTokens,
            ["best_loss"] = double.IsFinite(trainer.BestLoss) ? trainer.BestLoss : null,
            ["evaluations_without_progress"] = trainer.EvaluationsWithoutProgress,
            ["corpus"] = Corpus.Fingerprint,
        }));
    }

    private void Restore(string checkpoint, Trainer trainer, AdamW optimizer)
    {
        string path = Path.Combine(checkpoint, "trainer.json");
        using JsonDocument state = StrictJson.ReadFile(path, 1 << 20);
        JsonElement root = state.RootElement;
        if (root.GetProperty("corpus").GetString() != Corpus.Fingerprint)
            throw new InputException($"{checkpoint}: was trained on other ids than the data gives now. Restore the texts and the tokenizer, or begin a run in another folder.");
        using (CheckpointFolder weights = CheckpointFolder.Open(checkpoint))
        {
            foreach (Parameter p in Model.Parameters)
            {
                Tensor value = Tensor.Uninitialized(p.Shape);
                weights[p.Name].ReadFloats(value.Span);
                p.Value = value;
            }
        }

        using SafetensorsFile moments = SafetensorsFile.Open(Path.Combine(checkpoint, "optimizer.safetensors"));
        foreach (Parameter p in Model.Parameters)
        {
            if (!moments.TryGet($"{p.Name}.{Optimizer.StepName}", out _)) continue;
            foreach ((string name, Tensor value) in optimizer.Restore(p.Name)!) moments[$"{p.Name}.{name}"].ReadFloats(value.Span);
        }

        trainer.Step = root.GetProperty("step").GetInt64();
        trainer.TotalTokens = root.GetProperty("tokens").GetInt64();
        if (root.GetProperty("best_loss") is { ValueKind: JsonValueKind.Number } best) trainer.BestLoss = best.GetDouble();
        trainer.EvaluationsWithoutProgress = root.GetProperty("evaluations_without_progress").GetInt32();
    }

    private static FileStream Lock(string folder)
    {
        string path = Path.Combine(folder, "lock");
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new StorageException($"{folder}: another run works in this folder. Wait for it, or choose another folder.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be made or written: {e.Message}", e);
        }
    }

    /// <summary>A plan decides about the steps; texts, tokenizer, model and memory are made by then.</summary>
    private static RunConfig Planned(RunConfig before, RunConfig planned)
    {
        string[] free = ["steps", "learning_rate", "schedule", "warmup_steps", "minimum_rate_ratio", "evaluate_every", "evaluate_blocks", "save_every", "keep", "patience"];
        RunField? changed = RunFields.All.FirstOrDefault(f => !free.Contains(f.Name) && !JsonNode.DeepEquals(f.Write(before), f.Write(planned)));
        return changed is null ? planned.Validated() : throw new ArgumentException($"{changed.Name}: the plan changes it from {changed.Write(before).ToJsonString()} to {changed.Write(planned).ToJsonString()}; it may change {string.Join(", ", free)}.", nameof(planned));
    }

    /// <summary>A folder with checkpoints goes on only with the settings that it was begun with.</summary>
    private static void RefuseOtherSettings(string folder, RunConfig config)
    {
        string path = Path.Combine(folder, SettingsName);
        if (!File.Exists(path) || !Directory.Exists(Path.Combine(folder, "checkpoints"))) return;
        RunConfig before = RunConfig.FromFile(path);
        string[] changed = [.. RunFields.All.Where(f => f.Name is not ("keep" or "memory_limit" or "save_every")
            && !JsonNode.DeepEquals(f.Write(before), f.Write(config))).Select(f => $"{f.Name} (was {f.Write(before).ToJsonString()}, is {f.Write(config).ToJsonString()})")];
        if (changed.Length > 0) throw new ConfigException($"{path}: the run in this folder was begun with other settings: {string.Join(", ", changed)}. Resume it with the same ones, or begin a run in another folder.");
    }
}
