using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Generation.Decoding;

/// <summary>The one step that generation is made of: sequences read their next ids, and those that have read all get the scores of the id
/// that follows.</summary>
internal abstract class Decoder : IDisposable
{
    // The model's context: each step computes there, and the pages are charged to its budget.
    private readonly ComputeContext _context = ComputeContext.Current;

    protected Decoder(IReadOnlyList<KeyValueShape> layers, ModelConfig config, long maximumBytes)
    {
        Cache = new KeyValueCache(
            layers, maximumBytes, $"{nameof(InferenceOptions)}.{nameof(InferenceOptions.MaximumCacheBytes)}");
        MaximumLength = config.MaximumLength;
        Vocabulary = config.Vocabulary;
    }

    /// <summary>The pages of all sequences.</summary>
    public KeyValueCache Cache { get; }

    /// <summary>The limit of the context's memory, in bytes.</summary>
    public long MemoryLimit => _context.Memory.LimitBytes;

    /// <summary>Most ids that a sequence can have read.</summary>
    public int MaximumLength { get; }

    /// <summary>V.</summary>
    public int Vocabulary { get; }

    /// <summary>The decoder of a model.</summary>
    /// <exception cref="InputException">The model does not generate.</exception>
    public static Decoder Of(Model model, long maximumBytes)
    {
        using ContextScope entered = model.Context.Enter();
        return model switch
        {
            CausalLanguageModel causal => new CausalDecoder(causal, maximumBytes),
            SequenceToSequenceModel both => new SequenceToSequenceDecoder(both, maximumBytes),
            _ => throw new InputException($"{model.Architecture}: this model does not generate text. Use a causal language model or an "
                + "encoder-decoder."),
        };
    }

    /// <summary>The decoder's first ids for a prompt: the prompt itself in a causal model, else the decoder prompt or the start
    /// id.</summary>
    /// <exception cref="InputException">A causal model was given a decoder prompt.</exception>
    public abstract int[] FirstIds(int[] prompt, IReadOnlyList<int>? decoderPrompt);

    /// <summary>True if an encoder reads the prompt.</summary>
    public abstract bool HasEncoder { get; }

    /// <summary>Equal for text lengths whose keys and values can be shared: scaled rotary positions may change with the length.</summary>
    public virtual int Regime(int length) => 0;

    /// <summary>Reads the next ids of each sequence. If it fails, every sequence is as it was before.</summary>
    /// <returns>[R, V]: scores of the id after each sequence that <see cref="DecoderSequence.Completes"/>, in order; null if there is none.
    /// They live in the caller's scope.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set.</exception>
    /// <exception cref="BudgetException">The cache is full.</exception>
    public Tensor? Step(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        using ContextScope entered = _context.Enter();
        int[] before = new int[sequences.Count];
        for (int i = 0; i < before.Length; i++) before[i] = sequences[i].Cache.Count;
        try
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor? scores = Scores(sequences, cancellationToken);
            foreach (DecoderSequence sequence in sequences) sequence.Unread = sequence.Unread[sequence.Take..];
            return scores is null ? null : scope.Keep(scores);
        }
        catch
        {
            for (int i = 0; i < before.Length; i++) sequences[i].Cache.Truncate(before[i]);
            throw;
        }
    }

    /// <summary>Returns the memory of all pages.</summary>
    public void Dispose() => Cache.Dispose();

    protected abstract Tensor? Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken);

    /// <summary>The next ids as rows, positions continuing where each sequence stands.</summary>
    protected static TokenBatch Rows(IReadOnlyList<DecoderSequence> sequences)
    {
        int[][] ids = new int[sequences.Count][];
        for (int b = 0; b < ids.Length; b++) ids[b] = sequences[b].Unread[..sequences[b].Take];
        TokenBatch batch = TokenBatch.Of(ids);
        int[] positions = new int[batch.Rows];
        for (int b = 0; b < ids.Length; b++)
            for (int t = 0; t < ids[b].Length; t++) positions[batch.Starts[b] + t] = sequences[b].Cache.Count + t;
        return batch.WithPositions(positions);
    }

    /// <summary>The last rows of the sequences that have read all their ids: [N, D] → [R, D]; null if there is none.</summary>
    protected static Variable? LastRows(Variable hidden, TokenBatch batch, IReadOnlyList<DecoderSequence> sequences)
    {
        List<int> rows = new(batch.GridRows);
        for (int b = 0; b < batch.GridRows; b++)
            if (sequences[b].Completes) rows.Add(batch.Starts[b + 1] - 1);
        if (rows.Count == 0) return null;
        return rows.Count == batch.Rows ? hidden : hidden.Gather([.. rows]);
    }

    protected static KeyValueSequence[] Caches(IReadOnlyList<DecoderSequence> sequences)
    {
        KeyValueSequence[] caches = new KeyValueSequence[sequences.Count];
        for (int b = 0; b < caches.Length; b++) caches[b] = sequences[b].Cache;
        return caches;
    }
}
