namespace Heed.Engine.Kernels;

/// <summary>Checks of what attention reads and writes: the kernels they guard work on bare pointers.</summary>
internal static class AttentionChecks
{
    /// <summary>Refuses a span that does not hold its rows.</summary>
    /// <exception cref="ArgumentException">It is too short, or the rows overlap.</exception>
    public static void Rows(string name, int length, int stride, int rows, int width)
    {
        long needed = rows == 0 ? 0 : ((long)(rows - 1) * stride) + width;
        if (stride < width || length < needed) throw new ArgumentException($"'{name}' holds {length} elements; {rows} rows of {width}, {stride} apart, need {needed}.", name);
    }

    /// <summary>Rows of queries and of keys that the sequences reach.</summary>
    /// <exception cref="ArgumentException">A count or start is negative, or a sequence does not fit the options.</exception>
    public static (int Queries, int Keys) Sequences(AttentionOptions o, AttentionSequence[] sequences)
    {
        if (o.Heads < 1 || o.HeadWidth < 1 || o.ValueWidth < 1 || o.KeyHeads < 1 || o.Heads % o.KeyHeads != 0)
            throw new ArgumentException($"{o.Heads} query heads of width {o.HeadWidth} cannot share {o.KeyHeads} key heads with values of width {o.ValueWidth}; the widths are at least 1 and the heads divide evenly.");
        if (!(o.Dropout >= 0f && o.Dropout < 1f)) throw new ArgumentException($"The probability of dropping is {o.Dropout}; it lies in [0, 1).");
        if (o.Bias == DenseLayout.Keys) throw new ArgumentException("The dense bias spans [T, S] or [H, T, S]; one entry a key is for masks only.");
        if (o.Blocks is { } blocks && (blocks.BlockSize < 1 || blocks.QueryBlocks < 1 || blocks.Allowed.Length != (long)(blocks.PerHead ? o.Heads : 1) * blocks.QueryBlocks * blocks.KeyBlocks))
            throw new ArgumentException($"The pattern of {blocks.QueryBlocks} by {blocks.KeyBlocks} blocks of {blocks.BlockSize} has {blocks.Allowed.Length} entries.");
        int queries = 0, keys = 0;
        for (int b = 0; b < sequences.Length; b++)
        {
            ref readonly AttentionSequence s = ref sequences[b];
            if (s.QueryStart < 0 || s.QueryCount < 0 || s.KeyStart < 0 || s.KeyCount < 0) throw new ArgumentException($"Sequence {b} has a negative start or count: {s}.");
            queries = Math.Max(queries, checked(s.QueryStart + s.QueryCount));
            keys = Math.Max(keys, checked(s.KeyStart + s.KeyCount));
            if (o.Blocks is { } p && s.KeyCount > (long)p.KeyBlocks * p.BlockSize) throw new ArgumentException($"Sequence {b} has {s.KeyCount} keys; the pattern's {p.KeyBlocks} blocks of {p.BlockSize} hold fewer.");
            if (o.RelativeRange > 0) Distances(o, s, b);
        }

        return (queries, keys);
    }

    /// <summary>Refuses a bias or mask that does not hold its entries.</summary>
    /// <exception cref="ArgumentException">It is too short.</exception>
    public static void Dense(string name, int length, DenseLayout layout, AttentionOptions o, AttentionSequence[] sequences, bool mask)
    {
        if (layout == DenseLayout.None) return;
        foreach (AttentionSequence s in sequences)
        {
            long start = mask ? s.MaskStart : s.BiasStart, end = start + DenseLength(layout, s, o.Heads);
            if (start < 0 || end > length) throw new ArgumentException($"'{name}' holds {length} elements; a sequence takes those from {start} to {end}.", name);
        }
    }

    /// <summary>Refuses a table of distances that does not hold its entries.</summary>
    /// <exception cref="ArgumentException">It is too short.</exception>
    public static void Relative(string name, int length, AttentionOptions o)
    {
        if (length < (long)o.Heads * o.RelativeRange) throw new ArgumentException($"'{name}' holds {length} elements; {o.Heads} heads by {o.RelativeRange} distances are needed.", name);
    }

    /// <summary>Entries of a sequence in a dense bias or mask.</summary>
    public static long DenseLength(DenseLayout layout, in AttentionSequence s, int heads) => layout switch
    {
        DenseLayout.None => 0,
        DenseLayout.Keys => s.KeyCount,
        DenseLayout.Shared => (long)s.QueryCount * s.KeyCount,
        _ => (long)heads * s.QueryCount * s.KeyCount,
    };

    private static void Distances(AttentionOptions o, in AttentionSequence s, int index)
    {
        for (int i = 0; i < s.QueryCount; i++)
        {
            long p = (long)s.QueryOffset + i;
            (int low, int high) = o.Visible((int)p, s.KeyCount);
            if (low < high && (low - p + o.RelativeOffset < 0 || high - 1 - p + o.RelativeOffset >= o.RelativeRange))
                throw new ArgumentException($"Sequence {index}: its query at {p} sees the keys {low} to {high - 1}; {o.RelativeRange} distances with 0 at {o.RelativeOffset} do not reach them.");
        }
    }
}
