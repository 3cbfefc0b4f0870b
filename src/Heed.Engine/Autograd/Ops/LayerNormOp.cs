using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = (x − mean)/√(variance + ε)·gain + bias over the last axis.  x, y: [..., D]; gain, bias: [D] or none.</summary>
internal sealed class LayerNormOp : Op
{
    private readonly Variable _x;
    private readonly Variable? _gain;
    private readonly Variable? _bias;
    private readonly Tensor _mean;
    private readonly Tensor _rstd;

    private LayerNormOp(Variable x, Variable? gain, Variable? bias, Tensor mean, Tensor rstd)
    {
        (_x, _gain, _bias, _mean, _rstd) = (Save(x), gain, bias, Save(mean), Save(rstd));
        if (gain is { } g) Save(g);
    }

    public static Variable Apply(Variable x, Variable? gain, Variable? bias, float epsilon)
    {
        int width = x.Shape.Last;
        Check(gain, nameof(gain), x.Shape);
        Check(bias, nameof(bias), x.Shape);
        Tensor y = Tensor.Uninitialized(x.Shape), mean = Tensor.Uninitialized(x.Shape.Rows), rstd = Tensor.Uninitialized(x.Shape.Rows);
        LayerNormKernel.Invoke(x.Value.Span, gain is { } g ? g.Value.Span : [], bias is { } b ? b.Value.Span : [], epsilon, width, y.Span, mean.Span, rstd.Span);
        bool needed = x.NeedsGradient || gain is { NeedsGradient: true } || bias is { NeedsGradient: true };
        return needed && Tape.IsRecording ? Tape.Record(new LayerNormOp(x, gain, bias, mean, rstd), y) : y;
    }

    // dx = rstd·(g − mean(g) − x̂·mean(g·x̂)) with g = gain·dy; dgain = Σₙ dy·x̂; dbias = Σₙ dy
    protected override void Backward(Tensor dy)
    {
        Tensor dx = Tensor.Uninitialized(dy.Shape);
        Tensor? dgain = _gain is { NeedsGradient: true } ? Tensor.Uninitialized(dy.Shape.Last) : null;
        Tensor? dbias = _bias is { NeedsGradient: true } ? Tensor.Uninitialized(dy.Shape.Last) : null;
        LayerNormKernel.Gradient(_x.Value.Span, _gain is { } g ? g.Value.Span : [], _mean.Span, _rstd.Span, dy.Span, dy.Shape.Last,
            dx.Span, dgain is null ? [] : dgain.Span, dbias is null ? [] : dbias.Span);
        Accumulate(_x, dx);
        if (dgain is not null) Accumulate(_gain!.Value, dgain);
        if (dbias is not null) Accumulate(_bias!.Value, dbias);
    }

    internal static void Check(Variable? weight, string name, Shape x)
    {
        if (weight is { } w && (w.Shape.Rank != 1 || w.Shape[0] != x.Last)) throw new ShapeException("Norm", name, w.Shape, $"[{x.Last}]", $"x is {x}");
    }
}
