namespace Heed.Engine.Autograd;

/// <summary>Columns <paramref name="Start"/> … <paramref name="Start"/> + <paramref name="Width"/> − 1 of rows: queries, keys and values
/// inside one fused product, without a copy.</summary>
/// <param name="Source">[N, C].</param>
/// <param name="Start">First column.</param>
/// <param name="Width">Number of columns.</param>
internal readonly record struct ColumnRange(Variable Source, int Start, int Width)
{
    /// <summary>C, elements from one row to the next.</summary>
    public int Stride => Source.Shape.Last;

    /// <summary>The elements from the first of the columns on.</summary>
    public Span<float> Span => Source.Value.Span[Math.Min(Start, Source.Value.Count)..];
}
