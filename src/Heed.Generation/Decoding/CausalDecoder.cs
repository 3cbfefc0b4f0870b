using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Generation.Decoding;

/// <summary>Steps of a causal model: prompts and single ids run in one packed batch.</summary>
internal sealed class CausalDecoder(CausalLanguageModel model, long maximumBytes) : Decoder(model.CacheLayers, model.Config.MaximumLength, maximumBytes)
{
    public override DecoderSequence Begin(int[] prompt, int[]? decoderPrompt)
        => DecoderSequence.New(Cache, decoderPrompt is null ? prompt : throw new InputException("decoder_input_ids: a causal model has no decoder of its own; put the ids behind the prompt."), null);

    protected override Tensor Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        TokenBatch batch = Rows(sequences);
        Variable hidden = model.Hidden(batch, batch.Context(new RunOptions { Stop = cancellationToken }, cache: Caches(sequences)));    // [N, D]
        return model.Logits(LastRows(hidden, batch)).Value;                                                               // [B, V]
    }
}
