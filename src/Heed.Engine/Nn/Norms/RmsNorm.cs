using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>y = x/√(mean(x²) + ε)·weight over the last axis.  x: [..., D] → [..., D].</summary>
/// <remarks>Zhang and Sennrich 2019, arXiv:1910.07467 §4.</remarks>
public sealed class RmsNorm : Norm
{
    private readonly float _epsilon;

    /// <summary>Makes <c>weight</c> (ones).</summary>
    /// <param name="width">D.</param>
    /// <param name="epsilon">ε, above 0.</param>
    /// <param name="at">Where the parameter is named.</param>
    /// <exception cref="ArgumentOutOfRangeException">ε is not above 0.</exception>
    public RmsNorm(int width, float epsilon, ParameterScope at)
        : base(at)
    {
        if (!(epsilon > 0)) throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "ε of a norm is above 0.");
        _epsilon = epsilon;
        Weight = at.Parameter("weight", new Shape(width), Initializer.Ones);
    }

    /// <summary>[D], the gain.</summary>
    public Parameter Weight { get; }

    /// <summary>Normalises each row.</summary>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public override Variable Forward(Variable x) => RmsNormOp.Apply(x, Weight.ToVariable(), _epsilon);

    /// <summary>Normalises each row, and shows hooks its scale and the normalised rows before the gain.</summary>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public override Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Hooks is not { } hooks) return Forward(x);
        NormInspection.Uncentred(x, _epsilon, hooks, Site);
        return context.Visit(Site, "out", Forward(x));
    }
}
