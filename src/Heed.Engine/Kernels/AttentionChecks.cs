namespace Heed.Engine.Kernels;

/// <summary>Checks of spans that attention reads and writes.</summary>
internal static class AttentionChecks
{
    /// <summary>Refuses a span that does not hold its rows.</summary>
    /// <exception cref="ArgumentException">It is too short, or the rows overlap.</exception>
    public static void Rows(string name, int length, int stride, int rows, int width)
    {
        long needed = rows == 0 ? 0 : ((long)(rows - 1) * stride) + width;
        if (stride < width || length < needed) throw new ArgumentException($"'{name}' holds {length} elements; {rows} rows of {width}, {stride} apart, need {needed}.", name);
    }
}
