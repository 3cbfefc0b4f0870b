using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Data;
using Heed.Training.Logging;
using Heed.Training.Objectives;

namespace Heed.Training.Tasks;

/// <summary>
/// Learning to restore a corrupted text. What is corrupted is drawn anew each time a row is read, from seed and position alone: the same
/// bits on resuming, and with any number of threads. Held-out rows are always corrupted alike, so that evaluations compare.
/// </summary>
internal sealed class CorruptedTextTask : TextTask
{
    /// <summary>Streams of random numbers: the place of a row in the run, or in the held-out part, is added.</summary>
    private const ulong TrainingStream = 0x0B1E_0000_0000_0000, HeldOutStream = 0x0B1F_0000_0000_0000;

    private readonly TextObjective _objective;
    private readonly TokenCorpus? _words;
    private readonly int _padding;

    /// <param name="model">What is trained; the task owns it.</param>
    /// <param name="tokenizer">Saved beside the model.</param>
    /// <param name="corpus">The ids.</param>
    /// <param name="words">For each id 1 if a word begins with it, else 0; null if the objective does not ask for words.</param>
    /// <param name="settings">How the corpus is read.</param>
    /// <param name="objective">What becomes of a row.</param>
    public CorruptedTextTask(
        Model model, Tokenizer tokenizer, TokenCorpus corpus, TokenCorpus? words, TextTaskSettings settings, TextObjective objective)
        : base(model, tokenizer, corpus, settings, objective.RowTokens)
    {
        (_objective, _words) = (objective, words);
        _padding = model.Config.PaddingId ?? 0;
        if (words is not null) Fingerprints = new Dictionary<string, string>(base.Fingerprints) { ["words"] = words.Fingerprint };
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Fingerprints => field ?? base.Fingerprints;

    /// <inheritdoc/>
    public override ModelInputs Batch(long position)
    {
        int[] blocks = BlocksAt(position);
        CorruptedText[] rows = new CorruptedText[blocks.Length];
        for (int b = 0; b < rows.Length; b++)
            rows[b] = Row(Corpus.TrainingIds, _words?.TrainingIds, blocks[b], TrainingStream + (ulong)((position * rows.Length) + b));
        return Inputs(rows);
    }

    /// <summary>
    /// Mean loss per restored token, and its exponential, of the held-out text. Bits per byte would mean nothing: much of the text is
    /// given.
    /// </summary>
    /// <inheritdoc/>
    public override EvaluationReport? Evaluate(bool all, CancellationToken cancellationToken)
    {
        int count = Math.Max(1, Corpus.HeldOut.Length / _objective.RowTokens);
        if (Corpus.HeldOut.Length < 2) return null;
        int read = all || Settings.EvaluateBlocks == 0 ? count : Math.Min(count, Settings.EvaluateBlocks);
        double nats = 0;
        long targets = 0;
        for (int i = 0; i < read; i += Settings.BatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            CorruptedText[] rows = new CorruptedText[Math.Min(Settings.BatchSize, read - i)];
            for (int b = 0; b < rows.Length; b++)
            {
                int block = (int)((long)(i + b) * count / read);
                rows[b] = Row(Corpus.HeldOutIds, _words?.HeldOutIds, block, HeldOutStream + (ulong)block);
            }

            using TensorScope scope = TensorScope.Begin();
            LossPart loss = Model.Run(Inputs(rows), new RunOptions { Logits = false }).Losses[0];
            nats += loss.Sum.Value.ToScalar();
            targets += loss.Count;
        }

        return targets == 0 ? null : Mean(nats, targets);
    }

    /// <inheritdoc/>
    protected override JsonObject? GenerationSettings() => Model is not SequenceToSequenceModel both ? null : new JsonObject
    {
        ["bos_token_id"] = Model.Config.BeginId,
        ["decoder_start_token_id"] = both.DecoderStartId,
        ["eos_token_id"] = Model.Config.EndId,
        ["max_new_tokens"] = Settings.BlockLength,
        ["pad_token_id"] = Model.Config.PaddingId,
    };

    private CorruptedText Row(int[] ids, int[]? begins, int block, ulong stream)
    {
        int start = block * _objective.RowTokens, length = Math.Min(_objective.RowTokens, ids.Length - start);
        return _objective.Corrupt(ids.AsSpan(start, length), begins is null ? [] : begins.AsSpan(start, length),
            new DrawSequence(new CounterRandom(Settings.Seed, stream)));
    }

    private ModelInputs Inputs(CorruptedText[] rows)
    {
        int[][] inputs = Array.ConvertAll(rows, r => r.Inputs);
        int longest = inputs.Max(r => r.Length);
        bool isPadded = Array.Exists(inputs, r => r.Length < longest);
        return new ModelInputs
        {
            InputIds = TokenGrid.Of(inputs, _padding),
            AttentionMask = isPadded ? TokenGrid.Of(Array.ConvertAll(inputs, r => Enumerable.Repeat(1, r.Length).ToArray())) : null,
            Labels = TokenGrid.Of(Array.ConvertAll(rows, r => r.Labels), CausalLanguageModel.IgnoredLabel),
        };
    }
}
