using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>Adds what a part computes to the stream: dropped out in training, then added.  x, y: [N, D] → [N, D].</summary>
/// <remarks>Vaswani et al. 2017, §5.4.</remarks>
public sealed class Residual : Module
{
    private readonly Dropout _dropout;

    /// <summary>An addition at a place of the model.</summary>
    /// <param name="dropout">Probability of dropout on what is added.</param>
    /// <param name="at">The layer's place.</param>
    /// <param name="name">Keeps the dropout's decisions apart from others': <c>attn_out</c>, <c>cross_attn_out</c>,
    /// <c>mlp_out</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The probability is not in [0, 1).</exception>
    public Residual(float dropout, ParameterScope at, string name)
        => _dropout = new Dropout(dropout, at.As(name).Site);

    /// <summary>x + y.</summary>
    /// <param name="x">[N, D], the stream.</param>
    /// <param name="y">[N, D], what is added.</param>
    /// <param name="context">Whose dropout decides.</param>
    public Variable Add(Variable x, Variable y, ForwardContext context) => x + _dropout.Forward(y, context);
}
