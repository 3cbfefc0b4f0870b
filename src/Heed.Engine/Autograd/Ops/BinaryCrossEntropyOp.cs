using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>Mean of −t·ln σ(z) − (1−t)·ln(1−σ(z)) over everything: a scalar.  Targets t in [0, 1].</summary>
internal sealed class BinaryCrossEntropyOp : Op
{
    private readonly Variable _logits;
    private readonly Tensor _targets;

    private BinaryCrossEntropyOp(Variable logits, Tensor targets) => (_logits, _targets) = (Save(logits), Save(targets));

    public static Variable Apply(Variable logits, Tensor targets)
    {
        if (logits.Shape != targets.Shape) throw new ShapeException("BinaryCrossEntropy", nameof(targets), targets.Shape, logits.Shape.ToString(), "the logits have this shape");
        Tensor losses = Tensor.Uninitialized(logits.Shape);
        LossKernel.BinaryCrossEntropy(logits.Value.Span, targets.Span, losses.Span);
        Tensor y = Tensor.Scalar(ReductionKernel.Sum(losses.Span) / Math.Max(1, losses.Count));
        return IsRecorded(logits) ? Tape.Record(new BinaryCrossEntropyOp(logits, targets), y) : y;
    }

    // dz = dy·(σ(z) − t) / n
    protected override void Backward(Tensor dy)
    {
        Tensor dz = Tensor.Uninitialized(_targets.Shape);
        LossKernel.BinaryCrossEntropyGradient(_logits.Value.Span, _targets.Span, dy.ToScalar() / Math.Max(1, dz.Count), dz.Span);
        Accumulate(_logits, dz);
    }
}
