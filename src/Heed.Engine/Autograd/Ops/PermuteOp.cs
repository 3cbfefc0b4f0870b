using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>The axes in another order.</summary>
internal sealed class PermuteOp : Op
{
    private readonly Variable _x;
    private readonly int[] _back;

    private PermuteOp(Variable x, ReadOnlySpan<int> axes)
    {
        _x = x;
        _back = new int[axes.Length];
        for (int i = 0; i < axes.Length; i++) _back[Axis.Number(x.Shape, axes[i])] = i;
    }

    public static Variable Apply(Variable x, ReadOnlySpan<int> axes)
    {
        Tensor y = x.Value.Permute(axes);
        return IsRecorded(x) ? Tape.Record(new PermuteOp(x, axes), y) : y;
    }

    // dx = dy with the axes back in place
    protected override void Backward(Tensor dy) => Accumulate(_x, dy.Permute(_back));
}
