using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>A projection with a low-rank change beside its weight: y = W·x + b + s·B·(A·x). With a magnitude
/// y = m·(W·x + s·B·(A·x)) / ‖W + s·B·A‖ + b.  x: [..., D] → [..., F].</summary>
/// <remarks>Takes its place by <see cref="Module.Replace"/>.</remarks>
internal sealed class LowRankLinear : Projection
{
    private readonly Dropout _dropout;

    /// <summary>Makes the change at the projection's place.</summary>
    /// <param name="inner">The projection; it stays as it is.</param>
    /// <param name="config">Rank, scale and dropout.</param>
    public LowRankLinear(Linear inner, LowRankConfig config)
        : base(inner.Scope)
    {
        Inner = inner;
        Change = LowRank.Of(inner, config);
        _dropout = new Dropout(config.Dropout, $"{inner.Site}.lora");
    }

    /// <summary>The projection itself.</summary>
    public Linear Inner { get; }

    /// <summary>The change of its weight.</summary>
    public LowRank Change { get; }

    /// <inheritdoc/>
    public override int Inputs => Inner.Inputs;

    /// <inheritdoc/>
    public override int Outputs => Inner.Outputs;

    /// <inheritdoc/>
    public override Variable Forward(Variable x) => Forward(x, x);

    /// <inheritdoc/>
    public override Variable Forward(Variable x, ForwardContext context) => Forward(x, _dropout.Forward(x, context));

    /// <param name="x">What W reads.</param>
    /// <param name="dropped">What the change reads.</param>
    private Variable Forward(Variable x, Variable dropped)
    {
        Variable change = Change.Multiply(dropped);
        if (Change.Magnitude is null) return Inner.Forward(x) + change;
        Variable factors = Change.Factors(Inner.Weight);
        if (ReferenceEquals(x.Value, dropped.Value))
        {
            Variable y = (Inner.Weight.AsWeight().Multiply(x) + change) * factors;
            return Inner.Bias is { } bias ? y + bias.ToVariable() : y;
        }

        // As PEFT has it: dropout is before the whole change, (m / ‖·‖ − 1)·W included.
        return Inner.Forward(x) + (Inner.Weight.AsWeight().Multiply(dropped) * (factors - 1)) + (change * factors);
    }
}
