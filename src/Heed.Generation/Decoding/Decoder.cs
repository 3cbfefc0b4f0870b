using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Generation.Decoding;

/// <summary>The one step that generation is made of: sequences read their new ids and give the scores of the next one.</summary>
internal abstract class Decoder : IDisposable
{

    protected Decoder(IReadOnlyList<KeyValueShape> layers, int maximumLength, long maximumBytes)
    {
        Cache = new KeyValueCache(layers, maximumBytes);
        MaximumLength = maximumLength;
    }

    /// <summary>The pages of all sequences.</summary>
    public KeyValueCache Cache { get; }

    /// <summary>Most ids that a sequence can have read.</summary>
    public int MaximumLength { get; }

    /// <summary>The decoder of a model.</summary>
    /// <exception cref="InputException">The model does not generate.</exception>
    public static Decoder Of(Model model, long maximumBytes) => model switch
    {
        CausalLanguageModel causal => new CausalDecoder(causal, maximumBytes),
        SequenceToSequenceModel both => new SequenceToSequenceDecoder(both, maximumBytes),
        _ => throw new InputException($"{model.Architecture}: this model does not generate text. Use a causal language model or an encoder-decoder."),
    };

    /// <summary>The sequence of a prompt: for a causal model the prompt itself, else the decoder's beginning behind an encoder that reads the prompt.</summary>
    public abstract DecoderSequence Begin(int[] prompt, int[]? decoderPrompt);

    /// <summary>Reads the unread ids of each sequence. Where it fails, every sequence is as it was before.</summary>
    /// <returns>[B, V]: scores of the id after each sequence's last one. They live in the caller's scope.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set.</exception>
    /// <exception cref="BudgetException">The cache is full.</exception>
    public Tensor Step(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        int[] before = new int[sequences.Count];
        for (int i = 0; i < before.Length; i++) before[i] = sequences[i].Cache.Count;
        try
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor scores = Scores(sequences, cancellationToken);
            foreach (DecoderSequence sequence in sequences) sequence.Unread = [];
            return scope.Keep(scores);
        }
        catch
        {
            for (int i = 0; i < before.Length; i++) sequences[i].Cache.Truncate(before[i]);
            throw;
        }
    }

    /// <summary>Returns the memory of all pages.</summary>
    public void Dispose() => Cache.Dispose();

    protected abstract Tensor Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken);

    /// <summary>The unread ids as rows, positions going on where each sequence stands.</summary>
    protected static TokenBatch Rows(IReadOnlyList<DecoderSequence> sequences)
    {
        int[][] ids = new int[sequences.Count][];
        for (int b = 0; b < ids.Length; b++) ids[b] = sequences[b].Unread;
        TokenBatch batch = TokenBatch.Of(ids);
        int[] positions = new int[batch.Rows];
        for (int b = 0; b < ids.Length; b++)
            for (int t = 0; t < ids[b].Length; t++) positions[batch.Starts[b] + t] = sequences[b].Cache.Count + t;
        return batch.WithPositions(positions);
    }

    /// <summary>The last row of each sequence.</summary>
    protected static Variable LastRows(Variable hidden, TokenBatch batch)
    {
        if (batch.Rows == batch.GridRows) return hidden;
        int[] rows = new int[batch.GridRows];
        for (int b = 0; b < rows.Length; b++) rows[b] = batch.Starts[b + 1] - 1;
        return hidden.Gather(rows);
    }

    protected static KeyValueSequence[] Caches(IReadOnlyList<DecoderSequence> sequences)
    {
        KeyValueSequence[] caches = new KeyValueSequence[sequences.Count];
        for (int b = 0; b < caches.Length; b++) caches[b] = sequences[b].Cache;
        return caches;
    }
}
