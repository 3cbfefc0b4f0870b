using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>An attention product as the workers see it: options and inputs as plain numbers and pointers.</summary>
internal unsafe struct AttentionProblem
{
    /// <summary>Keys of a page.</summary>
    public const int Page = KeyValuePool.PageTokens;

    /// <summary>Query rows that meet a page at a time.</summary>
    public const int Block = 64;

    /// <summary>Query rows of one part of the forward pass, which share the fetching of a page.</summary>
    public const int Stripe = 256;

    public AttentionSequence* Sequences;
    public int SequenceCount;
    public int Heads;
    public int KeyHeads;
    public int Group;           // query heads a key head
    public int HeadWidth;
    public int ValueWidth;
    public int HeadPad;         // widths rounded up to whole lanes
    public int ValuePad;
    public float Scale;
    public bool Plain;          // scores are q·k·scale, scale > 0, and none is hidden but by causality and window
    public bool Causal;
    public int Window;
    public int RelativeRange;
    public int RelativeOffset;
    public DenseLayout BiasLayout;
    public DenseLayout MaskLayout;
    public int BlockSize;       // of the block-sparse pattern; 0: none
    public int QueryBlocks;
    public int KeyBlocks;
    public bool BlocksPerHead;
    public float Dropout;
    public ulong Seed;

    public float* Query;
    public nint QueryStride;
    public float* Key;
    public nint KeyStride;
    public float* Value;
    public nint ValueStride;
    public float* Relative;     // [H, range]
    public float* Bias;
    public bool* Mask;
    public bool* Allowed;

    public AttentionProblem(AttentionOptions o)
    {
        this = default;
        Heads = o.Heads;
        KeyHeads = o.KeyHeads;
        Group = o.Heads / o.KeyHeads;
        HeadWidth = o.HeadWidth;
        ValueWidth = o.ValueWidth;
        HeadPad = Pad(o.HeadWidth);
        ValuePad = Pad(o.ValueWidth);
        Scale = o.Scale;
        Causal = o.Causal;
        Window = o.Window;
        RelativeRange = o.RelativeRange;
        RelativeOffset = o.RelativeOffset;
        BiasLayout = o.Bias;
        MaskLayout = o.Mask;
        Dropout = o.Dropout;
        Seed = o.Seed;
        Plain = Scale > 0f && !IsBiased && MaskLayout == DenseLayout.None && o.Blocks is null;
        if (o.Blocks is { } blocks)
        {
            BlockSize = blocks.BlockSize;
            QueryBlocks = blocks.QueryBlocks;
            KeyBlocks = blocks.KeyBlocks;
            BlocksPerHead = blocks.PerHead;
        }
    }

    private readonly bool IsBiased => RelativeRange > 0 || BiasLayout != DenseLayout.None;

    /// <summary>A width rounded up to whole lanes.</summary>
    public static int Pad(int width) => (width + 15) & ~15;

    /// <summary>Floats of a page: keys transposed [Hkv][K][64], values [Hkv][64][V padded to lanes], non-finite flags [Hkv padded to
    /// lanes].</summary>
    public static long PageFloats(int keyHeads, int headWidth, int valueWidth) => ((long)keyHeads * Page * (headWidth + Pad(valueWidth))) + Pad(keyHeads);

    /// <summary>The keys [Low, High) that causality and window leave to a query at position p.</summary>
    public static (int Low, int High) Visible(int p, int keys, bool causal, int window)
    {
        int high = causal ? (int)Math.Clamp(p + 1L, 0, keys) : window > 0 ? (int)Math.Clamp((long)p + window, 0, keys) : keys;
        int low = window > 0 ? (int)Math.Clamp((long)p - window + 1, 0, high) : 0;
        return (low, high);
    }

    /// <summary>The keys [Low, High) of a sequence that its query <paramref name="i"/> sees, as far as causality and window say.</summary>
    public readonly (int Low, int High) Visible(in AttentionSequence s, int i) => Visible(s.QueryOffset + i, s.KeyCount, Causal, Window);

    /// <summary>Whether each of <paramref name="rows"/> rows sees the whole page at <paramref name="start"/>, as far as causality and
    /// window say.</summary>
    public readonly bool SeeWhole(in AttentionSequence s, int from, int rows, int start) =>
        Visible(s, from + rows - 1).Low <= start && Visible(s, from).High >= start + Page;      // both grow with the row

    /// <summary>The keys [Low, High) of the page at <paramref name="start"/>, relative to it, outside of which no row of
    /// <paramref name="rows"/> sees any; empty: (0, 0).</summary>
    public readonly (int Low, int High) SeenInPage(in AttentionSequence s, int from, int rows, int start)
    {
        int low = Math.Clamp(Visible(s, from).Low - start, 0, Page), high = Math.Clamp(Visible(s, from + rows - 1).High - start, 0, Page);
        return low < high ? (low, high) : (0, 0);
    }

    /// <summary>Moves [<paramref name="first"/>, <paramref name="end"/>), rows of the block at <paramref name="from"/>, on to those that
    /// see some of the keys [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public readonly void MoveToRowsThatSee(in AttentionSequence s, int from, int rows, int low, int high, ref int first, ref int end)
    {
        while (first < rows && Visible(s, from + first).High <= low) first++;
        while (end < rows && Visible(s, from + end).Low < high) end++;
    }

    /// <summary>The pages [First, End) that some of the rows [<paramref name="from"/>, <paramref name="to"/>) sees.</summary>
    public readonly (int First, int End) PagesOf(in AttentionSequence s, int from, int to)
    {
        int low = Visible(s, from).Low, high = Visible(s, to - 1).High;        // both grow with the row
        return low < high ? (low / Page, (high + Page - 1) / Page) : (0, 0);
    }

    /// <summary>Operations of the two products q·k and weights·v over the pairs that causality and window leave; a profile asks.</summary>
    public readonly double Operations()
    {
        double pairs = 0;
        for (int b = 0; b < SequenceCount; b++)
        {
            for (int i = 0; i < Sequences[b].QueryCount; i++)
            {
                (int low, int high) = Visible(Sequences[b], i);
                pairs += high - low;
            }
        }

        return 2.0 * pairs * Heads * (HeadWidth + ValueWidth);
    }

    /// <summary>Values of queries, keys, values and results, each once.</summary>
    public readonly double Values()
    {
        double values = 0;
        for (int b = 0; b < SequenceCount; b++)
            values += ((double)Heads * Sequences[b].QueryCount + (double)KeyHeads * Sequences[b].KeyCount) * (HeadWidth + ValueWidth);
        return values;
    }

    /// <summary>Whether the block-sparse pattern leaves any pair of the rows [<paramref name="from"/>, <paramref name="to"/>) and the
    /// page.</summary>
    public readonly bool PatternSees(in AttentionSequence s, int head, int from, int to, int page)
    {
        if (BlockSize == 0) return true;
        bool* allowed = Allowed + (BlocksPerHead ? (long)head * QueryBlocks * KeyBlocks : 0);
        int last = (Math.Min((page + 1) * Page, s.KeyCount) - 1) / BlockSize;
        for (int row = BlockRow(s, from); row <= BlockRow(s, to - 1); row++)
            for (int column = page * Page / BlockSize; column <= last; column++)
                if (allowed[((long)row * KeyBlocks) + column]) return true;
        return false;
    }

    /// <summary>Makes the products q·k of row <paramref name="i"/> in a page its scores, but for the factor that is returned, which is
    /// above 0: biases are added, and what is hidden becomes −∞.</summary>
    /// <param name="score">[64], of which the lanes that hold [<paramref name="low"/>, <paramref name="high"/>) are set.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly float Adjust<L>(float* score, int sequence, int head, int i, int start, int low, int high) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Sequences[sequence];
        int left = AttentionRow.Left(low), right = AttentionRow.Right(high);
        float factor = Scale;
        if (IsBiased || !(factor > 0f))
        {
            AttentionRow.Scale<L>(score, left, right, factor);
            factor = 1f;
            if (RelativeRange > 0) AttentionRow.Add<L>(Relative + ((long)head * RelativeRange) + RelativeOffset + start - (s.QueryOffset + i), score, low, high);
            if (BiasLayout != DenseLayout.None) AttentionRow.Add<L>(Bias + s.BiasStart + DenseRow(BiasLayout, s, head, i) + start, score, low, high);
        }

        for (int j = left; j < low; j++) score[j] = float.NegativeInfinity;
        for (int j = high; j < right; j++) score[j] = float.NegativeInfinity;
        if (MaskLayout != DenseLayout.None)
        {
            bool* mask = Mask + s.MaskStart + DenseRow(MaskLayout, s, head, i) + start;
            for (int j = low; j < high; j++)
                if (!mask[j]) score[j] = float.NegativeInfinity;
        }

        if (BlockSize > 0)
        {
            bool* allowed = Allowed + (((BlocksPerHead ? (long)head * QueryBlocks : 0) + BlockRow(s, i)) * KeyBlocks);
            for (int j = low; j < high;)
            {
                int column = (start + j) / BlockSize;
                int end = (int)Math.Min(high, ((column + 1L) * BlockSize) - start);
                if (!allowed[column]) new Span<float>(score + j, end - j).Fill(float.NegativeInfinity);
                j = end;
            }
        }

        return factor;
    }

    // Queries that stand before the first or after the last block (padding) see what the nearest block sees.
    private readonly int BlockRow(in AttentionSequence s, int i) => Math.Clamp((s.QueryOffset + i) / BlockSize, 0, QueryBlocks - 1);

    /// <summary>Index of a row's first entry in the sequence's dense bias or mask.</summary>
    public static long DenseRow(DenseLayout layout, in AttentionSequence s, int head, int i) => layout switch
    {
        DenseLayout.Keys => 0,
        DenseLayout.Shared => (long)i * s.KeyCount,
        _ => (((long)head * s.QueryCount) + i) * s.KeyCount,
    };
}
