using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>y = (x − mean)/√(variance + ε)·weight + bias over the last axis.  x: [..., D] → [..., D].</summary>
/// <remarks>Ba et al. 2016, arXiv:1607.06450 §3.</remarks>
public sealed class LayerNorm : Norm
{
    private readonly float _epsilon;

    /// <summary>Makes <c>weight</c> (ones) and, where wanted, <c>bias</c> (zeros).</summary>
    /// <param name="width">D.</param>
    /// <param name="epsilon">ε, above 0.</param>
    /// <param name="at">Where the parameters are named.</param>
    /// <param name="bias">False: without bias.</param>
    /// <exception cref="ArgumentOutOfRangeException">ε is not above 0.</exception>
    public LayerNorm(int width, float epsilon, ParameterScope at, bool bias = true)
        : base(at)
    {
        if (!(epsilon > 0)) throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "ε of a norm is above 0.");
        _epsilon = epsilon;
        Weight = at.Parameter("weight", new Shape(width), Initializer.Ones);
        Bias = bias ? at.Parameter("bias", new Shape(width), Initializer.Zeros) : null;
    }

    /// <summary>ε.</summary>
    internal float Epsilon => _epsilon;

    /// <summary>[D], the gain.</summary>
    public Parameter Weight { get; }

    /// <summary>[D], or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>Normalises each row.</summary>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public override Variable Forward(Variable x) => LayerNormOp.Apply(x, Weight.ToVariable(), Bias?.ToVariable(), _epsilon);

    /// <summary>Normalises each row, and shows hooks its scale and the normalised rows before the gain.</summary>
    /// <exception cref="ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public override Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Hooks is not { } hooks) return Forward(x);
        x = context.Visit(Site, "in", x);
        NormInspection.Centred(x, _epsilon, hooks, Site);
        return context.Visit(Site, "out", Forward(x));
    }
}
