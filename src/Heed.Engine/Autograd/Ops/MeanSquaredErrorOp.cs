using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>Mean of (x − target)² over everything: a scalar.</summary>
internal sealed class MeanSquaredErrorOp : Op
{
    private readonly Variable _x;
    private readonly Tensor _difference;

    private MeanSquaredErrorOp(Variable x, Tensor difference) => (_x, _difference) = (x, Save(difference));

    public static Variable Apply(Variable x, Tensor target)
    {
        if (x.Shape != target.Shape) throw new ShapeException("MeanSquaredError", nameof(target), target.Shape, x.Shape.ToString(), "x has this shape");
        Tensor difference = x.Value - target;
        Tensor y = Tensor.Scalar(ReductionKernel.SumOfSquares(difference.Span) / Math.Max(1, difference.Count));
        return IsRecorded(x) ? Tape.Record(new MeanSquaredErrorOp(x, difference), y) : y;
    }

    // dx = dy·2·(x − target) / n
    protected override void Backward(Tensor dy) => Accumulate(_x, _difference * (2 * dy.ToScalar() / Math.Max(1, _difference.Count)));
}
