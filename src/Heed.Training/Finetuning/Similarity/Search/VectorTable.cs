namespace Heed.Training.Finetuning;

/// <summary>Rows of vectors whose similarities are asked for, computed in double precision.</summary>
/// <param name="values">[N, D] in row-major order.</param>
/// <param name="width">D.</param>
internal sealed class VectorTable(ReadOnlyMemory<float> values, int width)
{
    /// <summary>N.</summary>
    public int Count { get; } = values.Length / width;

    /// <summary>One row.</summary>
    public ReadOnlySpan<float> this[int row] => values.Span.Slice(row * width, width);

    /// <summary>Some rows, one after another.</summary>
    public float[] Rows(int start, int count) => values.Slice(start * width, count * width).ToArray();

    /// <summary>A table of rows of one length.</summary>
    public static VectorTable Of(IReadOnlyList<float[]> rows)
        => new(rows.SelectMany(r => r).ToArray(), Math.Max(1, rows.Count == 0 ? 1 : rows[0].Length));

    /// <summary>Cosine or dot product of a row with a row of another table.</summary>
    public double Similarity(int row, VectorTable other, int otherRow, bool cosine)
    {
        ReadOnlySpan<float> a = this[row], b = other[otherRow];
        double both = 0, first = 0, second = 0;
        for (int d = 0; d < a.Length; d++)
        {
            both += (double)a[d] * b[d];
            first += (double)a[d] * a[d];
            second += (double)b[d] * b[d];
        }

        return cosine ? both / (Math.Max(Math.Sqrt(first), 1e-12) * Math.Max(Math.Sqrt(second), 1e-12)) : both;
    }

    /// <summary>The rows of another table nearest to a row: nearest first, of equal ones the lower index.</summary>
    public (int Row, double Score)[] Nearest(int row, VectorTable other, int top, bool cosine = true)
        => [.. Enumerable.Range(0, other.Count).Select(o => (Row: o, Score: Similarity(row, other, o, cosine)))
            .OrderByDescending(p => p.Score).Take(top)];
}
