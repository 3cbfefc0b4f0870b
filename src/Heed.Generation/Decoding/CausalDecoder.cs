using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Generation.Decoding;

/// <summary>Steps of a causal model: chunks of prompts and single ids run in one packed batch.</summary>
internal sealed class CausalDecoder(CausalLanguageModel model, long maximumBytes) : Decoder(model.CacheLayers, model.Config, maximumBytes)
{
    public override bool HasEncoder => false;

    public override int[] FirstIds(int[] prompt, IReadOnlyList<int>? decoderPrompt) => decoderPrompt is null
        ? prompt
        : throw new InputException("decoder_input_ids: a causal model has no decoder of its own; append the ids to the prompt.");

    protected override Tensor? Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        TokenBatch batch = Rows(sequences);
        Variable hidden = model.Hidden(batch, batch.Context(new RunOptions { Stop = cancellationToken }, cache: Caches(sequences)));   // [N, D]
        return LastRows(hidden, batch, sequences) is { } last ? model.Logits(last).Value : null;                                     // [R, V]
    }
}
