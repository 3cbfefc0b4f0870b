using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

internal static unsafe partial class AttentionKernel
{
    private const int Page = AttentionProblem.Page;

    /// <summary>One (block of queries, head): all pages it sees, in order.</summary>
    private struct ForwardWork : ILaneWork
    {
        public AttentionProblem Problem;
        public AttentionPlan Plan;
        public float* Output;
        public float* LogSumExp;
        public int Parts;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            part = Parts - 1 - part;                                        // under causality the last blocks take longest: they go first
            int head = part % Problem.Heads, block = part / Problem.Heads;
            int sequence = Plan.SequenceOf(Plan.FirstBlock, block);
            ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
            int from = (block - Plan.FirstBlock[sequence]) * AttentionProblem.Block, rows = Math.Min(AttentionProblem.Block, s.QueryCount - from);
            int headPad = Problem.HeadPad, valuePad = Problem.ValuePad;

            long floats = ((long)rows * (headPad + Page + valuePad)) + (2 * AttentionProblem.Block);
            float* q = AttentionScratch.Rent(floats), scores = q + ((long)rows * headPad), z = scores + (rows * Page), max = z + ((long)rows * valuePad), sum = max + AttentionProblem.Block;
            AttentionPages.PackRows(Problem.Query + ((s.QueryStart + from) * Problem.QueryStride) + ((long)head * Problem.HeadWidth), Problem.QueryStride, rows, Problem.HeadWidth, 1f, q);
            new Span<float>(z, rows * valuePad).Clear();
            new Span<float>(max, rows).Fill(float.NegativeInfinity);
            new Span<float>(sum, rows).Clear();

            (int first, int end) = Problem.PagesOf(s, from, from + rows);
            for (int p = first; p < end; p++)
            {
                if (!Problem.PatternSees(s, head, from, from + rows, p)) continue;
                float* page = Plan.Pages[Plan.FirstPage[sequence] + p];
                int start = p * Page, keyHead = head / Problem.Group;
                (int low, int high) = Union(Problem, s, from, rows, start);
                int left = low & ~15, columns = ((high + 15) & ~15) - left;
                AttentionTile.Multiply<L>(q, headPad, 1, AttentionPages.Keys(page, keyHead, Problem.HeadWidth) + left, Page, scores + left, Page, rows, columns, Problem.HeadWidth, false);
                bool any = false;
                for (int r = 0; r < rows; r++) any |= Weigh<L>(scores + (r * Page), z + ((long)r * valuePad), max + r, sum + r, sequence, head, from + r, start);
                if (!any) continue;
                float* values = AttentionPages.Values(page, Problem.KeyHeads, keyHead, Problem.HeadWidth, Problem.ValueWidth) + ((long)low * valuePad);
                AttentionTile.Multiply<L>(scores + low, Page, 1, values, valuePad, z, valuePad, rows, valuePad, high - low, true);
            }

            for (int r = 0; r < rows; r++)
            {
                long row = s.QueryStart + from + r;
                Finish<L>(z + ((long)r * valuePad), sum[r], Output + (((row * Problem.Heads) + head) * Problem.ValueWidth), Problem.ValueWidth);
                if (LogSumExp != null) LogSumExp[(row * Problem.Heads) + head] = max[r] + L.First(MathFunctions.Log(L.Broadcast(sum[r])));
            }

            AttentionScratch.Return(q, floats);
        }

        /// <summary>A row's scores of a page become weights e^(score − maximum); its sum and what it gathered so far follow a new maximum. False where it sees nothing.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly bool Weigh<L>(float* score, float* z, float* max, float* sum, int sequence, int head, int i, int start) where L : struct, ILanes<L>
        {
            ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
            (int low, int high) = Problem.VisibleInPage(s, i, start);
            if (low == high)
            {
                new Span<float>(score, Page).Clear();
                return false;
            }

            Scale<L>(score, Problem.Scale);
            if (Problem.Adjusts || high - low < Page) Problem.Adjust(score, sequence, head, i, start, low, high);
            L a = L.Load(score), b = L.Load(score + 16), c = L.Load(score + 32), d = L.Load(score + 48);
            float most = L.MaxAcross(L.Max(L.Max(a, b), L.Max(c, d))), before = *max;
            if (float.IsNegativeInfinity(most) && !float.IsNaN(L.Sum((a + b) + (c + d))))
            {
                new Span<float>(score, Page).Clear();
                return false;
            }

            if (!(most <= before))
            {
                L factor = MathFunctions.Exp(L.Broadcast(before - most));
                for (int v = 0; v < Problem.ValuePad; v += Lanes.Count) L.Store(L.Load(z + v) * factor, z + v);
                *sum *= L.First(factor);
                *max = most;
            }

            L m = L.Broadcast(*max);
            L total = L.Zero;
            for (float* at = score; at < score + Page; at += 2 * Lanes.Count)
            {
                a = MathFunctions.Exp(L.Load(at) - m);
                b = MathFunctions.Exp(L.Load(at + Lanes.Count) - m);
                L.Store(a, at);
                L.Store(b, at + Lanes.Count);
                total += a + b;
            }

            *sum += L.Sum(total);
            if (Problem.Dropout > 0f) Drop(Problem, s, score, head, i, start);
            return true;
        }

        // The sum with +0 makes −0 into +0: what a hidden key adds to a zero has no sign then.
        private static void Finish<L>(float* z, float sum, float* to, int width) where L : struct, ILanes<L>
        {
            L total = L.Broadcast(sum == 0f ? 1f : sum);
            int v = 0;
            for (; v <= width - Lanes.Count; v += Lanes.Count) L.Store((L.Load(z + v) / total) + L.Zero, to + v);
            if (v < width) L.StorePart((L.Load(z + v) / total) + L.Zero, to + v, width - v);
        }
    }

    /// <summary>Multiplies a row's products of a page: after the sum, where it costs one rounding.</summary>
    internal static void Scale<L>(float* score, float factor) where L : struct, ILanes<L>
    {
        L scale = L.Broadcast(factor);
        for (int j = 0; j < Page; j += Lanes.Count) L.Store(L.Load(score + j) * scale, score + j);
    }

    /// <summary>The keys [Low, High) of a page that some of the rows sees, as far as causality and window say.</summary>
    internal static (int Low, int High) Union(in AttentionProblem problem, in AttentionSequence s, int from, int rows, int start)
    {
        int low = Page, high = 0;
        for (int r = 0; r < rows; r++)
        {
            (int l, int h) = problem.VisibleInPage(s, from + r, start);
            if (l == h) continue;
            low = Math.Min(low, l);
            high = Math.Max(high, h);
        }

        return low < high ? (low, high) : (0, 0);
    }

    /// <summary>Zeroes the dropped weights of a row in a page and divides the others by 1 − p. The decision follows from sequence, head, row and key alone.</summary>
    internal static void Drop(in AttentionProblem problem, in AttentionSequence s, float* weights, int head, int i, int start)
    {
        CounterRandom random = new(problem.Seed, s.DropoutStream);
        ulong first = DropIndex(head, i, start) >> 2;
        uint threshold = DropThreshold(problem.Dropout);
        float factor = 1f / (1f - problem.Dropout);
        for (int j = 0; j < Page; j += 4)
        {
            (uint a, uint b, uint c, uint d) = random.Block(first + (ulong)(j >> 2));
            weights[j] = a >= threshold ? weights[j] * factor : 0f;
            weights[j + 1] = b >= threshold ? weights[j + 1] * factor : 0f;
            weights[j + 2] = c >= threshold ? weights[j + 2] * factor : 0f;
            weights[j + 3] = d >= threshold ? weights[j + 3] * factor : 0f;
        }
    }

    // 2²⁶ keys, 2²⁴ rows and 2¹⁴ heads have numbers of their own.
    private static ulong DropIndex(int head, int i, int j) => ((ulong)head << 50) | ((ulong)i << 26) | (uint)j;

    private static uint DropThreshold(float probability) => (uint)(probability * 4294967296.0);
}
