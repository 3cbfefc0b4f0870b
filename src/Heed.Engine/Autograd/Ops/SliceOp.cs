using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>Some neighbouring places of one axis.</summary>
internal sealed class SliceOp : Op
{
    private readonly Variable _x;
    private readonly Axis _axis;
    private readonly int _start;
    private readonly int _count;

    private SliceOp(Variable x, int axis, int start, int count) => (_x, _axis, _start, _count) = (x, Axis.Of(x.Shape, axis), start, count);

    public static Variable Apply(Variable x, int axis, int start, int count)
    {
        // Places of the first axis lie together: no copy.
        Tensor y = Axis.Number(x.Shape, axis) == 0 ? x.Value.Rows(start, count) : x.Value.Slice(axis, start, count);
        return IsRecorded(x) ? Tape.Record(new SliceOp(x, axis, start, count), y) : y;
    }

    // dx = dy at these places, 0 elsewhere
    protected override void Backward(Tensor dy)
    {
        Tensor dx = OpenGradient(_x, out bool accumulate);
        if (!accumulate) dx.Span.Clear();
        if (dy.Count > 0) StripKernel.Add(dy.Span, _count * _axis.Inner, 0, dx.Span, _axis.Size * _axis.Inner, _start * _axis.Inner, _count * _axis.Inner);
    }
}
