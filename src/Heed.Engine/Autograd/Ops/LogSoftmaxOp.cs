using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = x − ln Σ eˣ over the last axis.  x, y: [..., N].</summary>
internal sealed class LogSoftmaxOp : Op
{
    private readonly Variable _x;
    private readonly Tensor _y;

    private LogSoftmaxOp(Variable x, Tensor y) => (_x, _y) = (x, Save(y));

    public static Variable Apply(Variable x)
    {
        Tensor y = x.Value.LogSoftmax();
        return IsRecorded(x) ? Tape.Record(new LogSoftmaxOp(x, y), y) : y;
    }

    // dx = dy − eʸ·Σₙ dy, row by row
    protected override void Backward(Tensor dy)
    {
        Tensor dx = Tensor.Uninitialized(dy.Shape);
        SoftmaxKernel.LogGradient(_y.Span, dy.Span, dy.Shape.Last, dx.Span);
        Accumulate(_x, dx);
    }
}
