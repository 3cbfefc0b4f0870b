using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>Turns pairs of each head's components by angles of the row's position.  x, y: [N, H, K]; tables: [P, R/2].</summary>
/// <remarks>Su et al., arXiv:2104.09864 §3.4.2.</remarks>
internal sealed class RotaryOp : Op
{
    private readonly Variable _x;
    private readonly int[] _positions;
    private readonly float[] _cos;
    private readonly float[] _sin;
    private readonly int _rotary;
    private readonly RotaryPairs _pairs;

    private RotaryOp(Variable x, int[] positions, float[] cos, float[] sin, int rotary, RotaryPairs pairs) => (_x, _positions, _cos, _sin, _rotary, _pairs) = (x, positions, cos, sin, rotary, pairs);

    public static Variable Apply(Variable x, int[] positions, float[] cos, float[] sin, int rotary, RotaryPairs pairs)
    {
        Tensor y = Turn(x.Value, positions, cos, sin, rotary, pairs, inverse: false);
        return IsRecorded(x) ? Tape.Record(new RotaryOp(x, positions, cos, sin, rotary, pairs), y) : y;
    }

    // dx = dy turned back
    protected override void Backward(Tensor dy) => Accumulate(_x, Turn(dy, _positions, _cos, _sin, _rotary, _pairs, inverse: true));

    private static Tensor Turn(Tensor x, int[] positions, float[] cos, float[] sin, int rotary, RotaryPairs pairs, bool inverse)
    {
        (_, int H, int K) = x.Shape.Bind3(nameof(x), "[N, H, K]");
        Tensor y = Tensor.Uninitialized(x.Shape);
        RotaryKernel.Invoke(x.Span, H * K, positions, cos, sin, H, K, rotary, pairs, inverse, y.Span, H * K);
        return y;
    }
}
