using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>Which entry of a row belongs to a query and a key: by the query's position minus the key's.</summary>
/// <param name="Entries">Entry of a row by distance, [2·center + 1]; each is 0 … range − 1.</param>
/// <param name="Range">R, entries of a row.</param>
internal readonly record struct RelativeEntries(int[] Entries, int Range)
{
    /// <summary>Place of the distance 0.</summary>
    public int Center => Entries.Length / 2;
}

/// <summary>
/// Scores of pairs of tokens from rows of scores by distance: y[h, i, j] = (a[h, i, t(p − j)] + b[h, j, t(p − j)])·scale, p the query's
/// position. a: [H, N, R], b: [H, S, R], y: [H, T, S] of each sequence, from its <see cref="AttentionSequence.BiasStart"/> on.
/// </summary>
internal static unsafe class RelativeScoresKernel
{
    /// <summary>y from a and b.</summary>
    /// <param name="queries">a, or empty.</param>
    /// <param name="keys">b, or empty.</param>
    /// <param name="heads">H.</param>
    /// <param name="entries">t.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <param name="sequences">Which rows belong together.</param>
    /// <param name="scores">y.</param>
    /// <exception cref="ArgumentException">A span is too short, or a distance has no entry.</exception>
    public static void Invoke(
        ReadOnlySpan<float> queries, ReadOnlySpan<float> keys, int heads, RelativeEntries entries, float scale, AttentionSequence[] sequences,
        Span<float> scores)
    {
        Check(queries.Length, keys.Length, heads, entries, sequences, scores.Length);
        fixed (float* a = queries, b = keys, y = scores)
            Run(new Work { Queries = a, Keys = b, Scores = y, Heads = heads, Scale = scale }, queries.Length, keys.Length, entries, sequences);
    }

    /// <summary>The gradients of a and b, added to what is there; an empty one is not computed.</summary>
    /// <inheritdoc cref="Invoke"/>
    /// <param name="queries">da.</param>
    /// <param name="keys">db.</param>
    /// <param name="heads">H.</param>
    /// <param name="entries">t.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <param name="sequences">Which rows belong together; no two share a row.</param>
    /// <param name="scores">dy.</param>
    public static void AddGradient(
        Span<float> queries, Span<float> keys, int heads, RelativeEntries entries, float scale, AttentionSequence[] sequences,
        ReadOnlySpan<float> scores)
    {
        Check(queries.Length, keys.Length, heads, entries, sequences, scores.Length);
        fixed (float* a = queries, b = keys, y = scores)
        {
            Work work = new() { Queries = a, Keys = b, Scores = y, Heads = heads, Scale = scale, IsGradient = true };
            Run(work, queries.Length, keys.Length, entries, sequences);
        }
    }

    private static void Run(Work work, int queries, int keys, RelativeEntries entries, AttentionSequence[] sequences)
    {
        work.Range = entries.Range;
        work.QueryRows = queries / entries.Range / work.Heads;
        work.KeyRows = keys / entries.Range / work.Heads;
        if (queries == 0) work.Queries = null;
        if (keys == 0) work.Keys = null;
        fixed (int* t = entries.Entries)
        fixed (AttentionSequence* s = sequences)
        {
            work.Entries = t + entries.Center;
            work.Sequences = s;
            ComputeContext.Run(work, checked(sequences.Length * work.Heads));
        }
    }

    private static void Check(int queries, int keys, int heads, RelativeEntries entries, AttentionSequence[] sequences, int scores)
    {
        foreach (int entry in entries.Entries)
        {
            if ((uint)entry >= (uint)entries.Range)
                throw new ArgumentException($"A distance has the entry {entry}; rows have {entries.Range}.", nameof(entries));
        }

        foreach (AttentionSequence s in sequences)
        {
            if (s.QueryCount == 0 || s.KeyCount == 0) continue;
            if (queries > 0) AtLeast(nameof(queries), queries, (long)heads * (s.QueryStart + s.QueryCount) * entries.Range);
            if (keys > 0) AtLeast(nameof(keys), keys, (long)heads * (s.KeyStart + s.KeyCount) * entries.Range);
            AtLeast(nameof(scores), scores, s.BiasStart + ((long)heads * s.QueryCount * s.KeyCount));
            int far = Math.Max(s.QueryOffset + s.QueryCount - 1, s.KeyCount - 1 - s.QueryOffset);
            if (far > entries.Center)
                throw new ArgumentException($"A query and a key are {far} apart; entries end at {entries.Center}.", nameof(entries));
        }
    }

    private static void AtLeast(string argument, int actual, long needed)
    {
        if (actual < needed) throw new ArgumentException($"{argument} has {actual} elements; at least {needed} are needed.", argument);
    }

    /// <summary>One (sequence, head), which alone reads and writes its rows.</summary>
    private struct Work : IWork
    {
        public float* Queries;
        public float* Keys;
        public float* Scores;
        public int* Entries;        // at distance 0
        public AttentionSequence* Sequences;
        public int Heads;
        public int Range;
        public float Scale;
        public bool IsGradient;
        public long QueryRows;      // N
        public long KeyRows;        // S

        public readonly void Part(int part)
        {
            ref readonly AttentionSequence s = ref Sequences[part / Heads];
            int head = part % Heads, T = s.QueryCount, S = s.KeyCount;
            float* a = Queries == null ? null : Queries + (((head * QueryRows) + s.QueryStart) * Range);
            float* b = Keys == null ? null : Keys + (((head * KeyRows) + s.KeyStart) * Range);
            float* y = Scores + s.BiasStart + ((long)head * T * S);
            for (int i = 0; i < T; i++, y += S)
            {
                int* entry = Entries + s.QueryOffset + i;
                float* row = a == null ? null : a + ((long)i * Range);
                if (IsGradient) Add(row, b, entry, y, S);
                else Sum(row, b, entry, y, S);
            }
        }

        private readonly void Sum(float* row, float* keys, int* entry, float* y, int count)
        {
            for (int j = 0; j < count; j++)
            {
                int t = entry[-j];
                float sum = row == null ? 0 : row[t];
                if (keys != null) sum += keys[((long)j * Range) + t];
                y[j] = sum * Scale;
            }
        }

        private readonly void Add(float* row, float* keys, int* entry, float* dy, int count)
        {
            for (int j = 0; j < count; j++)
            {
                int t = entry[-j];
                float d = dy[j] * Scale;
                if (row != null) row[t] += d;
                if (keys != null) keys[((long)j * Range) + t] += d;
            }
        }
    }
}
