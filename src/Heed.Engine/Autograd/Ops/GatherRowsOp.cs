using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>y[n] = x[rows[n]]: rows of the first axis by index.  Embedding tables are its main use.</summary>
internal sealed class GatherRowsOp : Op
{
    private readonly Variable _x;
    private readonly int[] _rows;
    private readonly int _without;

    private GatherRowsOp(Variable x, int[] rows, int without) => (_x, _rows, _without) = (x, rows, without);

    /// <param name="x">[R, ...].</param>
    /// <param name="rows">[N], each 0 … R − 1; it must not change before the backward pass.</param>
    /// <param name="without">A row that gets no gradient (a padding token's), or −1.</param>
    public static Variable Apply(Variable x, int[] rows, int without = -1)
    {
        Tensor y = x.Value.Gather(rows);
        return IsRecorded(x) ? Tape.Record(new GatherRowsOp(x, rows, without), y) : y;
    }

    // dx[rows[n]] += dy[n], in the order of n
    protected override void Backward(Tensor dy)
    {
        Tensor dx = OpenGradient(_x, out bool accumulate);
        if (!accumulate) dx.Span.Clear();
        EmbeddingKernel.AddGradient(dy.Span, _rows, Axis.Of(_x.Shape, 0).Inner, dx.Span, _without);
    }
}
