using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = ln x.</summary>
internal sealed class LogOp : Op
{
    private readonly Variable _x;

    private LogOp(Variable x) => _x = Save(x);

    public static Variable Apply(Variable x)
    {
        Tensor y = x.Value.Log();
        return IsRecorded(x) ? Tape.Record(new LogOp(x), y) : y;
    }

    // dx = dy / x
    protected override void Backward(Tensor dy) => Accumulate(_x, dy / _x.Value);
}
