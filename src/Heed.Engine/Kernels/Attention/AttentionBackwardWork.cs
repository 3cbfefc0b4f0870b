using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>The backward pass of attention: one (sequence, key head) with all its query heads, which alone write its rows of the
/// gradients.</summary>
/// <remarks>Dao, arXiv:2307.08691, algorithm 2, with a group of pages held in the cache while a head's queries go by: dV += Pᵀ·dO, dP =
/// dO·Vᵀ, dS = P ⊙ (dP − Σ dO·O), dQ += dS·K, dK += dSᵀ·Q.</remarks>
internal unsafe struct AttentionBackwardWork : ILaneWork
{
    private const int Page = AttentionProblem.Page;
    private const int Block = AttentionProblem.Block;
    private const int Held = 4;                                 // pages that stay in the second-level cache, with their sums

    public AttentionProblem Problem;
    public float* Output;
    public float* LogSumExp;
    public float* OutputGradient;
    public float* QueryGradient;
    public nint QueryStride;
    public float* KeyGradient;
    public nint KeyStride;
    public float* ValueGradient;
    public nint ValueStride;
    public float* RelativeParts;    // [B, H, range] or null
    public float* BiasGradient;     // or null
    public int PerPart;             // pairs of (sequence, key head) a part

    public readonly WorkCost Cost => new(
            $"attention gradient, {Problem.SequenceCount} texts, {Problem.Heads} heads", 2 * Problem.Operations(),
            2.0 * sizeof(float) * Problem.Values());

    public readonly void Part<L>(int part) where L : struct, ILanes<L>
    {
        for (int pair = part * PerPart; pair < (part + 1) * PerPart; pair++) Pair<L>(pair / Problem.KeyHeads, pair % Problem.KeyHeads);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Pair<L>(int sequence, int keyHead) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
        int width = Problem.HeadWidth, valueWidth = Problem.ValueWidth, headPad = Problem.HeadPad, valuePad = Problem.ValuePad;
        int pages = (int)(((long)s.KeyCount + Page - 1) / Page);
        long tokens = (long)pages * Page;
        long queries = (s.QueryCount + Lanes.Count - 1L) & ~(Lanes.Count - 1L);     // so that all that follows lies on whole lanes
        long floats = (tokens * (width + valueWidth + (2 * headPad) + valuePad)) + (queries * ((2 * headPad) + valuePad + 1)) + (2L * Block * Page) + Page;
        Memory m = default;
        float* scratch = ComputeContext.Current.Scratch.Rent(floats);
        m.Keys = scratch;                                       // [pages][K][64]
        m.Values = m.Keys + (tokens * width);                   // [pages][V][64]
        m.KeyRows = m.Values + (tokens * valueWidth);           // [S][K padded]
        m.KeySum = m.KeyRows + (tokens * headPad);              // dK
        m.ValueSum = m.KeySum + (tokens * headPad);             // dV
        m.Query = m.ValueSum + (tokens * valuePad);             // a head's [T][K padded]
        m.QuerySum = m.Query + (queries * headPad);             // dQ
        m.Rows = m.QuerySum + (queries * headPad);              // dO
        m.Delta = m.Rows + (queries * valuePad);                // Σ dO·O
        m.Weights = m.Delta + queries;                          // P of a block and a page
        m.Slopes = m.Weights + (Block * Page);                  // dP, then dS
        m.Kept = m.Slopes + (Block * Page);                     // 1/(1 − p) or 0, of a row

        float* keys = Problem.Key + (s.KeyStart * Problem.KeyStride) + ((long)keyHead * width);
        float* values = Problem.Value + (s.KeyStart * Problem.ValueStride) + ((long)keyHead * valueWidth);
        for (int p = 0; p < pages; p++)
        {
            int rows = Math.Min(Page, s.KeyCount - (p * Page));
            PackTransposed(keys + (p * Page * Problem.KeyStride), Problem.KeyStride, rows, width, m.Keys + ((long)p * width * Page));
            PackTransposed(values + (p * Page * Problem.ValueStride), Problem.ValueStride, rows, valueWidth, m.Values + ((long)p * valueWidth * Page));
        }

        m.KeyStain = AttentionPages.PackRows(keys, Problem.KeyStride, s.KeyCount, width, m.KeyRows);
        Clear(m.KeySum, tokens * headPad);
        Clear(m.ValueSum, tokens * valuePad);
        for (int head = keyHead * Problem.Group; head < (keyHead + 1) * Problem.Group; head++)
        {
            if (RelativeParts != null) Clear(RelativeParts + ((((long)sequence * Problem.Heads) + head) * Problem.RelativeRange), Problem.RelativeRange);
            Begin<L>(ref m, s, head);
            for (int p = 0; p < pages; p += Held)
                for (int from = 0; from < s.QueryCount; from += Block) Rows<L>(m, sequence, head, from, Math.Min(Block, s.QueryCount - from), p, p + Held);
            for (int i = 0; i < s.QueryCount; i++) Scaled<L>(m.QuerySum + ((long)i * headPad), QueryGradient + ((s.QueryStart + i) * QueryStride) + ((long)head * width));
        }

        for (int j = 0; j < s.KeyCount; j++)
        {
            Scaled<L>(m.KeySum + ((long)j * headPad), KeyGradient + ((s.KeyStart + j) * KeyStride) + ((long)keyHead * width));
            new ReadOnlySpan<float>(m.ValueSum + ((long)j * valuePad), valueWidth).CopyTo(new Span<float>(ValueGradient + ((s.KeyStart + j) * ValueStride) + ((long)keyHead * valueWidth), valueWidth));
        }

        ComputeContext.Current.Scratch.Return(scratch, floats);
    }

    /// <summary>Brings a head's queries and the gradient of its output together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Begin<L>(ref Memory m, in AttentionSequence s, int head) where L : struct, ILanes<L>
    {
        int width = Problem.HeadWidth, valueWidth = Problem.ValueWidth;
        nint outputStride = (nint)Problem.Heads * valueWidth, first = (s.QueryStart * outputStride) + ((nint)head * valueWidth);
        m.RowStain = AttentionPages.PackRows(Problem.Query + (s.QueryStart * Problem.QueryStride) + ((long)head * width), Problem.QueryStride, s.QueryCount, width, m.Query);
        m.RowStain += AttentionPages.PackRows(OutputGradient + first, outputStride, s.QueryCount, valueWidth, m.Rows);
        for (int i = 0; i < s.QueryCount; i++) m.Delta[i] = Fold.Dot<L>(OutputGradient + first + (i * outputStride), Output + first + (i * outputStride), valueWidth);
        Clear(m.QuerySum, (long)s.QueryCount * Problem.HeadPad);
    }

    /// <summary>A block of one head's queries against those of the pages [<paramref name="firstPage"/>, <paramref name="endPage"/>) that
    /// they see.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Rows<L>(in Memory m, int sequence, int head, int from, int rows, int firstPage, int endPage) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
        int width = Problem.HeadWidth, valueWidth = Problem.ValueWidth, headPad = Problem.HeadPad, valuePad = Problem.ValuePad;
        float* query = m.Query + ((long)from * headPad), querySum = m.QuerySum + ((long)from * headPad), dz = m.Rows + ((long)from * valuePad);
        (int first, int end) = Problem.PagesOf(s, from, from + rows);
        (first, end) = (Math.Max(first, firstPage), Math.Min(end, endPage));
        for (int p = first; p < end; p++)
        {
            if (!Problem.PatternSees(s, head, from, from + rows, p)) continue;
            int start = p * Page;
            float* keys = m.Keys + ((long)p * width * Page), values = m.Values + ((long)p * valueWidth * Page);
            // A page that causality or the window cut is worked through a few rows, then a few keys at a time, each with those it sees or
            // is seen by.
            bool whole = Problem.SeeWhole(s, from, rows, start);
            int step = whole ? rows : AttentionTile.Rows;
            for (int r = 0; r < rows; r += step)
            {
                int count = Math.Min(step, rows - r);
                (int low, int high) = Problem.SeenInPage(s, from + r, count, start);
                int left = AttentionRow.Left(low), columns = AttentionRow.Right(high) - left, at = (r * Page) + left;
                AttentionTile.Multiply<L>(query + ((long)r * headPad), headPad, 1, keys + left, Page, m.Weights + at, Page, count, columns, width, false);
                AttentionTile.Multiply<L>(dz + ((long)r * valuePad), valuePad, 1, values + left, Page, m.Slopes + at, Page, count, columns, valueWidth, false);
                for (int i = r; i < r + count; i++) Weigh<L>(m, sequence, head, from + i, i, start);
                AddSeen<L>(m.KeyStain, m.Slopes + (r * Page) + low, Page, 1, m.KeyRows + ((long)(start + low) * headPad), querySum + ((long)r * headPad), headPad, count, high - low);
            }

            (int lowest, int highest) = Problem.SeenInPage(s, from, rows, start);
            step = whole ? Page : AttentionTile.Rows;
            int begin = 0, stop = whole ? rows : 0;                 // the rows that see the keys at hand
            for (int j = lowest; j < highest; j += step)
            {
                int count = Math.Min(step, highest - j);
                Problem.MoveToRowsThatSee(s, from, rows, start + j, start + j + count, ref begin, ref stop);
                int r = begin, depth = stop - r;
                AddSeen<L>(m.RowStain, m.Weights + (r * Page) + j, 1, Page, dz + ((long)r * valuePad), m.ValueSum + ((long)(start + j) * valuePad), valuePad, count, depth);
                AddSeen<L>(m.RowStain, m.Slopes + (r * Page) + j, 1, Page, query + ((long)r * headPad), m.KeySum + ((long)(start + j) * headPad), headPad, count, depth);
            }
        }
    }

    private readonly void Scaled<L>(float* sum, float* to) where L : struct, ILanes<L>
    {
        L scale = L.Broadcast(Problem.Scale);
        int d = 0;
        for (; d <= Problem.HeadWidth - Lanes.Count; d += Lanes.Count) L.Store(L.Load(sum + d) * scale, to + d);
        if (d < Problem.HeadWidth) L.StorePart(L.Load(sum + d) * scale, to + d, Problem.HeadWidth - d);
    }

    /// <summary>sum += A·B, whose columns are <paramref name="pad"/>; where B is not finite, without what A hides.</summary>
    private static void AddSeen<L>(float flag, float* a, nint aRow, nint aDepth, float* b, float* sum, int pad, int rows, int depth) where L : struct, ILanes<L>
    {
        if (float.IsNaN(flag)) AttentionTile.AddNonzero<L>(a, aRow, aDepth, b, pad, sum, pad, rows, pad, depth);
        else AttentionTile.Multiply<L>(a, aRow, aDepth, b, pad, sum, pad, rows, pad, depth, true);
    }

    /// <summary>A row's products become its weights P and its products dP become the slopes of the scores, dS; both 0 where
    /// hidden.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Weigh<L>(in Memory m, int sequence, int head, int i, int r, int start) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
        float* weights = m.Weights + (r * Page), slopes = m.Slopes + (r * Page);
        (int low, int high) = Problem.SeenInPage(s, i, 1, start);
        float lse = LogSumExp[((long)(s.QueryStart + i) * Problem.Heads) + head];
        if (low == high || float.IsNegativeInfinity(lse))
        {
            new Span<float>(weights, Page).Clear();
            new Span<float>(slopes, Page).Clear();
            return;
        }

        int left = AttentionRow.Left(low), right = AttentionRow.Right(high);
        bool hides = !Problem.Plain || high - low < Page;
        float factor = hides ? Problem.Adjust<L>(weights, sequence, head, i, start, low, high) : Problem.Scale;
        if (Problem.Dropout > 0f)
        {
            new Span<float>(m.Kept, Page).Fill(1f);
            AttentionKernel.Drop(Problem, s, m.Kept, head, i, start);
            AttentionRow.Multiply<L>(slopes, m.Kept, left, right);
        }

        if (hides) AttentionRow.SlopesOfSeen<L>(weights, slopes, left, right, factor, lse, m.Delta[i]);
        else AttentionRow.Slopes<L>(weights, slopes, left, right, factor, lse, m.Delta[i]);
        if (Problem.Dropout > 0f) AttentionRow.Multiply<L>(weights, m.Kept, left, right);
        AttentionRow.ClearOutside<L>(weights, left, right);
        AttentionRow.ClearOutside<L>(slopes, left, right);
        if (RelativeParts != null)
        {
            float* to = RelativeParts + ((((long)sequence * Problem.Heads) + head) * Problem.RelativeRange) + Problem.RelativeOffset + start - (s.QueryOffset + i);
            AttentionRow.Add<L>(slopes, to, low, high);
        }

        if (BiasGradient != null) AttentionRow.Add<L>(slopes, BiasGradient + s.BiasStart + AttentionProblem.DenseRow(Problem.BiasLayout, s, head, i) + start, low, high);
    }

    private static void PackTransposed(float* from, nint stride, int rows, int width, float* columns)
    {
        AttentionPages.PackKeys(from, stride, rows, width, columns);
        AttentionPages.ClearTail(columns, rows, width);
    }

    private static void Clear(float* at, long count)
    {
        for (long i = 0; i < count; i += 1 << 30) new Span<float>(at + i, (int)Math.Min(1 << 30, count - i)).Clear();
    }

    /// <summary>A part's working memory.</summary>
    private struct Memory
    {
        public float* Keys;
        public float* Values;
        public float* KeyRows;
        public float* KeySum;
        public float* ValueSum;
        public float* Query;
        public float* QuerySum;
        public float* Rows;
        public float* Weights;
        public float* Slopes;
        public float* Delta;
        public float* Kept;
        public float KeyStain;      // of all keys
        public float RowStain;      // of a head's queries and output gradients
    }
}
