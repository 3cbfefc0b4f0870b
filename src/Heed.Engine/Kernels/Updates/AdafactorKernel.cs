using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>Adafactor: the second moment of a matrix as the product of its row and column means; of a vector, element by element.</summary>
/// <remarks>Shazeer and Stern 2018, arXiv:1804.04235, algorithms 4 and 5, as PyTorch has it: β2 = 1 − t^−0.8, d = 1, ε1 = 2⁻²³, ε2 =
/// 1e-3.</remarks>
internal static class AdafactorKernel
{
    private const double Smallest = 1.0 / (1 << 23);
    private const double SmallestScale = 1e-3;

    /// <summary>One step of a matrix [R, C], or of B such matrices in a row.</summary>
    /// <param name="p">[B, R, C].</param>
    /// <param name="g">[B, R, C].</param>
    /// <param name="row">[B, R], zero at first.</param>
    /// <param name="column">[B, C], zero at first.</param>
    /// <param name="rows">R.</param>
    /// <param name="columns">C.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="decay">Decoupled weight decay.</param>
    /// <param name="gradientScale">Factor of the gradient.</param>
    /// <param name="step">t ≥ 1.</param>
    public static void Update(Span<float> p, ReadOnlySpan<float> g, Span<float> row, Span<float> column, int rows, int columns, double rate, double decay, double gradientScale, long step)
    {
        KernelThrow.UnlessLength(nameof(g), g.Length, p.Length);
        if (p.IsEmpty) return;
        int area = checked(rows * columns), batch = p.Length / area;
        KernelThrow.UnlessLength(nameof(p), p.Length, (long)batch * area);
        KernelThrow.UnlessLength(nameof(row), row.Length, (long)batch * rows);
        KernelThrow.UnlessLength(nameof(column), column.Length, (long)batch * columns);
        float[] u = RowBlocks.RentFloats(p.Length), means = RowBlocks.RentFloats(Math.Max(rows, columns));
        Span<float> update = u.AsSpan(0, p.Length);
        ElementKernel.Scale(g, (float)gradientScale, update);
        double moved = Math.Pow(step, -0.8);
        for (int b = 0; b < batch; b++)
        {
            // The squares' means, then the update g/√V overwriting g: V = row·column/mean(row).
            Span<float> part = update.Slice(b * area, area), r = row.Slice(b * rows, rows), c = column.Slice(b * columns, columns);
            float[] squares = RowBlocks.RentFloats(area);
            Span<float> square = squares.AsSpan(0, area);
            ElementKernel.Multiply(part, part, square);
            ReductionKernel.SumLast(square, columns, means.AsSpan(0, rows));
            Move(r, means, 1.0 / columns, moved);
            ReductionKernel.SumRows(square, columns, means.AsSpan(0, columns));
            Move(c, means, 1.0 / rows, moved);
            RowBlocks.Return(squares);
            double mean = Math.Max(ReductionKernel.Sum(r) / (double)rows, Smallest);
            for (int i = 0; i < rows; i++)
                MapKernel.Invoke(new ScaledRootFunction((float)(r[i] / mean), (float)(Smallest * Smallest)), part.Slice(i * columns, columns), c, part.Slice(i * columns, columns));
        }

        Apply(p, update, rate, decay, step);
        RowBlocks.Return(u);
        RowBlocks.Return(means);
    }

    /// <summary>One step of a vector: <paramref name="v"/> is the mean of g² itself.</summary>
    public static void UpdateVector(Span<float> p, ReadOnlySpan<float> g, Span<float> v, double rate, double decay, double gradientScale, long step)
    {
        KernelThrow.UnlessLength(nameof(g), g.Length, p.Length);
        KernelThrow.UnlessLength(nameof(v), v.Length, p.Length);
        if (p.IsEmpty) return;
        float[] u = RowBlocks.RentFloats(p.Length), squares = RowBlocks.RentFloats(p.Length);
        Span<float> update = u.AsSpan(0, p.Length);
        ElementKernel.Scale(g, (float)gradientScale, update);
        ElementKernel.Multiply(update, update, squares.AsSpan(0, p.Length));
        Move(v, squares, 1, Math.Pow(step, -0.8));
        MapKernel.Invoke(new ScaledRootFunction(1f, (float)(Smallest * Smallest)), update, v, update);
        Apply(p, update, rate, decay, step);
        RowBlocks.Return(u);
        RowBlocks.Return(squares);
    }

    /// <summary>The definition, of one matrix; of a vector where <paramref name="column"/> is empty (then <paramref name="row"/> is the
    /// mean of g²).</summary>
    public static void Scalar<T>(Span<T> p, ReadOnlySpan<T> g, Span<T> row, Span<T> column, double rate, double decay, long step) where T : IFloatingPointIeee754<T>
    {
        int rows = row.Length, columns = column.IsEmpty ? 1 : column.Length;
        T moved = ScalarMath.Of<T>(Math.Pow(step, -0.8)), mean = T.Zero, squares = T.Zero, size = T.Zero, count = T.CreateTruncating(p.Length);
        for (int i = 0; i < rows; i++)
        {
            T sum = T.Zero;
            for (int j = 0; j < columns; j++) sum += g[(i * columns) + j] * g[(i * columns) + j];
            row[i] += ((sum / T.CreateTruncating(columns)) - row[i]) * moved;
            mean += row[i] / T.CreateTruncating(rows);
        }

        for (int j = 0; j < column.Length; j++)
        {
            T sum = T.Zero;
            for (int i = 0; i < rows; i++) sum += g[(i * columns) + j] * g[(i * columns) + j];
            column[j] += ((sum / T.CreateTruncating(rows)) - column[j]) * moved;
        }

        T[] u = new T[p.Length];
        for (int i = 0; i < p.Length; i++)
        {
            T v = column.IsEmpty ? row[i] : row[i / columns] * column[i % columns] / T.Max(mean, ScalarMath.Of<T>(Smallest));
            u[i] = g[i] / T.Sqrt(T.Max(v, ScalarMath.Of<T>(Smallest * Smallest)));
            squares += u[i] * u[i];
            size += p[i] * p[i];
        }

        T alpha = ScalarMath.Of<T>(Math.Min(rate, 1 / Math.Sqrt(step))) * T.Max(ScalarMath.Of<T>(SmallestScale), T.Sqrt(size / count)) / T.Max(T.One, T.Sqrt(squares / count));
        for (int i = 0; i < p.Length; i++) p[i] = (p[i] * ScalarMath.Of<T>(1 - (rate * decay))) - (alpha * u[i]);
    }

    // state += moved·(factor·sums − state)
    private static void Move(Span<float> state, ReadOnlySpan<float> sums, double factor, double moved)
    {
        ElementKernel.Scale(state, (float)(1 - moved), state);
        ElementKernel.AddScaled(sums[..state.Length], (float)(moved * factor), state);
    }

    private static void Apply(Span<float> p, ReadOnlySpan<float> update, double rate, double decay, long step)
    {
        double size = Math.Sqrt(ReductionKernel.SumOfSquares(p) / (double)p.Length), length = Math.Sqrt(ReductionKernel.SumOfSquares(update) / (double)p.Length);
        double alpha = Math.Min(rate, 1 / Math.Sqrt(step)) * Math.Max(SmallestScale, size) / Math.Max(1, length);
        if (decay != 0) ElementKernel.Scale(p, (float)(1 - (rate * decay)), p);
        ElementKernel.AddScaled(update, (float)-alpha, p);
    }

    // g/√max(scale·v, least)
    private readonly struct ScaledRootFunction(float scale, float least) : IMap2
    {
        private readonly float _scale = scale;
        private readonly float _least = least;

        public L Lane<L>(L g, L v) where L : struct, ILanes<L> => g / L.Sqrt(L.Max(L.Broadcast(_least), v * L.Broadcast(_scale)));

        public T Scalar<T>(T g, T v) where T : IFloatingPointIeee754<T> => g / T.Sqrt(T.Max(T.CreateTruncating(_least), v * T.CreateTruncating(_scale)));
    }
}
