using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = f(gate)·up: SwiGLU with SiLU, GeGLU with GELU.  gate, up, y: [N, F].</summary>
/// <remarks>Shazeer 2020, arXiv:2002.05202.</remarks>
internal sealed class GatedActivationOp : Op
{
    private readonly Variable _gate;
    private readonly Variable _up;
    private readonly Activation _activation;

    private GatedActivationOp(Variable gate, Variable up, Activation activation) => (_gate, _up, _activation) = (Save(gate), Save(up), activation);

    public static Variable Apply(Variable gate, Variable up, Activation activation)
    {
        if (gate.Shape != up.Shape) throw new ShapeException("GatedActivation", nameof(up), up.Shape, gate.Shape.ToString(), "the gate has this shape");
        Tensor y = Tensor.Uninitialized(gate.Shape);
        GatedKernel.Invoke(activation, gate.Value.Span, up.Value.Span, y.Span);
        return IsRecorded(gate, up) ? Tape.Record(new GatedActivationOp(gate, up, activation), y) : y;
    }

    // dgate = dy·up·f′(gate), dup = dy·f(gate)
    protected override void Backward(Tensor dy)
    {
        Tensor dgate = Tensor.Uninitialized(dy.Shape), dup = Tensor.Uninitialized(dy.Shape);
        GatedKernel.Gradient(_activation, _gate.Value.Span, _up.Value.Span, dy.Span, dgate.Span, dup.Span);
        Accumulate(_gate, dgate);
        Accumulate(_up, dup);
    }
}
