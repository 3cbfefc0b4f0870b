using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation.Decoding;
using Heed.Models;

namespace Heed.Generation.Tests;

/// <summary>Steps that read every text anew from its beginning: what a cache must not change. Its pages hold nothing but the ids read so
/// far.</summary>
internal sealed class UncachedDecoder(Model model) : Decoder([new KeyValueShape(1, 1)], model.Config, long.MaxValue)
{
    public override bool HasEncoder => model is SequenceToSequenceModel;

    public override int[] FirstIds(int[] prompt, IReadOnlyList<int>? decoderPrompt)
        => model is SequenceToSequenceModel both ? [.. decoderPrompt ?? [both.DecoderStartId]] : prompt;

    protected override Tensor? Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        TokenBatch texts = TokenBatch.Of([.. sequences.Select(Read)]);
        if (model is CausalLanguageModel causal) return LastRows(causal.Hidden(texts, texts.Context()), texts, sequences) is { } last ? causal.Logits(last).Value : null;
        SequenceToSequenceModel both = (SequenceToSequenceModel)model;
        TokenBatch sources = TokenBatch.Of([.. sequences.Select(s => s.Source!)]);
        ForwardContext reading = sources.Context();
        Variable hidden = both.Decode(texts, both.Encode(sources, reading), texts.Context(memory: reading));
        return LastRows(hidden, texts, sequences) is { } rows ? both.Logits(rows).Value : null;
    }

    /// <summary>All ids of a text, those of the step included, which are kept.</summary>
    private static int[] Read(DecoderSequence sequence)
    {
        foreach (int id in sequence.Unread[..sequence.Take]) sequence.Cache.Append(0, [id, 0]);
        float[] rows = new float[2 * sequence.Cache.Count];
        sequence.Cache.Read(0, 0, rows);
        return [.. Enumerable.Range(0, sequence.Cache.Count).Select(t => (int)rows[2 * t])];
    }
}
