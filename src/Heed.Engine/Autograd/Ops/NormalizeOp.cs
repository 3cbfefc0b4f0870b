using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y = x / max(‖x‖, 1e-12) over the last axis.  x, y: [..., D].</summary>
internal sealed class NormalizeOp : Op
{
    private const float Least = 1e-12f;

    private readonly Variable _x;
    private readonly Tensor _y;
    private readonly Tensor _norm;

    private NormalizeOp(Variable x, Tensor y, Tensor norm) => (_x, _y, _norm) = (x, Save(y), Save(norm));

    public static Variable Apply(Variable x)
    {
        Tensor norm = (x.Value * x.Value).Sum(-1, keep: true).Sqrt();
        foreach (ref float n in norm.Span) n = Math.Max(n, Least);
        Tensor y = x.Value / norm;
        return IsRecorded(x) ? Tape.Record(new NormalizeOp(x, y, norm), y) : y;
    }

    // dx = (dy − y·Σ dy·y) / ‖x‖; where the norm is the least allowed it is constant: dx = dy / least
    protected override void Backward(Tensor dy)
    {
        Tensor dot = (dy * _y).Sum(-1, keep: true);
        Span<float> norms = _norm.Span, dots = dot.Span;
        for (int i = 0; i < dots.Length; i++)
            if (norms[i] <= Least) dots[i] = 0;
        Accumulate(_x, (dy - (_y * dot)) / _norm);
    }
}
