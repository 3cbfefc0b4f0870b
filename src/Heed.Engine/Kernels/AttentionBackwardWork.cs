using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>The backward pass of attention: one (sequence, key head) with all its query heads, which alone write its rows of the gradients.</summary>
/// <remarks>Dao, arXiv:2307.08691, algorithm 2, with the loop over queries outside: dV += Pᵀ·dO, dP = dO·Vᵀ, dS = P ⊙ (dP − Σ dO·O), dQ += dS·K, dK += dSᵀ·Q.</remarks>
internal unsafe struct AttentionBackwardWork : ILaneWork
{
    private const int Page = AttentionProblem.Page;
    private const int Block = AttentionProblem.Block;

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

    public readonly void Part<L>(int part) where L : struct, ILanes<L>
    {
        for (int pair = part * PerPart; pair < (part + 1) * PerPart; pair++) Pair<L>(pair / Problem.KeyHeads, pair % Problem.KeyHeads);
    }

    private readonly void Pair<L>(int sequence, int keyHead) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
        int width = Problem.HeadWidth, valueWidth = Problem.ValueWidth, headPad = Problem.HeadPad, valuePad = Problem.ValuePad;
        int pages = (int)(((long)s.KeyCount + Page - 1) / Page);
        long tokens = (long)pages * Page;
        long floats = (tokens * (width + valueWidth + (2 * headPad) + valuePad)) + ((long)Block * ((2 * headPad) + valuePad + (2 * Page) + 1));
        Memory m = default;
        float* scratch = AttentionScratch.Rent(floats);
        m.Keys = scratch;                                       // [pages][K][64]
        m.Values = m.Keys + (tokens * width);                   // [pages][V][64]
        m.KeyRows = m.Values + (tokens * valueWidth);           // [S][K padded]
        m.KeySum = m.KeyRows + (tokens * headPad);              // dK
        m.ValueSum = m.KeySum + (tokens * headPad);             // dV
        m.Query = m.ValueSum + (tokens * valuePad);             // a block's [64][K padded]
        m.QuerySum = m.Query + (Block * headPad);               // dQ
        m.Rows = m.QuerySum + (Block * headPad);                // dO
        m.Weights = m.Rows + (Block * valuePad);                // P
        m.Slopes = m.Weights + (Block * Page);                  // dP, then dS
        m.Delta = m.Slopes + (Block * Page);

        float* keys = Problem.Key + (s.KeyStart * Problem.KeyStride) + ((long)keyHead * width);
        float* values = Problem.Value + (s.KeyStart * Problem.ValueStride) + ((long)keyHead * valueWidth);
        for (int p = 0; p < pages; p++)
        {
            int rows = Math.Min(Page, s.KeyCount - (p * Page));
            PackTransposed(keys + (p * Page * Problem.KeyStride), Problem.KeyStride, rows, width, m.Keys + ((long)p * width * Page));
            PackTransposed(values + (p * Page * Problem.ValueStride), Problem.ValueStride, rows, valueWidth, m.Values + ((long)p * valueWidth * Page));
        }

        AttentionPages.PackRows(keys, Problem.KeyStride, s.KeyCount, width, 1f, m.KeyRows);
        Clear(m.KeySum, tokens * headPad);
        Clear(m.ValueSum, tokens * valuePad);
        for (int head = keyHead * Problem.Group; head < (keyHead + 1) * Problem.Group; head++)
        {
            if (RelativeParts != null) Clear(RelativeParts + ((((long)sequence * Problem.Heads) + head) * Problem.RelativeRange), Problem.RelativeRange);
            for (int from = 0; from < s.QueryCount; from += Block) Rows<L>(m, sequence, head, from, Math.Min(Block, s.QueryCount - from));
        }

        for (int j = 0; j < s.KeyCount; j++)
        {
            Scaled<L>(m.KeySum + ((long)j * headPad), KeyGradient + ((s.KeyStart + j) * KeyStride) + ((long)keyHead * width));
            new ReadOnlySpan<float>(m.ValueSum + ((long)j * valuePad), valueWidth).CopyTo(new Span<float>(ValueGradient + ((s.KeyStart + j) * ValueStride) + ((long)keyHead * valueWidth), valueWidth));
        }

        AttentionScratch.Return(scratch, floats);
    }

    /// <summary>A block of one head's queries against all pages they see.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Rows<L>(in Memory m, int sequence, int head, int from, int rows) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
        int width = Problem.HeadWidth, valueWidth = Problem.ValueWidth, headPad = Problem.HeadPad, valuePad = Problem.ValuePad;
        long firstRow = s.QueryStart + from;
        nint outputStride = (nint)Problem.Heads * valueWidth;
        float* dz = OutputGradient + (firstRow * outputStride) + ((long)head * valueWidth), z = Output + (firstRow * outputStride) + ((long)head * valueWidth);
        AttentionPages.PackRows(Problem.Query + ((nint)firstRow * Problem.QueryStride) + ((long)head * width), Problem.QueryStride, rows, width, 1f, m.Query);
        AttentionPages.PackRows(dz, outputStride, rows, valueWidth, 1f, m.Rows);
        for (int r = 0; r < rows; r++) m.Delta[r] = Fold.Dot<L>(dz + (r * outputStride), z + (r * outputStride), valueWidth);
        Clear(m.QuerySum, (long)rows * headPad);

        (int first, int end) = Problem.PagesOf(s, from, from + rows);
        for (int p = first; p < end; p++)
        {
            if (!Problem.PatternSees(s, head, from, from + rows, p)) continue;
            int start = p * Page;
            (int low, int high) = AttentionKernel.Union(Problem, s, from, rows, start);
            int left = low & ~15, columns = ((high + 15) & ~15) - left;
            AttentionTile.Multiply<L>(m.Query, headPad, 1, m.Keys + ((long)p * width * Page) + left, Page, m.Weights + left, Page, rows, columns, width, false);
            AttentionTile.Multiply<L>(m.Rows, valuePad, 1, m.Values + ((long)p * valueWidth * Page) + left, Page, m.Slopes + left, Page, rows, columns, valueWidth, false);
            for (int r = 0; r < rows; r++) Weigh<L>(m, sequence, head, from + r, r, start);

            AttentionTile.Multiply<L>(m.Weights + low, 1, Page, m.Rows, valuePad, m.ValueSum + ((long)(start + low) * valuePad), valuePad, high - low, valuePad, rows, true);
            AttentionTile.Multiply<L>(m.Slopes + low, 1, Page, m.Query, headPad, m.KeySum + ((long)(start + low) * headPad), headPad, high - low, headPad, rows, true);
            AttentionTile.Multiply<L>(m.Slopes + low, Page, 1, m.KeyRows + ((long)(start + low) * headPad), headPad, m.QuerySum, headPad, rows, headPad, high - low, true);
        }

        for (int r = 0; r < rows; r++) Scaled<L>(m.QuerySum + ((long)r * headPad), QueryGradient + ((nint)(firstRow + r) * QueryStride) + ((long)head * width));
    }

    private readonly void Scaled<L>(float* sum, float* to) where L : struct, ILanes<L>
    {
        L scale = L.Broadcast(Problem.Scale);
        int d = 0;
        for (; d <= Problem.HeadWidth - Lanes.Count; d += Lanes.Count) L.Store(L.Load(sum + d) * scale, to + d);
        if (d < Problem.HeadWidth) L.StorePart(L.Load(sum + d) * scale, to + d, Problem.HeadWidth - d);
    }

    /// <summary>A row's scores become its weights P and its products dP become the slopes of the scores, dS; both 0 where hidden.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Weigh<L>(in Memory m, int sequence, int head, int i, int r, int start) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
        float* weights = m.Weights + (r * Page), slopes = m.Slopes + (r * Page);
        (int low, int high) = Problem.VisibleInPage(s, i, start);
        float lse = LogSumExp[((long)(s.QueryStart + i) * Problem.Heads) + head];
        if (low == high || float.IsNegativeInfinity(lse))
        {
            new Span<float>(weights, Page).Clear();
            new Span<float>(slopes, Page).Clear();
            return;
        }

        AttentionKernel.Scale<L>(weights, Problem.Scale);
        if (Problem.Adjusts || high - low < Page) Problem.Adjust(weights, sequence, head, i, start, low, high);
        L most = L.Broadcast(lse);
        for (int j = 0; j < Page; j += Lanes.Count) L.Store(MathFunctions.Exp(L.Load(weights + j) - most), weights + j);
        new Span<float>(slopes, low).Clear();                   // never computed: whatever lay there times 0 might be a NaN
        new Span<float>(slopes + high, Page - high).Clear();
        if (Problem.Dropout > 0f)
        {
            float* kept = stackalloc float[Page];
            new Span<float>(kept, Page).Fill(1f);
            AttentionKernel.Drop(Problem, s, kept, head, i, start);
            for (int j = 0; j < Page; j += Lanes.Count)
            {
                L p = L.Load(weights + j), keep = L.Load(kept + j);
                L.Store(p * ((L.Load(slopes + j) * keep) - L.Broadcast(m.Delta[r])), slopes + j);
                L.Store(p * keep, weights + j);
            }
        }
        else
        {
            L delta = L.Broadcast(m.Delta[r]);
            for (int j = 0; j < Page; j += Lanes.Count) L.Store(L.Load(weights + j) * (L.Load(slopes + j) - delta), slopes + j);
        }

        if (RelativeParts != null)
        {
            float* to = RelativeParts + ((((long)sequence * Problem.Heads) + head) * Problem.RelativeRange) + Problem.RelativeOffset + start - (s.QueryOffset + i);
            Add<L>(slopes, to, low, high);
        }

        if (BiasGradient != null) Add<L>(slopes, BiasGradient + s.BiasStart + AttentionProblem.DenseRow(Problem.BiasLayout, s, head, i) + start, low, high);
    }

    private static void Add<L>(float* from, float* to, int low, int high) where L : struct, ILanes<L>
    {
        int j = low;
        for (; j <= high - Lanes.Count; j += Lanes.Count) L.Store(L.Load(to + j) + L.Load(from + j), to + j);
        if (j < high) L.StorePart(L.LoadPart(to + j, high - j, 0f) + L.LoadPart(from + j, high - j, 0f), to + j, high - j);
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
    }
}
