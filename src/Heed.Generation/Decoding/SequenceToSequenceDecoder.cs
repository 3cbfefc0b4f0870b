using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Generation.Decoding;

/// <summary>Steps of an encoder-decoder. The encoder runs with a sequence's first step; its keys and values stay in the cache.</summary>
internal sealed class SequenceToSequenceDecoder(SequenceToSequenceModel model, long maximumBytes)
    : Decoder(model.CacheLayers, model.Config, maximumBytes)
{
    public override bool HasEncoder => true;

    public override int[] FirstIds(int[] prompt, IReadOnlyList<int>? decoderPrompt)
        => decoderPrompt is null ? [model.DecoderStartId] : [.. decoderPrompt];

    protected override Tensor? Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        DecoderSequence[] begins = [.. sequences.Where(s => s.IsNew)];
        if (begins.Length == 0) return Continue(sequences, cancellationToken);
        if (begins.Length == sequences.Count) return Begin(sequences, cancellationToken);

        // Cross-attention takes its keys either from the encoder or from the cache, for a whole batch: new sequences run beside the old
        // ones.
        bool[] isNew = [.. sequences.Select(s => s.IsNew)];
        Tensor? begun = Begin(begins, cancellationToken), continued = Continue([.. sequences.Where((_, b) => !isNew[b])], cancellationToken);
        if (begun is null || continued is null) return begun ?? continued;
        int V = begun.Shape.Last, row = 0, b0 = 0, c0 = 0;
        Tensor scores = Tensor.Uninitialized(begun.Shape[0] + continued.Shape[0], V);
        for (int b = 0; b < sequences.Count; b++)
        {
            if (!sequences[b].Completes) continue;
            ReadOnlySpan<float> from = isNew[b] ? begun.Span.Slice(b0++ * V, V) : continued.Span.Slice(c0++ * V, V);
            from.CopyTo(scores.Span[(row++ * V)..]);
        }

        return scores;
    }

    private Tensor? Begin(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        TokenBatch source = TokenBatch.Of([.. sequences.Select(s => s.Source!)]);
        RunOptions options = new() { CancellationToken = cancellationToken };
        ForwardContext reading = source.Context(options);
        return Decode(sequences, model.Encode(source, reading), reading, options);
    }

    private Tensor? Continue(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        // The encoder's rows are not read any more: the cache has their keys and values. One empty sequence each keeps the numbers in step.
        ForwardContext nothing = new(new int[sequences.Count + 1], []);
        return Decode(sequences, Tensor.Zeros(0, model.Config.Width), nothing, new RunOptions { CancellationToken = cancellationToken });
    }

    private Tensor? Decode(IReadOnlyList<DecoderSequence> sequences, Variable memory, ForwardContext reading, RunOptions options)
    {
        TokenBatch batch = Rows(sequences);
        Variable hidden = model.Decode(batch, memory, batch.Context(options, reading, Caches(sequences)));     // [N, D]
        return LastRows(hidden, batch, sequences) is { } last ? model.Logits(last).Value : null;              // [R, V]
    }
}
