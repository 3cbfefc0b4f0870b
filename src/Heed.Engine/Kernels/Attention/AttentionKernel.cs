using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>
/// z = softmax(q·kᵀ·scale + biases, masked)·v, head by head and sequence by sequence, without a [T, S] matrix: keys go by in pages of 64,
/// and each row keeps a running maximum and sum.
/// </summary>
/// <remarks>
/// Dao, arXiv:2307.08691 (FlashAttention-2), algorithms 1 and 2. A row's bits follow from its own query and the keys it sees: pages count
/// from the sequence's first key and go by in order, every product is one chain over its depth, and a masked key contributes exactly zero.
/// So a token has the same result alone, in a prompt, in a batch and over a cache. A row that sees no key gives zeros and has no gradient.
/// </remarks>
internal static unsafe partial class AttentionKernel
{
    // From as many pairs of sequence and key head on, a pair is a part of the forward pass, as it is of the backward pass.
    private const int FewPairs = 8;

    /// <summary>z: [N, H·V] from rows of keys and values.</summary>
    /// <param name="x">Queries, keys, values, biases, mask.</param>
    /// <param name="options">Heads, scale, what is hidden.</param>
    /// <param name="sequences">Which rows belong together.</param>
    /// <param name="output">[N, H·V]: the rows of the sequences' queries are written.</param>
    /// <param name="logSumExp">[N, H] for the backward pass: log Σ exp of a row's scores, −∞ where it sees none; or empty.</param>
    /// <exception cref="ArgumentException">A span is too short, or sequences and options do not fit.</exception>
    public static void Forward(in AttentionInputs<float> x, AttentionOptions options, AttentionSequence[] sequences, Span<float> output, Span<float> logSumExp)
    {
        (int queries, int keys) = AttentionChecks.Sequences(options, sequences);
        CheckInputs(x, options, sequences, queries, keys);
        CheckOutput(options, output.Length, logSumExp.Length, queries);
        fixed (AttentionSequence* s = sequences)
        fixed (float* q = x.Query, k = x.Key, v = x.Value, relative = x.RelativeBias, bias = x.Bias, z = output, lse = logSumExp)
        fixed (bool* mask = x.Mask, allowed = options.Blocks?.Allowed)
        {
            AttentionProblem problem = new(options)
            {
                Sequences = s,
                SequenceCount = sequences.Length,
                Query = q,
                QueryStride = x.QueryStride,
                Key = k,
                KeyStride = x.KeyStride,
                Value = v,
                ValueStride = x.ValueStride,
                Relative = relative,
                Bias = bias,
                Mask = mask,
                Allowed = allowed,
            };
            // Enough pairs of sequence and key head to keep threads busy: each packs its own pages.
            int pairs = checked(sequences.Length * problem.KeyHeads);
            if (pairs >= FewPairs)
            {
                LaneParts.Run(new ForwardWork { Problem = problem, Packs = true, Output = z, LogSumExp = lse }, pairs);
                return;
            }

            AttentionPlan plan = new(sequences);
            try
            {
                plan.RentPages(AttentionProblem.PageFloats(problem.KeyHeads, problem.HeadWidth, problem.ValueWidth));
                ComputeContext.Run(new PackWork { Problem = problem, Plan = plan }, checked(plan.PageCount * problem.KeyHeads));
                Run(problem, plan, z, lse);
            }
            finally
            {
                plan.Release();
            }
        }
    }

    /// <summary>z: [N, H·V] over the pages of caches, which hold all keys and values of each sequence.</summary>
    /// <param name="query">Rows [H·K].</param>
    /// <param name="queryStride">Floats from one row to the next.</param>
    /// <param name="pages">[B].</param>
    /// <param name="relativeBias">[H, range] or empty.</param>
    /// <param name="options">Heads, scale, what is hidden; no dense bias or mask.</param>
    /// <param name="sequences">[B]; a sequence's KeyStart is not read.</param>
    /// <param name="output">[N, H·V]: the rows of the sequences' queries are written.</param>
    /// <param name="logSumExp">[N, H] or empty.</param>
    /// <exception cref="ArgumentException">A span is too short, or sequences, pages and options do not fit.</exception>
    public static void Forward(
        ReadOnlySpan<float> query, int queryStride, KeyValuePages[] pages, ReadOnlySpan<float> relativeBias, AttentionOptions options, AttentionSequence[] sequences, Span<float> output, Span<float> logSumExp)
    {
        (int queries, _) = AttentionChecks.Sequences(options, sequences);
        AttentionChecks.Rows(nameof(query), query.Length, queryStride, queries, options.Heads * options.HeadWidth);
        AttentionChecks.Relative(nameof(relativeBias), relativeBias.Length, options);
        CheckOutput(options, output.Length, logSumExp.Length, queries);
        if (options.Bias != DenseLayout.None || options.Mask != DenseLayout.None) throw new ArgumentException("A dense bias or mask goes with rows of keys, not with the pages of a cache.", nameof(options));
        if (pages.Length != sequences.Length) throw new ArgumentException($"{pages.Length} caches were given for {sequences.Length} sequences.", nameof(pages));
        for (int b = 0; b < pages.Length; b++) CheckPages(pages[b], options, sequences[b], b);

        fixed (AttentionSequence* s = sequences)
        fixed (float* q = query, relative = relativeBias, z = output, lse = logSumExp)
        fixed (bool* allowed = options.Blocks?.Allowed)
        {
            AttentionProblem problem = new(options)
            {
                Sequences = s,
                SequenceCount = sequences.Length,
                Query = q,
                QueryStride = queryStride,
                Relative = relative,
                Allowed = allowed,
            };
            AttentionPlan plan = new(sequences);
            try
            {
                plan.Take(pages);
                Run(problem, plan, z, lse);
            }
            finally
            {
                plan.Release();
            }

            GC.KeepAlive(pages);
        }
    }

    private static void Run(in AttentionProblem problem, in AttentionPlan plan, float* z, float* lse)
    {
        LaneParts.Run(new ForwardWork { Problem = problem, Plan = plan, Output = z, LogSumExp = lse }, checked(plan.StripeCount * problem.Heads));
    }

    private static void CheckInputs(in AttentionInputs<float> x, AttentionOptions o, AttentionSequence[] sequences, int queries, int keys)
    {
        AttentionChecks.Rows("Query", x.Query.Length, x.QueryStride, queries, o.Heads * o.HeadWidth);
        AttentionChecks.Rows("Key", x.Key.Length, x.KeyStride, keys, o.KeyHeads * o.HeadWidth);
        AttentionChecks.Rows("Value", x.Value.Length, x.ValueStride, keys, o.KeyHeads * o.ValueWidth);
        AttentionChecks.Relative("RelativeBias", x.RelativeBias.Length, o);
        AttentionChecks.Dense("Bias", x.Bias.Length, o.Bias, o, sequences, mask: false);
        AttentionChecks.Dense("Mask", x.Mask.Length, o.Mask, o, sequences, mask: true);
    }

    private static void CheckOutput(AttentionOptions o, int output, int logSumExp, int queries)
    {
        AttentionChecks.Rows("output", output, o.Heads * o.ValueWidth, queries, o.Heads * o.ValueWidth);
        if (logSumExp != 0) AttentionChecks.Rows("logSumExp", logSumExp, o.Heads, queries, o.Heads);
    }

    private static void CheckPages(KeyValuePages cache, AttentionOptions o, in AttentionSequence s, int b)
    {
        KeyValuePool pool = cache.Pool;
        if (pool.KeyHeads != o.KeyHeads || pool.HeadWidth != o.HeadWidth || pool.ValueWidth != o.ValueWidth)
            throw new ArgumentException($"Sequence {b}: its cache holds {pool.KeyHeads} heads of {pool.HeadWidth} and {pool.ValueWidth}; the options say {o.KeyHeads} of {o.HeadWidth} and {o.ValueWidth}.");
        if (s.KeyCount > cache.Count) throw new ArgumentException($"Sequence {b} has {s.KeyCount} keys; its cache holds {cache.Count}.");
        if (s.QueryCount == 0) return;
        (int low, int high) = (o.Visible(s.QueryOffset, s.KeyCount).Low, o.Visible(s.QueryOffset + s.QueryCount - 1, s.KeyCount).High);
        for (int p = low / AttentionProblem.Page; p * AttentionProblem.Page < high; p++)
            if (cache.Pages[p] == 0) throw new ArgumentException($"Sequence {b}: its queries see key {Math.Max(low, p * AttentionProblem.Page)}, which the cache has forgotten.");
    }

    /// <summary>Packs the rows of keys and values of one (page, key head) as a cache holds them.</summary>
    private struct PackWork : IWork
    {
        public AttentionProblem Problem;
        public AttentionPlan Plan;

        public readonly void Part(int part)
        {
            int page = part / Problem.KeyHeads, head = part % Problem.KeyHeads, sequence = Plan.SequenceOf(Plan.FirstPage, page);
            PackPage(Problem, Problem.Sequences[sequence], page - Plan.FirstPage[sequence], head, Plan.Pages[page], Problem.KeyHeads, head);
        }
    }

    /// <summary>Packs the keys and values of a key head in the <paramref name="number"/>th page of a sequence, as a cache holds them, to
    /// the place of <paramref name="slot"/> among a page's key heads.</summary>
    private static void PackPage(in AttentionProblem problem, in AttentionSequence s, int number, int keyHead, float* page, int keyHeads, int slot)
    {
        int start = number * Page, rows = Math.Min(Page, s.KeyCount - start), width = problem.HeadWidth, valueWidth = problem.ValueWidth;
        long first = (long)s.KeyStart + start;
        float* keys = AttentionPages.Keys(page, slot, width);
        AttentionPages.PackKeys(problem.Key + (first * problem.KeyStride) + ((long)keyHead * width), problem.KeyStride, rows, width, keys);
        AttentionPages.ClearTail(keys, rows, width);
        *AttentionPages.NonFiniteFlag(page, keyHeads, slot, width, valueWidth) = AttentionPages.PackRows(
            problem.Value + (first * problem.ValueStride) + ((long)keyHead * valueWidth), problem.ValueStride, rows, valueWidth, AttentionPages.Values(page, keyHeads, slot, width, valueWidth));
    }
}
