using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>Zeroes each value with a probability in training and scales the others up; does nothing in inference.</summary>
/// <remarks>Srivastava et al. 2014. The decisions are counted, not drawn: seed, step and site decide them, whatever the thread count, and a
/// recomputed block meets the same ones.</remarks>
public sealed class Dropout : Module
{
    private readonly float _probability;
    private readonly string _site;

    /// <summary>Dropout with a probability from 0 to below 1.</summary>
    /// <param name="probability">Of a value to become zero.</param>
    /// <param name="site">Name of this place in the model: keeps its decisions apart from the others'.</param>
    /// <exception cref="ArgumentOutOfRangeException">The probability is not in [0, 1).</exception>
    public Dropout(float probability, string site)
    {
        ArgumentNullException.ThrowIfNull(site);
        if (!(probability >= 0 && probability < 1)) throw new ArgumentOutOfRangeException(nameof(probability), probability, "The probability of dropout is from 0 to below 1.");
        _probability = probability;
        _site = site;
    }

    /// <summary>Any shape, unchanged where the context has no dropout.</summary>
    /// <param name="x">[...].</param>
    /// <param name="context">Whose <see cref="ForwardContext.Dropout"/> decides.</param>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Dropout is { } plan && _probability > 0 ? DropoutOp.Apply(x, _probability, plan.Seed, plan.Stream(_site)) : x;
    }
}
