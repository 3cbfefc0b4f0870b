using Heed.Engine.Autograd;
using Heed.Engine.Nn;
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

    public override int Regime(int length) => model.Config.PositionRegime(length);

    protected override Tensor? Scores(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        int[] regimes = [.. sequences.Select(s => Regime(s.Length))];
        if (Array.TrueForAll(regimes, r => r == regimes[0])) return Together(sequences, cancellationToken);

        // Texts whose lengths turn positions differently run one kind after the other.
        Tensor? scores = null;
        foreach (int regime in regimes.Distinct())
        {
            Tensor? part = Together([.. sequences.Where((_, b) => regimes[b] == regime)], cancellationToken);
            if (part is null) continue;
            int V = part.Shape.Last, row = 0, next = 0;
            scores ??= Tensor.Uninitialized(sequences.Count(s => s.Completes), V);
            for (int b = 0; b < sequences.Count; b++)
            {
                if (!sequences[b].Completes) continue;
                if (regimes[b] == regime) part.Span.Slice(next++ * V, V).CopyTo(scores.Span[(row * V)..]);
                row++;
            }
        }

        return scores;
    }

    private Tensor? Together(IReadOnlyList<DecoderSequence> sequences, CancellationToken cancellationToken)
    {
        TokenBatch batch = Rows(sequences);
        RunOptions options = new() { CancellationToken = cancellationToken };
        ForwardContext context = batch.Context(options, cache: Caches(sequences), length: sequences.Max(s => s.Length));
        Variable hidden = model.Hidden(batch, context);                                                  // [N, D]
        return LastRows(hidden, batch, sequences) is { } last ? model.Logits(last).Value : null;         // [R, V]
    }
}
