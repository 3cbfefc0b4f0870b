using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = xᵖ for a constant p and x ≥ 0; roots are powers of ½.</summary>
internal sealed class PowerOp : Op
{
    private readonly Variable _x;
    private readonly float _exponent;

    private PowerOp(Variable x, float exponent) => (_x, _exponent) = (Save(x), exponent);

    public static Variable Apply(Variable x, float exponent)
    {
        Tensor y = x.Value.Power(exponent);
        return IsRecorded(x) ? Tape.Record(new PowerOp(x, exponent), y) : y;
    }

    // dx = dy·p·xᵖ⁻¹;  of √x: dy / (2·√x)
    protected override void Backward(Tensor dy) =>
        Accumulate(_x, _exponent == 0.5f ? dy / (_x.Value.Sqrt() * 2) : dy * (_x.Value.Power(_exponent - 1) * _exponent));
}
