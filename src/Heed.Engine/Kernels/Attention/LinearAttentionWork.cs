using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>One (sequence, head) of linear attention, forward or, where there is a gradient of the output, backward.</summary>
internal unsafe struct LinearAttentionWork : ILaneWork
{
    public AttentionProblem Options;
    public float* Output;
    public float* Normalizer;
    public float** Before;          // null, or a sequence's sum of earlier tokens (null: there are none), [H][M][V + 1 padded]
    public float** After;           // null, or where its sum after these rows goes (null: there are no rows)
    public float* OutputGradient;   // null: forward
    public float* QueryGradient;
    public float* KeyGradient;
    public float* ValueGradient;

    private readonly int Features => Options.HeadWidth;

    /// <summary>A value followed by 1: its sum is the sum of the weights.</summary>
    private readonly int Extended => Options.ValueWidth + 1;

    private readonly int ExtendedPad => AttentionProblem.Pad(Options.ValueWidth + 1);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public readonly void Part<L>(int part) where L : struct, ILanes<L>
    {
        ref readonly AttentionSequence s = ref Options.Sequences[part / Options.Heads];
        int head = part % Options.Heads;
        long state = ((long)Features * ExtendedPad) + ((long)Extended * Options.HeadPad);
        long floats = state + (2 * ExtendedPad) + (2 * Options.HeadPad);
        float* scratch = ComputeContext.Current.Scratch.Rent(floats);
        Rows rows = new() { Sum = scratch, Turned = scratch + ((long)Features * ExtendedPad), Wide = scratch + state };
        rows.Result = rows.Wide + ExtendedPad;
        rows.Feature = rows.Result + ExtendedPad;
        rows.FeatureResult = rows.Feature + Options.HeadPad;
        new Span<float>(scratch, checked((int)state)).Clear();
        if (OutputGradient == null)
        {
            long sum = (long)Features * ExtendedPad, at = head * sum;
            int sequence = part / Options.Heads;
            if (Before != null && Before[sequence] != null) new ReadOnlySpan<float>(Before[sequence] + at, (int)sum).CopyTo(new Span<float>(rows.Sum, (int)sum));
            Forward<L>(s, head, rows);
            if (After != null && After[sequence] != null) new ReadOnlySpan<float>(rows.Sum, (int)sum).CopyTo(new Span<float>(After[sequence] + at, (int)sum));
        }
        else
        {
            Queries<L>(s, head, rows);
            new Span<float>(scratch, (int)state).Clear();
            Keys<L>(s, head, rows);
        }

        ComputeContext.Current.Scratch.Return(scratch, floats);
    }

    // sum[M][V + 1] = Σ k'(j) ⊗ (v(j), 1); (numerator, denominator) = q'(i)·sum
    private readonly void Forward<L>(in AttentionSequence s, int head, in Rows rows) where L : struct, ILanes<L>
    {
        int V = Options.ValueWidth, seen = 0;
        for (int i = 0; i < s.QueryCount; i++)
        {
            int high = Options.Visible(s, i).High;
            for (; seen < high; seen++)
            {
                ExtendedValue(s, seen, head, rows.Wide);
                AttentionTile.Multiply<L>(Feature(Options.Key, s.KeyStart + seen, head), 1, 1, rows.Wide, ExtendedPad, rows.Sum, ExtendedPad, Features, ExtendedPad, 1, true);
            }

            AttentionTile.Multiply<L>(Feature(Options.Query, s.QueryStart + i, head), 0, 1, rows.Sum, ExtendedPad, rows.Result, ExtendedPad, 1, ExtendedPad, Features, false);
            float normalizer = high == 0 ? 0f : rows.Result[V] + LinearAttentionKernel.Epsilon;
            long row = ((long)(s.QueryStart + i) * Options.Heads) + head;
            for (int d = 0; d < V; d++) Output[(row * V) + d] = high == 0 ? 0f : rows.Result[d] / normalizer;
            Normalizer[row] = normalizer;
        }
    }

    // dq'(i) = g(i)·sumᵀ
    private readonly void Queries<L>(in AttentionSequence s, int head, in Rows rows) where L : struct, ILanes<L>
    {
        int seen = 0, pad = Options.HeadPad;
        for (int i = 0; i < s.QueryCount; i++)
        {
            int high = Options.Visible(s, i).High;
            for (; seen < high; seen++)
            {
                ExtendedValue(s, seen, head, rows.Wide);
                AttentionPages.PackRows(Feature(Options.Key, s.KeyStart + seen, head), Features, 1, Features, rows.Feature);
                AttentionTile.Multiply<L>(rows.Wide, 1, 1, rows.Feature, pad, rows.Turned, pad, Extended, pad, 1, true);
            }

            Slope<L>(s, i, head, rows.Wide);
            AttentionTile.Multiply<L>(rows.Wide, 0, 1, rows.Turned, pad, rows.FeatureResult, pad, 1, pad, Extended, false);
            new ReadOnlySpan<float>(rows.FeatureResult, Features).CopyTo(new Span<float>(Feature(QueryGradient, s.QueryStart + i, head), Features));
        }
    }

    // From the last key to the first: sum[M][V + 1] = Σ q'(i) ⊗ g(i) over the queries that see it; dv(j) = k'(j)·sum, dk'(j) = (v(j),
    // 1)·sumᵀ
    private readonly void Keys<L>(in AttentionSequence s, int head, in Rows rows) where L : struct, ILanes<L>
    {
        int V = Options.ValueWidth, pad = Options.HeadPad, query = s.QueryCount - 1;
        for (int j = s.KeyCount - 1; j >= 0; j--)
        {
            for (; query >= 0 && Options.Visible(s, query).High > j; query--)
            {
                Slope<L>(s, query, head, rows.Wide);
                float* feature = Feature(Options.Query, s.QueryStart + query, head);
                AttentionPages.PackRows(feature, Features, 1, Features, rows.Feature);
                AttentionTile.Multiply<L>(feature, 1, 1, rows.Wide, ExtendedPad, rows.Sum, ExtendedPad, Features, ExtendedPad, 1, true);
                AttentionTile.Multiply<L>(rows.Wide, 1, 1, rows.Feature, pad, rows.Turned, pad, Extended, pad, 1, true);
            }

            AttentionTile.Multiply<L>(Feature(Options.Key, s.KeyStart + j, head), 0, 1, rows.Sum, ExtendedPad, rows.Result, ExtendedPad, 1, ExtendedPad, Features, false);
            new ReadOnlySpan<float>(rows.Result, V).CopyTo(new Span<float>(ValueGradient + ((((long)(s.KeyStart + j) * Options.Heads) + head) * V), V));
            ExtendedValue(s, j, head, rows.Wide);
            AttentionTile.Multiply<L>(rows.Wide, 0, 1, rows.Turned, pad, rows.FeatureResult, pad, 1, pad, Extended, false);
            new ReadOnlySpan<float>(rows.FeatureResult, Features).CopyTo(new Span<float>(Feature(KeyGradient, s.KeyStart + j, head), Features));
        }
    }

    private readonly float* Feature(float* rows, int row, int head) => rows + ((((long)row * Options.Heads) + head) * Features);

    private readonly void ExtendedValue(in AttentionSequence s, int j, int head, float* to)
    {
        new Span<float>(to, ExtendedPad).Clear();
        new ReadOnlySpan<float>(Options.Value + ((((long)(s.KeyStart + j) * Options.Heads) + head) * Options.ValueWidth), Options.ValueWidth).CopyTo(new Span<float>(to, Options.ValueWidth));
        to[Options.ValueWidth] = 1f;
    }

    /// <summary>The gradient of a row's (numerator, denominator): dz/n and −Σ dz·z/n.</summary>
    private readonly void Slope<L>(in AttentionSequence s, int i, int head, float* to) where L : struct, ILanes<L>
    {
        int V = Options.ValueWidth;
        long row = ((long)(s.QueryStart + i) * Options.Heads) + head;
        float normalizer = Normalizer[row];
        new Span<float>(to, ExtendedPad).Clear();
        if (normalizer == 0f) return;
        for (int d = 0; d < V; d++) to[d] = OutputGradient[(row * V) + d] / normalizer;
        to[V] = -Fold.Dot<L>(OutputGradient + (row * V), Output + (row * V), V) / normalizer;
    }

    private struct Rows
    {
        public float* Sum;              // [M][V + 1 padded]
        public float* Turned;           // [V + 1][M padded]
        public float* Wide;             // [V + 1 padded]
        public float* Result;           // [V + 1 padded]
        public float* Feature;          // [M padded]
        public float* FeatureResult;    // [M padded]
    }
}
