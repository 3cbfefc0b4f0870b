using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = x/√(mean(x²) + ε)·gain over the last axis.  x, y: [..., D]; gain: [D] or none.</summary>
internal sealed class RmsNormOp : Op
{
    private readonly Variable _x;
    private readonly Variable? _gain;
    private readonly Tensor _rstd;

    private RmsNormOp(Variable x, Variable? gain, Tensor rstd)
    {
        (_x, _gain, _rstd) = (Save(x), gain, Save(rstd));
        if (gain is { } g) Save(g);
    }

    public static Variable Apply(Variable x, Variable? gain, float epsilon)
    {
        LayerNormOp.Check(gain, nameof(gain), x.Shape);
        Tensor y = Tensor.Uninitialized(x.Shape), rstd = Tensor.Uninitialized(x.Shape.Rows);
        RmsNormKernel.Invoke(x.Value.Span, gain is { } g ? g.Value.Span : [], epsilon, x.Shape.Last, y.Span, rstd.Span);
        bool needed = x.NeedsGradient || gain is { NeedsGradient: true };
        return needed && Tape.IsRecording ? Tape.Record(new RmsNormOp(x, gain, rstd), y) : y;
    }

    // dx = rstd·(g − x̂·mean(g·x̂)) with g = gain·dy and x̂ = x·rstd; dgain = Σₙ dy·x̂
    protected override void Backward(Tensor dy)
    {
        Tensor dx = Tensor.Uninitialized(dy.Shape);
        Tensor? dgain = _gain is { NeedsGradient: true } ? Tensor.Uninitialized(dy.Shape.Last) : null;
        RmsNormKernel.Gradient(_x.Value.Span, _gain is { } g ? g.Value.Span : [], _rstd.Span, dy.Span, dy.Shape.Last, dx.Span, dgain is null ? [] : dgain.Span);
        Accumulate(_x, dx);
        if (dgain is not null) Accumulate(_gain!.Value, dgain);
    }
}
