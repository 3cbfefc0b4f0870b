using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>One part of a loss: a sum over targets and their number. The loss is the sum divided by the number, once, over all micro-batches of a step.</summary>
/// <param name="Name">What it measures: <c>tokens</c>, <c>next sentence</c>, <c>start</c>, <c>end</c>, <c>labels</c>.</param>
/// <param name="Sum">[]: sum in nats (or squared error), weighted by <paramref name="Weight"/> when the parts are added.</param>
/// <param name="Count">Number of targets; 0 where there is nothing to predict.</param>
/// <param name="Weight">Factor of this part's mean in the whole loss: 1, or ½ for the two ends of an answer.</param>
public sealed record LossPart(string Name, Variable Sum, long Count, float Weight = 1);

/// <summary>What a run gives.</summary>
public sealed class ModelOutput
{
    /// <summary>The parts of the loss; empty where no labels were given.</summary>
    public IReadOnlyList<LossPart> Losses { get; init; } = [];

    /// <summary>Named tensors in padded form with Hugging Face's names: <c>logits</c> [B, T, V], and with <see cref="RunOptions.Details"/> <c>hidden_states.0</c> [B, T, D], <c>attentions.0</c> [B, H, T, S], …</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>The loss of this batch alone: Σ weight · sum ÷ count; null where no labels were given.</summary>
    public double? Loss
    {
        get
        {
            if (Losses.Count == 0) return null;
            double loss = 0;
            foreach (LossPart part in Losses)
                if (part.Count > 0) loss += part.Weight * (double)part.Sum.Value.ToScalar() / part.Count;
            return loss;
        }
    }
}
