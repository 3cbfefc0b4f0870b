using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = factor·x + offset.</summary>
internal sealed class AffineOp : Op
{
    private readonly Variable _x;
    private readonly float _factor;

    private AffineOp(Variable x, float factor) => (_x, _factor) = (x, factor);

    public static Variable Apply(Variable x, float factor, float offset)
    {
        Tensor y = TensorOperations.Affine(x.Value, factor, offset);
        return IsRecorded(x) ? Tape.Record(new AffineOp(x, factor), y) : y;
    }

    // dx = factor·dy
    protected override void Backward(Tensor dy)
    {
        Tensor dx = OpenGradient(_x, out bool accumulate);
        if (accumulate) ElementKernel.AddScaled(dy.Span, _factor, dx.Span);
        else ElementKernel.Scale(dy.Span, _factor, dx.Span);
    }
}
