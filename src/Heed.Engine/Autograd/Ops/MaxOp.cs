using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>The greatest elements along one axis; of equal ones the first gets the gradient.</summary>
internal sealed class MaxOp : Op
{
    private readonly Variable _x;
    private readonly Axis _axis;
    private readonly int[] _places;

    private MaxOp(Variable x, Axis axis, int[] places) => (_x, _axis, _places) = (x, axis, places);

    public static Variable Apply(Variable x, int axis, bool keep)
    {
        Axis a = Axis.Of(x.Shape, axis);
        Tensor y = Tensor.Uninitialized(Axis.Without(x.Shape, axis, keep));
        int[] places = new int[y.Count];
        a.Max(x.Value.Span, y.Span, places);
        return IsRecorded(x) ? Tape.Record(new MaxOp(x, a, places), y) : y;
    }

    // dx = dy at the place of the maximum, 0 elsewhere
    protected override void Backward(Tensor dy)
    {
        Tensor dx = OpenGradient(_x, out bool accumulate);
        Span<float> target = dx.Span, source = dy.Span;
        if (!accumulate) target.Clear();
        for (int i = 0; i < _places.Length; i++)
            target[(((i / _axis.Inner * _axis.Size) + _places[i]) * _axis.Inner) + (i % _axis.Inner)] += source[i];
    }
}
