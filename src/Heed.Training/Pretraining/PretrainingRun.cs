using System.Diagnostics;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Objectives;
using Heed.Training.Runs;
using Heed.Training.Tasks;

namespace Heed.Training.Pretraining;

/// <summary>Pre-training from text: texts → tokenizer → ids → model → task, for a <see cref="TrainingRun{TTask}"/>.</summary>
public static class PretrainingRun
{
    /// <summary>Where a run keeps its ids.</summary>
    internal const string CorpusName = "tokens.bin";

    /// <summary>Prepares a run: reads or makes tokenizer, ids and model, checks that it fits, and finds the last checkpoint.</summary>
    /// <param name="folder">Made if it does not exist, and removed again if the run is refused.</param>
    /// <param name="config">The settings.</param>
    /// <param name="status">Reports what is being prepared; may be null.</param>
    /// <param name="warnings">Reports what is odd and was accepted; may be null.</param>
    /// <param name="plan">See <see cref="TrainingRun.Prepare"/>.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <exception cref="ConfigException">Settings do not fit together, or the folder holds a run with others; the message names
    /// them.</exception>
    /// <exception cref="BudgetException">The run cannot fit into memory.</exception>
    /// <exception cref="InputException">The data or the tokenizer is not acceptable, or not what the run has learned from.</exception>
    /// <exception cref="StorageException">Data or tokenizer do not exist, the folder cannot be written, or another run works in
    /// it.</exception>
    public static TrainingRun<TextTask> Prepare(
        string folder,
        PretrainingConfig config,
        IProgress<string>? status = null,
        IProgress<string>? warnings = null,
        Func<TrainingRun<TextTask>, TrainingConfig>? plan = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(config);
        PretrainingConfig full = (PretrainingConfig)config.WithFullPaths();
        RunSettings.RefuseOthers(RunSettings.Newest(folder), full);
        PretrainingModel.Check(full, CheckpointStore.Newest(folder));
        PretrainingTexts.Check(full);
        PretrainingTokenizer.Check(full);
        return TrainingRun.Prepare(folder, full, preparation => Make(full, preparation), status, warnings, plan, cancellationToken);
    }

    /// <summary>The settings of the run in a folder, from <c>run.json</c> or else from its newest checkpoint; null if there are
    /// none.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="begun">True to look only at a run that has a checkpoint.</param>
    /// <exception cref="InputException">They are damaged.</exception>
    public static PretrainingConfig? SettingsOf(string folder, bool begun = false)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return RunSettings.Of(folder, begun, PretrainingConfig.FromJson);
    }

    private static TextTask Make(PretrainingConfig config, TaskPreparation preparation)
    {
        PretrainingModel choice = PretrainingModel.Find(config, preparation.Checkpoint?.Folder);
        PretrainingObjective objective = choice.Objective;
        PretrainingTexts texts = PretrainingTexts.Read(config, preparation);
        string? given = PretrainingTokenizer.Given(config, choice);
        PretrainingTokenizer tokenizer = PretrainingTokenizer.Make(config, objective, given, texts, preparation);
        int end = tokenizer.EndId(choice, given);
        ObjectiveTokens tokens = ObjectiveTokens.Of(objective.Name, tokenizer.Tokenizer, end, objective.Sentinels, given
            ?? PretrainingTokenizer.Folder);
        TextObjective? corruption = objective.Name == ObjectiveKind.Causal ? null : objective.Make(tokens, tokenizer.Tokenizer);
        TokenCorpus corpus = Encode(corruption?.RowTokens ?? config.BlockLength, texts, tokenizer, end, preparation);
        TokenCorpus? words = objective.Words(texts, corpus, tokenizer.Tokenizer, preparation);
        CorpusPairs? pairs = objective.Pairs(corpus, tokens, tokenizer.Tokenizer, corruption as MaskingObjective);
        PretrainingTeacher? teacher = objective.Name == ObjectiveKind.Distill ? PretrainingTeacher.Open(config, preparation) : null;
        Model? model = null;
        TextTaskSettings settings = new()
        {
            BlockLength = config.BlockLength,
            BatchSize = config.BatchSize,
            Seed = config.Seed,
            EvaluateBlocks = config.EvaluateBlocks,
        };
        try
        {
            preparation.Report("building the model");
            model = choice.Build(config, tokenizer.Tokenizer.VocabularySize, given is not null, tokens, teacher, preparation);
            Tokenizer pieces = tokenizer.Tokenizer;
            return corruption is null
                ? new CausalLanguageModelTask((CausalLanguageModel)model, pieces, corpus, settings) { TokenizerFiles = tokenizer.Files }
                : objective.Name switch
                {
                    ObjectiveKind.Replaced => new ReplacedTokenTask((ElectraPair)model, pieces, corpus, words, settings,
                        (MaskingObjective)corruption, objective.ReplacedWeight)
                    { TokenizerFiles = tokenizer.Files },
                    ObjectiveKind.Distill => new DistillationTask((MaskedLanguageModel)model, teacher!, pieces, corpus, words, settings,
                        (MaskingObjective)corruption, objective.Distillation(model.Config.Width, teacher!.Model.Config.Width))
                    { TokenizerFiles = tokenizer.Files },
                    _ => new CorruptedTextTask(model, pieces, corpus, words, settings, corruption,
                        pairs)
                    { TokenizerFiles = tokenizer.Files },
                };
        }
        catch
        {
            model?.Dispose();
            teacher?.Model.Dispose();
            throw;
        }
    }

    /// <summary>The ids, from the run's folder or encoded; what a run has learned from is compared before anything is written.</summary>
    private static TokenCorpus Encode(int rowTokens, PretrainingTexts texts, PretrainingTokenizer tokenizer, int end,
        TaskPreparation preparation)
    {
        preparation.Report("encoding the text");
        string path = Path.Combine(preparation.Folder, CorpusName), key = texts.Key(tokenizer.Tokenizer.ToJson());
        TokenCorpus? corpus = TokenCorpus.Read(path, key, out bool damaged);
        if (damaged) preparation.Warn($"{path}: is damaged; the text is encoded again.");
        bool isNew = corpus is null;
        corpus ??= TokenCorpus.Encode(texts.Documents, tokenizer.Encode, end, texts.HeldOut,
            new Counted(preparation, texts.Documents.Count), preparation.CancellationToken);
        preparation.RequireSame("ids", corpus.Fingerprint);
        preparation.RemoveIfRefused(CorpusName);
        _ = new TokenBlocks(corpus.TrainingIds, rowTokens, "training");
        if (isNew) corpus.Write(path, key);
        return corpus;
    }

    /// <summary>Reports long encoding now and then.</summary>
    private sealed class Counted(TaskPreparation preparation, int documents) : IProgress<int>
    {
        private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);
        private long _told = Stopwatch.GetTimestamp();

        public void Report(int value)
        {
            if (Stopwatch.GetElapsedTime(_told) < Pause) return;
            _told = Stopwatch.GetTimestamp();
            preparation.Report(FormattableString.Invariant($"encoding the text, {100.0 * value / documents:0} %"));
        }
    }
}
