using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = f(x), element by element.</summary>
internal sealed class ActivationOp : Op
{
    private readonly Variable _x;
    private readonly Activation _activation;

    private ActivationOp(Variable x, Activation activation) => (_x, _activation) = (Save(x), activation);

    public static Variable Apply(Variable x, Activation activation)
    {
        if (activation == Activation.Identity) return x;
        Tensor y = x.Value.Activate(activation);
        return IsRecorded(x) ? Tape.Record(new ActivationOp(x, activation), y) : y;
    }

    // dx = dy·f′(x)
    protected override void Backward(Tensor dy)
    {
        Tensor dx = Tensor.Uninitialized(dy.Shape);
        ActivationKernel.Gradient(_activation, _x.Value.Span, dy.Span, dx.Span);
        Accumulate(_x, dx);
    }
}
