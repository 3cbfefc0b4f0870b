using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = a·b, element by element, with broadcasting.</summary>
internal sealed class MultiplyOp : Op
{
    private readonly Variable _a;
    private readonly Variable _b;

    private MultiplyOp(Variable a, Variable b)
    {
        (_a, _b) = (a, b);
        if (b.NeedsGradient) Save(a);
        if (a.NeedsGradient) Save(b);
    }

    public static Variable Apply(Variable a, Variable b)
    {
        Tensor y = a.Value * b.Value;
        return IsRecorded(a, b) ? Tape.Record(new MultiplyOp(a, b), y) : y;
    }

    // da = dy·b, db = dy·a, summed over what was repeated
    protected override void Backward(Tensor dy)
    {
        if (_a.NeedsGradient) Accumulate(_a, Broadcast.Sum(dy * _b.Value, _a.Shape));
        if (_b.NeedsGradient) Accumulate(_b, Broadcast.Sum(dy * _a.Value, _b.Shape));
    }
}

/// <summary>What the gradients of broadcasting ops share.</summary>
internal static class Broadcast
{
    /// <summary>A fresh gradient summed over the axes that were repeated; itself if there were none.</summary>
    public static Tensor Sum(Tensor fresh, Shape shape) => fresh.Shape == shape ? fresh : TensorOperations.SumTo(fresh, shape);
}
