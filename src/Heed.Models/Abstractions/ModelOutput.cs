using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>One part of a loss: a sum over targets and their number. The loss is the sum divided by the number, once, over all
/// micro-batches of a step.</summary>
/// <param name="Name">What it measures: <c>tokens</c>, <c>next sentence</c>, <c>start</c>, <c>end</c>, <c>labels</c>.</param>
/// <param name="Sum">[]: sum in nats (or squared error), weighted by <paramref name="Weight"/> when the parts are added.</param>
/// <param name="Count">Number of targets; 0 where there is nothing to predict.</param>
/// <param name="Weight">Factor of this part's mean in the whole loss: 1, or ½ for the two ends of an answer.</param>
public sealed record LossPart(string Name, Variable Sum, long Count, float Weight = 1);

/// <summary>What a run gives. Tensors are in padded form, and null where the head does not compute them.</summary>
public sealed record ModelOutput
{
    /// <summary>The parts of the loss; empty where no labels were given.</summary>
    public IReadOnlyList<LossPart> Losses { get; init; } = [];

    /// <summary>Scores: [B, T, V] of language models, [B, T, L] of token classifiers, [B, L] of sequence classifiers; null with
    /// <see cref="RunOptions.Logits"/> false.</summary>
    public Tensor? Logits { get; init; }

    /// <summary>[B, 2]: whether the second segment follows the first (class 0), of BERT's pre-training.</summary>
    public Tensor? NextSentenceLogits { get; init; }

    /// <summary>[B, T]: scores of each token as the start of the answer.</summary>
    public Tensor? StartLogits { get; init; }

    /// <summary>[B, T]: scores of each token as the end of the answer.</summary>
    public Tensor? EndLogits { get; init; }

    /// <summary>[B, T, D]: the last layer's rows, of models without a head.</summary>
    public Tensor? LastHiddenState { get; init; }

    /// <summary>[B, D]: the pooled first token, of models without a head that have a pooler.</summary>
    public Tensor? PoolerOutput { get; init; }

    /// <summary>[B, S, D]: the encoder's last rows, of encoder-decoders, with <see cref="RunOptions.Details"/>.</summary>
    public Tensor? EncoderLastHiddenState { get; init; }

    /// <summary>With <see cref="RunOptions.Details"/>: the rows before the first layer and after each, [B, T, D], after the final norm
    /// instead of the last; the decoder's in encoder-decoders.</summary>
    public IReadOnlyList<Tensor> HiddenStates { get; init; } = [];

    /// <summary>With <see cref="RunOptions.Details"/>: the pattern of each layer's self-attention, [B, H, T, T]; the decoder's in
    /// encoder-decoders.</summary>
    public IReadOnlyList<Tensor> Attentions { get; init; } = [];

    /// <summary>As <see cref="HiddenStates"/>, of the encoder of an encoder-decoder, [B, S, D].</summary>
    public IReadOnlyList<Tensor> EncoderHiddenStates { get; init; } = [];

    /// <summary>As <see cref="Attentions"/>, of the encoder of an encoder-decoder, [B, H, S, S].</summary>
    public IReadOnlyList<Tensor> EncoderAttentions { get; init; } = [];

    /// <summary>With <see cref="RunOptions.Details"/>: the pattern of each layer's cross-attention, [B, H, T, S].</summary>
    public IReadOnlyList<Tensor> CrossAttentions { get; init; } = [];

    /// <summary>The loss of this batch alone: Σ weight · sum ÷ count over the parts that have targets; NaN if none has any, as a mean over
    /// nothing; null where no labels were given.</summary>
    public double? Loss
    {
        get
        {
            if (Losses.Count == 0) return null;
            double loss = 0;
            bool any = false;
            foreach (LossPart part in Losses)
            {
                if (part.Count == 0) continue;
                any = true;
                loss += part.Weight * (double)part.Sum.Value.ToScalar() / part.Count;
            }

            return any ? loss : double.NaN;
        }
    }
}
