using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>Plan of a matrix product whose leading axes are batches that broadcast: [..., M, K]·[..., K, N] → [..., M, N].</summary>
internal readonly struct BatchedMatMul
{
    private readonly Shape _a;
    private readonly Shape _b;

    /// <exception cref="ShapeException">A rank is below 2, K differs, or the batches do not broadcast.</exception>
    public BatchedMatMul(Shape a, Shape b, string site)
    {
        if (a.Rank < 2) throw new ShapeException(site, "a", a, "[..., M, K]");
        if (b.Rank < 2 || b[-2] != a[-1]) throw new ShapeException(site, "b", b, $"[..., {a[-1]}, N]", $"K = {a[-1]} was bound by a {a}");
        (_a, _b) = (a, b);
        Shape batches = BroadcastKernel.Shape(Leading(a), Leading(b), site);
        Span<int> sizes = [.. batches.ToArray(), a[-2], b[-1]];
        Output = new Shape(sizes);
    }

    /// <summary>[..., M, N].</summary>
    public Shape Output { get; }

    private int M => _a[-2];

    private int K => _a[-1];

    private int N => _b[-1];

    /// <summary>y = a·b.</summary>
    public void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        if (TryFlatten(out int rows))
        {
            MatMulKernel.Invoke(a, MatrixLayout.RowMajor, b, MatrixLayout.RowMajor, y, rows, N, K);
            return;
        }

        int last = LastBatch, m = M, k = K, n = N;
        bool aMoves = Moves(_a), bMoves = Moves(_b);
        for (int i = 0; i < Batches; i += last)
        {
            MatMulKernel.Batch(last, a[(Source(i, _a) * m * k)..], MatrixLayout.RowMajor, aMoves ? m * k : 0, b[(Source(i, _b) * k * n)..], MatrixLayout.RowMajor, bMoves ? k * n : 0,
                y[(i * m * n)..], m * n, m, n, k);
        }
    }

    /// <summary>da (+)= dy·bᵀ, summed over the batches along which a was repeated.</summary>
    public void GradientA(ReadOnlySpan<float> dy, ReadOnlySpan<float> b, Span<float> da, bool accumulate)
    {
        if (TryFlatten(out int rows))
        {
            MatMulKernel.Invoke(dy, MatrixLayout.RowMajor, b, MatrixLayout.Transposed, da, rows, K, N, accumulate);
            return;
        }

        int m = M, k = K, n = N;
        if (Leading(_a).Count == Batches && Leading(_b).Count == Batches)
        {
            MatMulKernel.Batch(Batches, dy, MatrixLayout.RowMajor, m * n, b, MatrixLayout.Transposed, k * n, da, m * k, m, k, n, accumulate);
            return;
        }

        if (!accumulate) da.Clear();
        for (int i = 0; i < Batches; i++)
            MatMulKernel.Invoke(dy.Slice(i * m * n, m * n), MatrixLayout.RowMajor, b.Slice(Source(i, _b) * k * n, k * n), MatrixLayout.Transposed, da.Slice(Source(i, _a) * m * k, m * k), m, k, n, accumulate: true);
    }

    /// <summary>db (+)= aᵀ·dy, summed over the batches along which b was repeated.</summary>
    public void GradientB(ReadOnlySpan<float> dy, ReadOnlySpan<float> a, Span<float> db, bool accumulate)
    {
        if (TryFlatten(out int rows))
        {
            MatMulKernel.Invoke(a, MatrixLayout.Transposed, dy, MatrixLayout.RowMajor, db, K, N, rows, accumulate);
            return;
        }

        int m = M, k = K, n = N;
        if (Leading(_a).Count == Batches && Leading(_b).Count == Batches)
        {
            MatMulKernel.Batch(Batches, a, MatrixLayout.Transposed, m * k, dy, MatrixLayout.RowMajor, m * n, db, k * n, k, n, m, accumulate);
            return;
        }

        if (!accumulate) db.Clear();
        for (int i = 0; i < Batches; i++)
            MatMulKernel.Invoke(a.Slice(Source(i, _a) * m * k, m * k), MatrixLayout.Transposed, dy.Slice(i * m * n, m * n), MatrixLayout.RowMajor, db.Slice(Source(i, _b) * k * n, k * n), k, n, m, accumulate: true);
    }

    private int Batches => Leading(Output).Count;

    /// <summary>Products along the last batch axis: their operands are a fixed distance apart.</summary>
    private int LastBatch => Output.Rank == 2 ? 1 : Output[-3];

    private static Shape Leading(Shape shape) => new(shape.ToArray().AsSpan(0, shape.Rank - 2));

    private static bool Moves(Shape shape) => shape.Rank > 2 && shape[-3] != 1;

    /// <summary>One matrix b for all batches: they are more rows of a.</summary>
    private bool TryFlatten(out int rows)
    {
        rows = _a.Rows;
        return Leading(_b).Count == 1 && Output.Count == rows * N;
    }

    /// <summary>Number of an operand's matrix for a number of the result's.</summary>
    private int Source(int batch, Shape from)
    {
        int at = 0, step = 1;
        for (int axis = -3; axis >= -from.Rank; axis--)
        {
            int i = batch % Output[axis];
            batch /= Output[axis];
            if (from[axis] != 1) at += i * step;
            step *= from[axis];
        }

        return at;
    }
}
