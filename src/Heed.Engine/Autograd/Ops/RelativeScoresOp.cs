using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>
/// Scores of pairs of tokens from those of each token and each distance: y[h, i, j] = (a[h, i, t] + b[h, j, t])·scale, t the entry of
/// i − j.  a: [H, N, R], b: [H, S, R], y: [H, T, S] of each sequence, one after another.
/// </summary>
/// <remarks>He et al. 2021, arXiv:2006.03654 §3.1, algorithm 1.</remarks>
internal sealed class RelativeScoresOp : Op
{
    private readonly Variable? _queries;
    private readonly Variable? _keys;
    private readonly RelativeEntries _entries;
    private readonly float _scale;
    private readonly AttentionSequence[] _sequences;

    private RelativeScoresOp(Variable? queries, Variable? keys, RelativeEntries entries, float scale, AttentionSequence[] sequences)
        => (_queries, _keys, _entries, _scale, _sequences) = (queries, keys, entries, scale, sequences);

    /// <param name="queries">a, or null for zeros.</param>
    /// <param name="keys">b, or null for zeros.</param>
    /// <param name="heads">H.</param>
    /// <param name="entries">The entry of each distance.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <param name="sequences">Which rows belong together, and where the scores of each begin
    /// (<see cref="AttentionSequence.BiasStart"/>).</param>
    public static Variable Apply(
        Variable? queries, Variable? keys, int heads, RelativeEntries entries, float scale, AttentionSequence[] sequences)
    {
        long count = 0;
        foreach (AttentionSequence s in sequences) count = Math.Max(count, s.BiasStart + ((long)heads * s.QueryCount * s.KeyCount));
        Tensor y = Tensor.Uninitialized(checked((int)count));
        RelativeScoresKernel.Invoke(Values(queries), Values(keys), heads, entries, scale, sequences, y.Span);
        bool record = (queries is { } a && IsRecorded(a)) || (keys is { } b && IsRecorded(b));
        return record ? Tape.Record(new RelativeScoresOp(queries, keys, entries, scale, sequences), y) : y;
    }

    // da[h, i, t] = Σ dy·scale over the keys at t's distances from i, db[h, j, t] over the queries at these distances from j
    protected override void Backward(Tensor dy)
    {
        Tensor? da = Zeros(_queries), db = Zeros(_keys);
        int heads = (_queries ?? _keys)!.Value.Shape[0];
        RelativeScoresKernel.AddGradient(
            da is null ? default : da.Span, db is null ? default : db.Span, heads, _entries, _scale, _sequences, dy.Span);
        if (da is not null) Accumulate(_queries!.Value, da);
        if (db is not null) Accumulate(_keys!.Value, db);
    }

    private static ReadOnlySpan<float> Values(Variable? x) => x is { } given ? given.Value.Span : default;

    private static Tensor? Zeros(Variable? x) => x is { NeedsGradient: true } given ? Tensor.Zeros(given.Shape) : null;
}
