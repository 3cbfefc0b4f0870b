using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Objectives;
using Heed.Training.Runs;

namespace Heed.Training.Tasks;

/// <summary>
/// Learning to tell which tokens a generator has replaced, together with the generator: its mean cross-entropy at masked tokens, and λ
/// times
/// the mean binary cross-entropy of the discriminator at all tokens. No gradient passes through what is sampled (Clark et al. 2020, §2).
/// </summary>
internal sealed class ReplacedTokenTask : CorruptedTextTask
{
    /// <summary>Keeps the draws of samples apart from those of masks.</summary>
    private const ulong SampleStream = 0x5A17_0000_0000_0000;

    /// <summary>Dropout of the generator is drawn apart from the discriminator's.</summary>
    private const ulong GeneratorSeed = 0x9E37_79B9_7F4A_7C15;

    private readonly ElectraPair _pair;
    private readonly float _weight;

    /// <param name="pair">What is trained; the task owns it.</param>
    /// <param name="tokenizer">Saved beside the model.</param>
    /// <param name="corpus">The ids.</param>
    /// <param name="words">For each id 1 if a word begins with it, else 0; null if whole words are not asked for.</param>
    /// <param name="settings">How the corpus is read.</param>
    /// <param name="objective">Masks for the generator.</param>
    /// <param name="weight">λ.</param>
    public ReplacedTokenTask(ElectraPair pair, Tokenizer tokenizer, TokenCorpus corpus, TokenCorpus? words, TextTaskSettings settings,
        MaskingObjective objective, double weight)
        : base(pair, tokenizer, corpus, words, settings, objective)
        => (_pair, _weight) = (pair, (float)weight);

    /// <summary>Tokens that are read, and of these the masked ones.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<long> CountTargets(ModelInputs batch)
        => [batch.AttentionMask?.Cells.LongCount(c => c != 0) ?? batch.InputIds.Cells.Length,
            batch.Labels!.Cells.LongCount(l => l != CausalLanguageModel.IgnoredLabel)];

    /// <inheritdoc/>
    public override IReadOnlyList<LossPart> Loss(ModelInputs batch, RunOptions options) => Run(batch, options).Losses;

    /// <inheritdoc/>
    public override void Load(string folder)
    {
        using CheckpointFolder weights = CheckpointFolder.Open(folder);
        using CheckpointFolder generator = CheckpointFolder.Open(Path.Combine(folder, ElectraPair.GeneratorName));
        foreach (Parameter p in Model.Parameters)
        {
            Tensor value = Tensor.Uninitialized(p.Shape);
            CheckpointFolder from = ElectraPair.IsOfGenerator(p.Name, out string stored) ? generator : weights;
            from[stored].ReadFloats(value.Span);
            p.Assign(value);
        }
    }

    /// <summary>The generator holds its scores of the masked tokens, and their gradient.</summary>
    /// <inheritdoc/>
    public override Forecast? Forecast(TrainingConfig config)
    {
        Forecast forecast = base.Forecast(config)!;
        double masked = 0.2 * Settings.BatchSize * Settings.BlockLength;
        long bytes = (long)Math.Min(3.0 * sizeof(float) * masked * Model.Config.Vocabulary, long.MaxValue / 4);
        return forecast with { ActivationBytes = Math.Min(forecast.ActivationBytes, long.MaxValue / 2) + bytes };
    }

    /// <inheritdoc/>
    private protected override void SaveModel(string folder)
    {
        // The discriminator is the model of the folder; the generator lies within.
        ModelFolder.Save(_pair.DiscriminatorAlone(), folder, DType.F32);
        string generator = Path.Combine(folder, ElectraPair.GeneratorName);
        ModelFolder.Save(_pair.GeneratorAlone(), generator, DType.F32);
        TokenizerFolder.Save(Tokenizer!, generator, Model.Config.EndId, TokenizerFiles);
    }

    /// <inheritdoc/>
    private protected override void Assess(ModelInputs inputs, HeldOutSums sums)
    {
        (IReadOnlyList<LossPart> losses, ModelInputs read, Tensor scores) = Run(inputs, new RunOptions());
        sums.Add(losses);
        for (int c = 0; c < read.Labels!.Cells.Length; c++)
        {
            int label = read.Labels.Cells[c];
            if (label == CausalLanguageModel.IgnoredLabel) continue;
            bool found = scores.Span[c] > 0;
            sums.Count("replaced_accuracy", found == (label == 1));
            if (found) sums.Count("replaced_precision", label == 1);
            if (label == 1) sums.Count("replaced_recall", found);
        }
    }

    private (IReadOnlyList<LossPart> Losses, ModelInputs Read, Tensor Scores) Run(ModelInputs batch, RunOptions options)
    {
        MaskedLanguageModel generator = _pair.Generator;
        RunOptions own = options with
        {
            Dropout = options.Dropout is { } dropout ? dropout with { Seed = dropout.Seed + GeneratorSeed } : null,
        };
        TokenBatch tokens = generator.Pack(batch);
        Variable hidden = generator.Encode(tokens, tokens.Context(own));                             // [N, D]
        int[] labels = tokens.Pick(batch.Labels!);
        int[] rows = [.. Enumerable.Range(0, labels.Length).Where(n => labels[n] != CausalLanguageModel.IgnoredLabel)];
        LossPart masked = new("masked", Tensor.Scalar(0), 0);
        int[] sampled = [];
        if (rows.Length > 0)
        {
            Variable scores = generator.Logits(hidden.Gather(rows));                                 // [M, V]
            Variable sum = Engine.Autograd.Loss.CrossEntropy(scores, Array.ConvertAll(rows, n => labels[n]),
                new CrossEntropySettings { Reduction = Reduction.Sum });
            masked = new LossPart("masked", sum, rows.Length);
            sampled = ReplacedTokens.Sample(scores.Value, Draws(batch, tokens, rows));
        }

        ModelInputs read = ReplacedTokens.Replaced(batch, sampled);
        ModelOutput found = _pair.Discriminator.Run(read, options with { Logits = true });
        return ([found.Losses[0] with { Weight = _weight }, masked], read, found.Logits!);
    }

    /// <summary>The uniform numbers of each masked token: they depend on its row's stream and its place in the row alone.</summary>
    private Action<int, Span<float>> Draws(ModelInputs batch, TokenBatch tokens, int[] rows) => (m, values) =>
    {
        int cell = tokens.Cells[rows[m]], columns = batch.InputIds.Columns;
        // Streams of texts are less than 2³² apart; the place in the text stands above.
        ulong stream = batch.DrawStreams![cell / columns] ^ SampleStream ^ ((ulong)(cell % columns) << 32);
        new CounterRandom(Settings.Seed, stream).Uniform(values);
    };
}
