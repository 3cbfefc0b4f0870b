using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = a − b, with broadcasting.</summary>
internal sealed class SubtractOp : Op
{
    private readonly Variable _a;
    private readonly Variable _b;

    private SubtractOp(Variable a, Variable b) => (_a, _b) = (a, b);

    public static Variable Apply(Variable a, Variable b)
    {
        Tensor y = a.Value - b.Value;
        return IsRecorded(a, b) ? Tape.Record(new SubtractOp(a, b), y) : y;
    }

    // da = dy, db = −dy, summed over what was repeated
    protected override void Backward(Tensor dy)
    {
        if (_b.NeedsGradient) Accumulate(_b, -(_b.Shape == dy.Shape ? dy : TensorOperations.SumTo(dy, _b.Shape)));
        if (_a.Shape == dy.Shape) HandOver(_a, dy);
        else if (_a.NeedsGradient) Accumulate(_a, TensorOperations.SumTo(dy, _a.Shape));
    }
}
