namespace Heed.Engine.Kernels;

/// <summary>How a matrix operand lies in its span: row by row or transposed, its rows <see cref="Stride"/> elements apart.</summary>
/// <param name="IsTransposed">The span holds the operand's transpose: its stored rows are the operand's columns.</param>
/// <param name="Stride">Elements from one stored row to the next; 0 means that stored rows follow each other without a gap.</param>
internal readonly record struct MatrixLayout(bool IsTransposed, int Stride)
{
    /// <summary>Rows follow each other without a gap.</summary>
    public static MatrixLayout RowMajor => default;

    /// <summary>The transpose lies in the span, without gaps.</summary>
    public static MatrixLayout Transposed => new(true, 0);

    /// <summary>Row by row, <paramref name="stride"/> elements from one row to the next: a head inside [N, D] rows.</summary>
    public static MatrixLayout RowsApart(int stride) => new(false, stride);

    /// <summary>Transposed, <paramref name="stride"/> elements from one stored row to the next.</summary>
    public static MatrixLayout TransposedRowsApart(int stride) => new(true, stride);

    /// <summary>The stride of stored rows for an operand of <paramref name="rows"/> × <paramref name="columns"/>, after checking that
    /// <paramref name="length"/> elements hold it.</summary>
    public int Check(int rows, int columns, int length, string name)
    {
        int width = IsTransposed ? rows : columns;
        int height = IsTransposed ? columns : rows;
        int stride = Stride == 0 ? width : Stride;
        if (stride < width) throw new ArgumentException($"'{name}' has rows of {width} elements that are only {stride} apart.", name);
        long needed = width == 0 || height == 0 ? 0 : ((long)(height - 1) * stride) + width;
        if (length < needed) throw new ArgumentException($"'{name}' holds {length} elements; its {height} rows of {width}, {stride} apart, need {needed}.", name);
        return stride;
    }
}
