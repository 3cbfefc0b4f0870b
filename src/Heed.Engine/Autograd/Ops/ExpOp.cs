using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = eˣ.</summary>
internal sealed class ExpOp : Op
{
    private readonly Variable _x;
    private readonly Tensor _y;

    private ExpOp(Variable x, Tensor y) => (_x, _y) = (x, Save(y));

    public static Variable Apply(Variable x)
    {
        Tensor y = x.Value.Exp();
        return IsRecorded(x) ? Tape.Record(new ExpOp(x, y), y) : y;
    }

    // dx = dy·eˣ
    protected override void Backward(Tensor dy) => Accumulate(_x, dy * _y);
}
