using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
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
internal class CorruptedTextTask : TextTask
{
    /// <summary>Streams of random numbers: the place of a row in the run, or in the held-out part, is added.</summary>
    private const ulong TrainingStream = 0x0B1E_0000_0000_0000, HeldOutStream = 0x0B1F_0000_0000_0000;

    private readonly TextObjective _objective;
    private readonly TokenCorpus? _words;
    private readonly CorpusPairs? _pairs;
    private readonly int _padding;

    /// <param name="model">What is trained; the task owns it.</param>
    /// <param name="tokenizer">Saved beside the model.</param>
    /// <param name="corpus">The ids.</param>
    /// <param name="words">For each id 1 if a word begins with it, else 0; null if the objective does not ask for words.</param>
    /// <param name="settings">How the corpus is read.</param>
    /// <param name="objective">What becomes of a row; of pairs a <see cref="MaskingObjective"/>.</param>
    /// <param name="pairs">The pairs of sentences that are rows; null takes blocks of the corpus.</param>
    public CorruptedTextTask(Model model, Tokenizer tokenizer, TokenCorpus corpus, TokenCorpus? words, TextTaskSettings settings,
        TextObjective objective, CorpusPairs? pairs = null)
        : base(model, tokenizer, corpus, settings, objective.RowTokens, pairs?.Training.Count)
    {
        (_objective, _words, _pairs) = (objective, words, pairs);
        _padding = model.Config.PaddingId ?? 0;
        if (pairs is not null) AllowUnusedHead((MaskedLanguageModel)model);
        if (words is not null) Fingerprints = new Dictionary<string, string>(base.Fingerprints) { ["words"] = words.Fingerprint };
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Fingerprints => field ?? base.Fingerprints;

    /// <summary>Rows of the held-out part.</summary>
    private int HeldOutRows => _pairs is { } pairs ? pairs.HeldOut.Count
        : Corpus.HeldOut.Length < 2 ? 0 : Math.Max(1, Corpus.HeldOut.Length / _objective.RowTokens);

    /// <inheritdoc/>
    public override ModelInputs Batch(long position)
    {
        int[] blocks = BlocksAt(position);
        ulong[] streams = new ulong[blocks.Length];
        for (int b = 0; b < streams.Length; b++) streams[b] = TrainingStream + (ulong)((position * streams.Length) + b);
        return Inputs(isTraining: true, blocks, streams);
    }

    /// <summary>
    /// Mean loss per restored token, and its exponential, of the held-out text. Bits per byte would mean nothing: much of the text is
    /// given.
    /// </summary>
    /// <inheritdoc/>
    public override EvaluationReport? Evaluate(bool all, CancellationToken cancellationToken)
    {
        int count = HeldOutRows;
        if (count == 0) return null;
        int read = all || Settings.EvaluateBlocks == 0 ? count : Math.Min(count, Settings.EvaluateBlocks);
        HeldOutSums sums = new();
        for (int i = 0; i < read; i += Settings.BatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] blocks = new int[Math.Min(Settings.BatchSize, read - i)];
            for (int b = 0; b < blocks.Length; b++) blocks[b] = (int)((long)(i + b) * count / read);
            using TensorScope scope = TensorScope.Begin();
            Assess(Inputs(isTraining: false, blocks, Array.ConvertAll(blocks, b => HeldOutStream + (ulong)b)), sums);
        }

        return sums.Targets == 0 ? null : sums.ToReport();
    }

    /// <summary>Adds what the model makes of a held-out batch.</summary>
    private protected virtual void Assess(ModelInputs inputs, HeldOutSums sums)
    {
        ModelOutput output = Model.Run(inputs, new RunOptions { Logits = false });
        sums.Add(output.Losses);
        if (inputs.NextSentenceLabel is not { } labels || output.NextSentenceLogits is not { } scores) return;
        for (int b = 0; b < labels.Count; b++) sums.Count("next_sentence_accuracy", (scores[b, 0] >= scores[b, 1]) == (labels[b] == 0));
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

    /// <summary>A step may have no masked token, and still learn something else.</summary>
    private protected static void AllowUnusedHead(MaskedLanguageModel model)
    {
        HashSet<Parameter> stack = [.. model.Stack.Modules.SelectMany(m => m.OwnParameters)];
        foreach (Parameter p in model.Parameters)
            if (!stack.Contains(p)) p.AllowUnused();
    }

    private CorruptedText Row(bool isTraining, int row, ulong stream)
    {
        int[] ids = isTraining ? Corpus.TrainingIds : Corpus.HeldOutIds;
        int[] begins = (isTraining ? _words?.TrainingIds : _words?.HeldOutIds) ?? [];
        DrawSequence draws = new(new CounterRandom(Settings.Seed, stream));
        if (_pairs is { } pairs)
        {
            SentencePair pair = (isTraining ? pairs.Training : pairs.HeldOut).Draw(row, draws);
            return ((MaskingObjective)_objective).Corrupt(ids, begins, pair, draws);
        }

        int start = row * _objective.RowTokens, length = Math.Min(_objective.RowTokens, ids.Length - start);
        return _objective.Corrupt(ids.AsSpan(start, length), begins.Length == 0 ? [] : begins.AsSpan(start, length), draws);
    }

    private ModelInputs Inputs(bool isTraining, int[] blocks, ulong[] streams)
    {
        CorruptedText[] rows = new CorruptedText[blocks.Length];
        for (int b = 0; b < rows.Length; b++) rows[b] = Row(isTraining, blocks[b], streams[b]);
        int[][] inputs = Array.ConvertAll(rows, r => r.Inputs);
        int longest = inputs.Max(r => r.Length);
        bool isPadded = Array.Exists(inputs, r => r.Length < longest);
        return new ModelInputs
        {
            InputIds = TokenGrid.Of(inputs, _padding),
            AttentionMask = isPadded ? TokenGrid.Of(Array.ConvertAll(inputs, r => Enumerable.Repeat(1, r.Length).ToArray())) : null,
            TokenTypeIds = _pairs is null ? null : TokenGrid.Of(Array.ConvertAll(rows, r => r.TypeIds!)),
            NextSentenceLabel = _pairs is null ? null : [.. rows.Select(r => r.NextSentence!.Value)],
            Labels = TokenGrid.Of(Array.ConvertAll(rows, r => r.Labels), CausalLanguageModel.IgnoredLabel),
            DrawStreams = streams,
        };
    }
}

/// <summary>The pairs of sentences of a corpus.</summary>
/// <param name="Training">Of the training part.</param>
/// <param name="HeldOut">Of the held-out part.</param>
internal sealed record CorpusPairs(SentencePairs Training, SentencePairs HeldOut);
