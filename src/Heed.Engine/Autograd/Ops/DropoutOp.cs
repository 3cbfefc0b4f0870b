using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = x·m/(1 − p), m: 0 with probability p, else 1, by counter.  x, y: any shape.</summary>
internal sealed class DropoutOp : Op
{
    private readonly Variable _x;
    private readonly float _probability;
    private readonly ulong _seed;
    private readonly ulong _stream;

    private DropoutOp(Variable x, float probability, ulong seed, ulong stream) => (_x, _probability, _seed, _stream) = (x, probability, seed, stream);

    public static Variable Apply(Variable x, float probability, ulong seed, ulong stream)
    {
        Tensor y = Tensor.Uninitialized(x.Shape);
        DropoutKernel.Invoke(x.Value.Span, probability, new CounterRandom(seed, stream), 0, y.Span);
        return IsRecorded(x) ? Tape.Record(new DropoutOp(x, probability, seed, stream), y) : y;
    }

    // dx = dy·m/(1 − p): the mask is counted again, not kept
    protected override void Backward(Tensor dy)
    {
        Tensor dx = Tensor.Uninitialized(dy.Shape);
        DropoutKernel.Invoke(dy.Span, _probability, new CounterRandom(_seed, _stream), 0, dx.Span);
        Accumulate(_x, dx);
    }
}
