namespace Heed.Models;

/// <summary>Integers in rows of equal length, [B, T]: ids, masks, labels as they come from files and tokenizers.</summary>
public sealed class TokenGrid
{
    /// <summary>A grid with these cells.</summary>
    /// <param name="rows">B.</param>
    /// <param name="columns">T.</param>
    /// <param name="cells">[B·T], row by row.</param>
    /// <exception cref="ArgumentException">The number of cells is not B·T.</exception>
    public TokenGrid(int rows, int columns, int[] cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (cells.LongLength != (long)rows * columns)
            throw new ArgumentException($"{cells.Length} cells do not fill {rows} rows of {columns}.", nameof(cells));
        Rows = rows;
        Columns = columns;
        Cells = cells;
    }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>T.</summary>
    public int Columns { get; }

    /// <summary>[B·T], row by row.</summary>
    internal int[] Cells { get; }

    /// <summary>The cell in row b, column t.</summary>
    public int this[int b, int t] => Cells[(b * Columns) + t];

    /// <summary>A grid of rows; shorter ones are filled on the right with <paramref name="padding"/>.</summary>
    public static TokenGrid Of(IReadOnlyList<int[]> rows, int padding = 0)
    {
        ArgumentNullException.ThrowIfNull(rows);
        int columns = 0;
        foreach (int[] row in rows) columns = Math.Max(columns, row.Length);
        int[] cells = new int[rows.Count * columns];
        Array.Fill(cells, padding);
        for (int b = 0; b < rows.Count; b++) rows[b].CopyTo(cells, b * columns);
        return new TokenGrid(rows.Count, columns, cells);
    }

    /// <summary>Row b as an array.</summary>
    public int[] Row(int b) => Cells[(b * Columns)..((b + 1) * Columns)];
}
