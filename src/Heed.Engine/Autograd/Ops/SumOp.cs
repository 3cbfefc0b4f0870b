using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>Σ over one axis, or over everything.</summary>
internal sealed class SumOp : Op
{
    private readonly Variable _x;
    private readonly Shape _kept;

    private SumOp(Variable x, Shape kept) => (_x, _kept) = (x, kept);

    public static Variable Apply(Variable x, int axis, bool keep)
    {
        Tensor y = x.Value.Sum(axis, keep);
        return IsRecorded(x) ? Tape.Record(new SumOp(x, Axis.Without(x.Shape, axis, keep: true)), y) : y;
    }

    public static Variable Apply(Variable x)
    {
        Tensor y = Tensor.Scalar(x.Value.Sum());
        return IsRecorded(x) ? Tape.Record(new SumOp(x, new Shape()), y) : y;
    }

    // dx = dy, repeated along the axis
    protected override void Backward(Tensor dy)
    {
        Tensor dx = OpenGradient(_x, out bool accumulate);
        if (!accumulate) dx.Span.Clear();
        BroadcastKernel.Invoke(default(AddFunction), dx.Span, dx.Shape, dy.Span, _kept, dx.Span, dx.Shape);
    }
}
