using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y[rows[n]] += x[n], onto zeros: the opposite of gathering.</summary>
internal sealed class ScatterRowsOp : Op
{
    private readonly Variable _x;
    private readonly int[] _rows;

    private ScatterRowsOp(Variable x, int[] rows) => (_x, _rows) = (x, rows);

    /// <param name="x">[N, ...].</param>
    /// <param name="rows">[N], each 0 … count − 1; it must not change before the backward pass.</param>
    /// <param name="count">Rows of the result.</param>
    public static Variable Apply(Variable x, int[] rows, int count)
    {
        Tensor y = x.Value.Scatter(rows, count);
        return IsRecorded(x) ? Tape.Record(new ScatterRowsOp(x, rows), y) : y;
    }

    // dx[n] = dy[rows[n]]
    protected override void Backward(Tensor dy) => Accumulate(_x, dy.Gather(_rows));
}
