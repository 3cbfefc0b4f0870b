using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>y = x/√(mean(x²) + ε)·(weight + offset) over the last axis.  x: [..., D] → [..., D].</summary>
/// <remarks>Zhang and Sennrich 2019, arXiv:1910.07467 §4.</remarks>
public sealed class RmsNorm : Norm
{
    private readonly float _epsilon;
    private readonly float _offset;

    /// <summary>Makes <c>weight</c>, first with a gain of 1.</summary>
    /// <param name="width">D.</param>
    /// <param name="epsilon">ε, above 0.</param>
    /// <param name="at">Where the parameter is named.</param>
    /// <param name="offset">Added to the weight to make the gain: 0, or 1 (Gemma).</param>
    /// <exception cref="ArgumentOutOfRangeException">ε is not above 0.</exception>
    public RmsNorm(int width, float epsilon, ParameterScope at, float offset = 0)
        : base(at)
    {
        if (!(epsilon > 0)) throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "ε of a norm is above 0.");
        (_epsilon, _offset) = (epsilon, offset);
        Weight = at.Parameter("weight", new Shape(width), offset == 0 ? Initializer.Ones : Initializer.Zeros);
    }

    /// <summary>[D], the gain less the offset.</summary>
    public Parameter Weight { get; }

    /// <summary>Added to <see cref="Weight"/> to make the gain.</summary>
    internal float GainOffset => _offset;

    /// <summary>Normalises each row.</summary>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public override Variable Forward(Variable x) => RmsNormOp.Apply(x, _offset == 0 ? Weight.ToVariable() : Weight.ToVariable() + _offset,
        _epsilon);

    /// <summary>Normalises each row, and shows hooks its scale and the normalised rows before the gain.</summary>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public override Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Hooks is not { } hooks) return Forward(x);
        x = context.Visit(Site, "in", x);
        NormInspection.Uncentred(x, _epsilon, hooks, Site);
        return context.Visit(Site, "out", Forward(x));
    }
}
