using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class AttentionKernel
{
    private const int Page = AttentionProblem.Page;
    private const int Block = AttentionProblem.Block;

    /// <summary>One (stripe of queries, head): all pages it sees, in order. Over keys and values that are still to be packed: one
    /// (sequence, key head) with all its stripes.</summary>
    private struct ForwardWork : ILaneWork
    {
        public AttentionProblem Problem;
        public AttentionPlan Plan;
        public bool Packs;
        public float* Output;
        public float* LogSumExp;

        public readonly WorkCost Cost => new(
            $"attention, {Problem.SequenceCount} texts, {Problem.Heads} heads", Problem.Operations(), sizeof(float) * Problem.Values());

        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            if (Packs)
            {
                Pair<L>(part / Problem.KeyHeads, part % Problem.KeyHeads);
                return;
            }

            // Head by head, so that neighbours read the same pages; under causality a head's last stripes take longest and go first.
            int head = part / Plan.StripeCount, stripe = Plan.StripeCount - 1 - (part % Plan.StripeCount), sequence = Plan.SequenceOf(Plan.FirstStripe, stripe);
            Stripe<L>(sequence, head, (stripe - Plan.FirstStripe[sequence]) * AttentionProblem.Stripe, Plan.Pages + Plan.FirstPage[sequence], Problem.KeyHeads, head / Problem.Group);
        }

        // The pages of one key head, packed into memory that stays in the thread's cache.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Pair<L>(int sequence, int keyHead) where L : struct, ILanes<L>
        {
            ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
            long pages = ((long)s.KeyCount + Page - 1) / Page, pageFloats = AttentionProblem.PageFloats(1, Problem.HeadWidth, Problem.ValueWidth), floats = pages * (pageFloats + 2);
            float* memory = ComputeContext.Current.Scratch.Rent(floats);
            float** table = (float**)(memory + (pages * pageFloats));
            for (int p = 0; p < pages; p++)
            {
                table[p] = memory + (p * pageFloats);
                PackPage(Problem, s, p, keyHead, table[p], 1, 0);
            }

            for (int head = keyHead * Problem.Group; head < (keyHead + 1) * Problem.Group; head++)
                for (int from = 0; from < s.QueryCount; from += AttentionProblem.Stripe) Stripe<L>(sequence, head, from, table, 1, 0);
            ComputeContext.Current.Scratch.Return(memory, floats);
        }

        /// <summary>Up to 256 rows of a head from <paramref name="from"/> on: a page is fetched once for all of them.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Stripe<L>(int sequence, int head, int from, float** pages, int keyHeads, int keyHead) where L : struct, ILanes<L>
        {
            ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
            int rows = Math.Min(AttentionProblem.Stripe, s.QueryCount - from), width = Problem.HeadWidth, valueWidth = Problem.ValueWidth;
            long outputStride = (long)Problem.Heads * valueWidth, floats = ((long)rows * (Problem.HeadPad + Problem.ValuePad)) + (Block * Page) + (2 * AttentionProblem.Stripe);
            float* memory = ComputeContext.Current.Scratch.Rent(floats);
            Rows m = new() { Query = memory, Output = memory + ((long)rows * Problem.HeadPad) };
            m.Scores = m.Output + ((long)rows * Problem.ValuePad);
            m.Max = m.Scores + (Block * Page);
            m.Sum = m.Max + AttentionProblem.Stripe;
            AttentionPages.PackRows(Problem.Query + ((s.QueryStart + from) * Problem.QueryStride) + ((long)head * width), Problem.QueryStride, rows, width, m.Query);
            new Span<float>(m.Output, rows * Problem.ValuePad).Clear();
            new Span<float>(m.Max, rows).Fill(float.NegativeInfinity);
            new Span<float>(m.Sum, rows).Clear();

            (int first, int end) = Problem.PagesOf(s, from, from + rows);
            for (int p = first; p < end; p++)
            {
                m.Keys = AttentionPages.Keys(pages[p], keyHead, width);
                m.Values = AttentionPages.Values(pages[p], keyHeads, keyHead, width, valueWidth);
                m.IsFinite = !float.IsNaN(*AttentionPages.NonFiniteFlag(pages[p], keyHeads, keyHead, width, valueWidth));
                for (int r = 0; r < rows; r += Block)
                {
                    int count = Math.Min(Block, rows - r);
                    if (Problem.PatternSees(s, head, from + r, from + r + count, p)) See<L>(m, sequence, head, from, r, count, p * Page);
                }
            }

            for (int r = 0; r < rows; r++) Finish<L>(m.Output + ((long)r * Problem.ValuePad), m.Sum[r], Output + ((s.QueryStart + from + r) * outputStride) + ((long)head * valueWidth), valueWidth);
            if (LogSumExp != null)
            {
                AttentionRow.Log<L>(m.Sum, rows);
                for (int r = 0; r < rows; r++) LogSumExp[((long)(s.QueryStart + from + r) * Problem.Heads) + head] = m.Max[r] + m.Sum[r];
            }

            ComputeContext.Current.Scratch.Return(memory, floats);
        }

        /// <summary>Up to 64 rows of a stripe take in the page whose keys begin at <paramref name="start"/>.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void See<L>(in Rows m, int sequence, int head, int from, int row, int rows, int start) where L : struct, ILanes<L>
        {
            ref readonly AttentionSequence s = ref Problem.Sequences[sequence];
            int headPad = Problem.HeadPad, valuePad = Problem.ValuePad;
            // A page that causality or the window cut is worked through a few rows at a time, each with the keys it sees.
            int step = Problem.SeeWhole(s, from + row, rows, start) ? rows : AttentionTile.Rows;
            for (int r = 0; r < rows; r += step)
            {
                int count = Math.Min(step, rows - r), at = row + r;
                (int low, int high) = Problem.SeenInPage(s, from + at, count, start);
                if (low == high) continue;
                int left = AttentionRow.Left(low), columns = AttentionRow.Right(high) - left;
                float* scores = m.Scores + (r * Page), to = m.Output + ((long)at * valuePad), values = m.Values + ((long)low * valuePad);
                AttentionTile.Multiply<L>(m.Query + ((long)at * headPad), headPad, 1, m.Keys + left, Page, scores + left, Page, count, columns, Problem.HeadWidth, false);
                bool any = false;
                for (int i = 0; i < count; i++) any |= Weigh<L>(scores + (i * Page), to + ((long)i * valuePad), m.Max + at + i, m.Sum + at + i, sequence, head, from + at + i, start);
                if (!any) continue;
                if (m.IsFinite) AttentionTile.Multiply<L>(scores + low, Page, 1, values, valuePad, to, valuePad, count, valuePad, high - low, true);
                else AttentionTile.AddNonzero<L>(scores + low, Page, 1, values, valuePad, to, valuePad, count, valuePad, high - low);
            }
        }

        /// <summary>A row's products of a page become weights e^(score − maximum), 0 where hidden; its sum and what it gathered so far
        /// follow a new maximum. False where it sees nothing.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

        /// <summary>A stripe's working memory, and the page at hand.</summary>
        private struct Rows
        {
            public float* Query;        // [rows][K padded]
            public float* Output;       // [rows][V padded]
            public float* Scores;       // of 64 rows
            public float* Max;
            public float* Sum;
            public float* Keys;
            public float* Values;
            public bool IsFinite;       // all values are
        }
    }

    /// <summary>Zeroes the dropped weights of a row in a page and divides the others by 1 − p. The decision follows from sequence, head,
    /// row and key alone.</summary>
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
