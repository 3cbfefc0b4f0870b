using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>What a head does to rows before its last layer: a layer, an activation, a norm.  [R, D] → [R, D].</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
/// <param name="dense">D → D.</param>
/// <param name="activation">Applied after it.</param>
/// <param name="norm">Norm of the result; hooks find it as <c>head.norm</c>.</param>
internal sealed class HeadTransform(Linear dense, Activation activation, Norm norm) : Module
{
    /// <summary>D → D.</summary>
    public Projection Dense { get; private set; } = dense;

    /// <summary>Applied after it.</summary>
    public Activation Activation => activation;

    /// <summary>Norm of the result.</summary>
    public Norm Norm => norm;

    /// <summary>[R, D] → [R, D].</summary>
    /// <param name="hidden">[R, D].</param>
    /// <param name="context">Whose hooks see the norm, and whose dropout decides; null for neither.</param>
    public Variable Forward(Variable hidden, ForwardContext? context)
    {
        if (context is null) return norm.Forward(Dense.Forward(hidden).Activate(activation));                              // [R, D]
        Variable x = context.Visit("head", "pre", Dense.Forward(hidden, context));                                         // [R, D]
        return norm.Forward(context.Visit("head", "post", x.Activate(activation)), context);
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (!ReferenceEquals(old, Dense)) return false;
        Dense = replacement;
        return true;
    }
}
