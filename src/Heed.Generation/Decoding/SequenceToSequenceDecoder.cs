using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Generation.Decoding;

/// <summary>Steps of an encoder-decoder. The encoder runs with a sequence's first step; its keys and values stay in the cache.</summary>
internal sealed class SequenceToSequenceDecoder(SequenceToSequenceModel model, long maximumBytes) : Decoder(model.CacheLayers, model.Config.MaximumLength, maximumBytes)
{
    public override DecoderSequence Begin(int[] prompt, int[]? decoderPrompt) => DecoderSequence.New(Cache, decoderPrompt ?? [model.DecoderStartId], prompt);

    protected override Tensor Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        int[] begins = [.. Enumerable.Range(0, sequences.Count).Where(b => sequences[b].IsNew)];
        if (begins.Length == 0) return Continue(sequences, cancellationToken);
        if (begins.Length == sequences.Count) return Begin(sequences, cancellationToken);

        // Cross-attention takes its keys either from the encoder or from the cache, for a whole batch: new sequences run beside the old ones.
        int[] goesOn = [.. Enumerable.Range(0, sequences.Count).Where(b => !sequences[b].IsNew)];
        Tensor begun = Begin([.. begins.Select(b => sequences[b])], cancellationToken);
        Tensor continued = Continue([.. goesOn.Select(b => sequences[b])], cancellationToken);
        int V = begun.Shape.Last;
        Tensor scores = Tensor.Uninitialized(sequences.Count, V);
        for (int i = 0; i < begins.Length; i++) begun.Span.Slice(i * V, V).CopyTo(scores.Span[(begins[i] * V)..]);
        for (int i = 0; i < goesOn.Length; i++) continued.Span.Slice(i * V, V).CopyTo(scores.Span[(goesOn[i] * V)..]);
        return scores;
    }

    private Tensor Begin(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        TokenBatch source = TokenBatch.Of([.. sequences.Select(s => s.Source!)]);
        RunOptions options = new() { Stop = cancellationToken };
        ForwardContext reading = source.Context(options);
        return Decode(sequences, model.Encode(source, reading), reading, options);
    }

    private Tensor Continue(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        // The encoder's rows are not read any more: the cache has their keys and values. One empty sequence each keeps the numbers in step.
        ForwardContext nothing = new(new int[sequences.Count + 1], []);
        return Decode(sequences, Tensor.Zeros(0, model.Config.Width), nothing, new RunOptions { Stop = cancellationToken });
    }

    private Tensor Decode(IReadOnlyList<DecoderSequence> sequences, Variable memory, ForwardContext reading, RunOptions options)
    {
        TokenBatch batch = Rows(sequences);
        Variable hidden = model.Decode(batch, memory, batch.Context(options, reading, Caches(sequences)));    // [N, D]
        return model.Logits(LastRows(hidden, batch)).Value;                                                  // [B, V]
    }
}
