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

        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            part = Parts - 1 - part;                                        // under causality the last blocks take longest: they go first
            int head = part % Problem.Heads, block = part / Problem.Heads;
            int sequence = Plan.SequenceOf(Plan.FirstBlock, block);
            ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
            int from = (block - Plan.FirstBlock[sequence]) * AttentionProblem.Block, rows = Math.Min(AttentionProblem.Block, s.QueryCount - from);
            int headPad = Problem.HeadPad, valuePad = Problem.ValuePad;
            long outputStride = (long)Problem.Heads * Problem.ValueWidth;

            long floats = ((long)rows * (headPad + Page + valuePad)) + (2 * AttentionProblem.Block);
            float* q = AttentionScratch.Rent(floats), scores = q + ((long)rows * headPad), z = scores + (rows * Page), max = z + ((long)rows * valuePad), sum = max + AttentionProblem.Block;
            AttentionPages.PackRows(Problem.Query + ((s.QueryStart + from) * Problem.QueryStride) + ((long)head * Problem.HeadWidth), Problem.QueryStride, rows, Problem.HeadWidth, q);
            new Span<float>(z, rows * valuePad).Clear();
            new Span<float>(max, rows).Fill(float.NegativeInfinity);
            new Span<float>(sum, rows).Clear();

            (int first, int end) = Problem.PagesOf(s, from, from + rows);
            for (int p = first; p < end; p++)
            {
                if (!Problem.PatternSees(s, head, from, from + rows, p)) continue;
                int start = p * Page, keyHead = head / Problem.Group;
                float* page = Plan.Pages[Plan.FirstPage[sequence] + p], keys = AttentionPages.Keys(page, keyHead, Problem.HeadWidth);
                float* values = AttentionPages.Values(page, Problem.KeyHeads, keyHead, Problem.HeadWidth, Problem.ValueWidth);
                bool finite = !float.IsNaN(*AttentionPages.Stain(page, Problem.KeyHeads, keyHead, Problem.HeadWidth, Problem.ValueWidth));
                // A page that causality or the window cut is worked through a few rows at a time, each with the keys it sees.
                int step = Problem.SeeWhole(s, from, rows, start) ? rows : AttentionTile.Rows;
                for (int r = 0; r < rows; r += step)
                {
                    int count = Math.Min(step, rows - r);
                    (int low, int high) = Problem.SeenInPage(s, from + r, count, start);
                    if (low == high) continue;
                    int left = AttentionRow.Left(low), columns = AttentionRow.Right(high) - left;
                    AttentionTile.Multiply<L>(q + ((long)r * headPad), headPad, 1, keys + left, Page, scores + (r * Page) + left, Page, count, columns, Problem.HeadWidth, false);
                    bool any = false;
                    for (int i = r; i < r + count; i++) any |= Weigh<L>(scores + (i * Page), z + ((long)i * valuePad), max + i, sum + i, sequence, head, from + i, start);
                    if (!any) continue;
                    float* weights = scores + (r * Page) + low, to = z + ((long)r * valuePad), rowsOfValues = values + ((long)low * valuePad);
                    if (finite) AttentionTile.Multiply<L>(weights, Page, 1, rowsOfValues, valuePad, to, valuePad, count, valuePad, high - low, true);
                    else AttentionTile.AddNonzero<L>(weights, Page, 1, rowsOfValues, valuePad, to, valuePad, count, valuePad, high - low);
                }
            }

            for (int r = 0; r < rows; r++) Finish<L>(z + ((long)r * valuePad), sum[r], Output + (((s.QueryStart + from + r) * outputStride) + ((long)head * Problem.ValueWidth)), Problem.ValueWidth);
            if (LogSumExp != null)
            {
                AttentionRow.Log<L>(sum, rows);
                for (int r = 0; r < rows; r++) LogSumExp[((long)(s.QueryStart + from + r) * Problem.Heads) + head] = max[r] + sum[r];
            }

            AttentionScratch.Return(q, floats);
        }

        /// <summary>A row's products of a page become weights e^(score − maximum), 0 where hidden; its sum and what it gathered so far follow a new maximum. False where it sees nothing.</summary>
        private readonly bool Weigh<L>(float* score, float* z, float* max, float* sum, int sequence, int head, int i, int start) where L : struct, ILanes<L>
        {
            ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
            (int low, int high) = Problem.SeenInPage(s, i, 1, start);
            if (low == high)
            {
                new Span<float>(score, Page).Clear();
                return false;
            }

            int left = AttentionRow.Left(low), right = AttentionRow.Right(high);
            float factor = Problem.Plain && high - low == Page ? Problem.Scale : Problem.Adjust<L>(score, sequence, head, i, start, low, high);
            float top = AttentionRow.Greatest<L>(score, left, right) * factor, before = *max;       // the factor is above 0: the greatest product is the greatest score
            if (float.IsNegativeInfinity(top) && !AttentionRow.HasNaN<L>(score, left, right))
            {
                new Span<float>(score, Page).Clear();
                return false;
            }

            if (!(top <= before))
            {
                float change = AttentionRow.Exp<L>(before - top);
                AttentionRow.Scale<L>(z, 0, Problem.ValuePad, change);
                *sum *= change;
                *max = top;
            }

            *sum += AttentionRow.Weights<L>(score, left, right, factor, *max);
            AttentionRow.ClearOutside<L>(score, left, right);
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
