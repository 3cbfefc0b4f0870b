using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>Normalises rows: <see cref="LayerNorm"/> or <see cref="RmsNorm"/>.  x: [..., D] → [..., D].</summary>
public abstract class Norm : Module
{
    private protected Norm(ParameterScope at)
        : base(at)
    {
    }

    /// <summary>Normalises each row.</summary>
    /// <exception cref="Tensors.ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public abstract Variable Forward(Variable x);

    /// <summary>Normalises each row, and shows hooks its scale, the rows before the gain, and the result.</summary>
    /// <exception cref="Tensors.ShapeException">The last axis of <paramref name="x"/> is not D.</exception>
    public abstract Variable Forward(Variable x, ForwardContext context);
}
