using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>The same elements under another shape: a view in both directions.</summary>
internal sealed class ReshapeOp : Op
{
    private readonly Variable _x;

    private ReshapeOp(Variable x) => _x = x;

    public static Variable Apply(Variable x, ReadOnlySpan<int> sizes)
    {
        Tensor y = x.Value.Reshape(sizes);
        return IsRecorded(x) ? Tape.Record(new ReshapeOp(x), y) : y;
    }

    // dx = dy under the shape of x
    protected override void Backward(Tensor dy) => HandOver(_x, dy);
}
