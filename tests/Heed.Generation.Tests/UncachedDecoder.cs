using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation.Decoding;
using Heed.Models;

namespace Heed.Generation.Tests;

/// <summary>Steps that read every text anew from its beginning: what a cache must not change. Its pages hold nothing but the ids read so far.</summary>
internal sealed class UncachedDecoder(Model model) : Decoder([new KeyValueShape(1, 1)], model.Config.MaximumLength, long.MaxValue)
{
    public override DecoderSequence Begin(int[] prompt, int[]? decoderPrompt) => model is SequenceToSequenceModel both
        ? DecoderSequence.New(Cache, decoderPrompt ?? [both.DecoderStartId], prompt)
        : DecoderSequence.New(Cache, prompt, null);

    protected override Tensor Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        TokenBatch texts = TokenBatch.Of([.. sequences.Select(Read)]);
        if (model is CausalLanguageModel causal) return causal.Logits(LastRows(causal.Hidden(texts, texts.Context()), texts)).Value;
        SequenceToSequenceModel both = (SequenceToSequenceModel)model;
        TokenBatch sources = TokenBatch.Of([.. sequences.Select(s => s.Source!)]);
        ForwardContext reading = sources.Context();
        Variable hidden = both.Decode(texts, both.Encode(sources, reading), texts.Context(memory: reading));
        return both.Logits(LastRows(hidden, texts)).Value;
    }

    /// <summary>All ids of a text, the unread ones included, which are kept.</summary>
    private static int[] Read(DecoderSequence sequence)
    {
        foreach (int id in sequence.Unread) sequence.Cache.Append(0, [id, 0]);
        float[] rows = new float[2 * sequence.Cache.Count];
        sequence.Cache.Read(0, 0, rows);
        return [.. Enumerable.Range(0, sequence.Cache.Count).Select(t => (int)rows[2 * t])];
    }
}
