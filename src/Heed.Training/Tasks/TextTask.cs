using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tasks;

/// <summary>How a task over a corpus reads it.</summary>
public sealed record TextTaskSettings
{
    /// <summary>T, tokens of a block.</summary>
    public int BlockLength { get; init; } = 128;

    /// <summary>B, blocks of a micro-batch.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Seed of the order of blocks, and of what an objective draws.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Held-out blocks of an evaluation while training; 0 reads all.</summary>
    public int EvaluateBlocks { get; init; } = 64;
}

/// <summary>A task that learns from a corpus of ids: an objective makes batches of its blocks.</summary>
public abstract class TextTask : TrainingTask<ModelInputs>
{
    private readonly BlockOrder _order;

    /// <summary>For derived tasks.</summary>
    /// <param name="model">What is trained; the task owns it.</param>
    /// <param name="tokenizer">Saved beside the model; null saves none.</param>
    /// <param name="corpus">The ids.</param>
    /// <param name="settings">How the corpus is read.</param>
    /// <exception cref="InputException">The training part is shorter than one block.</exception>
    protected TextTask(Model model, Tokenizer? tokenizer, TokenCorpus corpus, TextTaskSettings settings)
        : this(model, tokenizer, corpus, settings, null)
    {
    }

    /// <summary>For objectives whose rows take another number of ids than the model reads.</summary>
    /// <param name="model">What is trained; the task owns it.</param>
    /// <param name="tokenizer">Saved beside the model; null saves none.</param>
    /// <param name="corpus">The ids.</param>
    /// <param name="settings">How the corpus is read.</param>
    /// <param name="rowTokens">Ids of a row.</param>
    /// <param name="rows">Rows of the training part, if they are not its blocks.</param>
    private protected TextTask(Model model, Tokenizer? tokenizer, TokenCorpus corpus, TextTaskSettings settings, int? rowTokens,
        int? rows = null)
        : base(model)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        ArgumentNullException.ThrowIfNull(settings);
        (Tokenizer, Corpus, Settings) = (tokenizer, corpus, settings);
        Blocks = new TokenBlocks(corpus.TrainingIds, rowTokens ?? settings.BlockLength, "training");
        _order = new BlockOrder(rows ?? Blocks.Count, settings.Seed);
        Dictionary<string, string> sums = new(StringComparer.Ordinal) { ["ids"] = corpus.Fingerprint };
        if (tokenizer is not null) sums["tokenizer"] = SumOf(tokenizer);
        Fingerprints = sums;
    }

    /// <summary>The tokenizer, or null.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>The ids.</summary>
    public TokenCorpus Corpus { get; }

    /// <summary>How the corpus is read.</summary>
    public TextTaskSettings Settings { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Fingerprints { get; }

    /// <summary>The blocks of the training part.</summary>
    private protected TokenBlocks Blocks { get; }

    /// <summary>Folder with the tokenizer's own files, which are saved beside the model; null writes standard ones.</summary>
    internal string? TokenizerFiles { get; init; }

    /// <summary>The sum of a tokenizer: of its <c>tokenizer.json</c>.</summary>
    internal static string SumOf(Tokenizer tokenizer) => Convert.ToHexStringLower(SHA256.HashData(tokenizer.ToJson()));

    /// <summary>The blocks of the micro-batch at a position, in an order of their own each epoch.</summary>
    /// <param name="position">0, 1, 2, …</param>
    private protected int[] BlocksAt(long position)
    {
        int[] chosen = new int[Settings.BatchSize];
        for (int b = 0; b < chosen.Length; b++) chosen[b] = _order[(position * chosen.Length) + b];
        return chosen;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<long> CountTargets(ModelInputs batch) => Model.CountTargets(batch);

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => Model.Run(batch, options).Losses;

    /// <inheritdoc/>
    public override Forecast? Forecast(TrainingConfig config)
        => Runs.Forecast.Of(Model, config, Settings.BatchSize, Settings.BlockLength,
            sizeof(int) * ((long)Corpus.Training.Length + Corpus.HeldOut.Length));

    /// <inheritdoc/>
    public override void Save(string folder)
    {
        SaveModel(folder);
        if (Tokenizer is not null) TokenizerFolder.Save(Tokenizer, folder, Model.Config.EndId, TokenizerFiles);
        if (GenerationSettings() is { } generation)
            DurableFile.WriteText(Path.Combine(folder, ModelFolder.GenerationConfigName), StrictJson.Format(generation));
    }

    /// <summary>Writes configuration and weights.</summary>
    private protected virtual void SaveModel(string folder) => base.Save(folder);

    /// <summary>The <c>generation_config.json</c> that is saved beside the model; null for models that write no text.</summary>
    protected virtual JsonObject? GenerationSettings() => null;

    /// <summary>A mean loss with its perplexity.</summary>
    /// <param name="nats">Sum over targets.</param>
    /// <param name="targets">Their number.</param>
    private protected static EvaluationReport Mean(double nats, long targets)
    {
        double loss = targets == 0 ? double.NaN : nats / targets;
        return new EvaluationReport(loss, targets) { Measures = new Dictionary<string, double> { ["perplexity"] = Math.Exp(loss) } };
    }
}
