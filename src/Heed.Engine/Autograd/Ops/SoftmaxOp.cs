using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = softmax(x) over the last axis.  x, y: [..., N].</summary>
internal sealed class SoftmaxOp : Op
{
    private readonly Variable _x;
    private readonly Tensor _y;

    private SoftmaxOp(Variable x, Tensor y) => (_x, _y) = (x, Save(y));

    public static Variable Apply(Variable x)
    {
        Tensor y = x.Value.Softmax();
        return IsRecorded(x) ? Tape.Record(new SoftmaxOp(x, y), y) : y;
    }

    // dx = y·(dy − Σₙ dy·y), row by row
    protected override void Backward(Tensor dy)
    {
        Tensor dx = Tensor.Uninitialized(dy.Shape);
        SoftmaxKernel.Gradient(_y.Span, dy.Span, dy.Shape.Last, dx.Span);
        Accumulate(_x, dx);
    }
}
