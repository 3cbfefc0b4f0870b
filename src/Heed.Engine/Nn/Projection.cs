using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>A linear map of rows, [..., D] → [..., F]: a <see cref="Linear"/>, or what <see cref="Module.Replace"/> puts in its place (a
/// low-rank adapter, say).</summary>
public abstract class Projection : Module
{
    /// <summary>A projection whose parameters belong to others: a tied output layer.</summary>
    protected Projection()
    {
    }

    /// <summary>A projection at a place of the checkpoint.</summary>
    protected Projection(ParameterScope at)
        : base(at)
    {
    }

    /// <summary>D.</summary>
    public abstract int Inputs { get; }

    /// <summary>F.</summary>
    public abstract int Outputs { get; }

    /// <summary>The product.</summary>
    /// <param name="x">[..., D].</param>
    /// <returns>[..., F].</returns>
    /// <exception cref="Tensors.ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public abstract Variable Forward(Variable x);

    /// <summary>The product within a run, whose dropout decides where the projection has some (an adapter's); else as
    /// <see cref="Forward(Variable)"/>.</summary>
    /// <param name="x">[..., D].</param>
    /// <param name="context">The run.</param>
    /// <returns>[..., F].</returns>
    /// <inheritdoc cref="Forward(Variable)" path="/exception"/>
    public virtual Variable Forward(Variable x, ForwardContext context) => Forward(x);
}
