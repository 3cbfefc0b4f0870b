using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = a / b, element by element, with broadcasting.</summary>
internal sealed class DivideOp : Op
{
    private readonly Variable _a;
    private readonly Variable _b;
    private readonly Tensor? _y;

    private DivideOp(Variable a, Variable b, Tensor y)
    {
        (_a, _b) = (a, Save(b));
        if (b.NeedsGradient) _y = Save(y);
    }

    public static Variable Apply(Variable a, Variable b)
    {
        Tensor y = a.Value / b.Value;
        return IsRecorded(a, b) ? Tape.Record(new DivideOp(a, b, y), y) : y;
    }

    // da = dy / b, db = −da·y, summed over what was repeated
    protected override void Backward(Tensor dy)
    {
        Tensor da = dy / _b.Value;
        if (_y is not null) Accumulate(_b, Broadcast.Sum(-(da * _y), _b.Shape));
        if (_a.NeedsGradient) Accumulate(_a, Broadcast.Sum(da, _a.Shape));
    }
}
