using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>
/// What attention computes on its way, one step after another, for the hooks that ask: <c>dot</c> (q·k), <c>scaled</c>, <c>biased</c>,
/// <c>masked</c> (−∞ where hidden) and <c>pattern</c> (before dropout), each [B, H, T, S] with T and S the longest of the batch and zeros
/// outside a sequence.
/// </summary>
/// <remarks>
/// Linear attention has no scores: <c>dot</c> are the products of features, <c>masked</c> the same with 0 where hidden, <c>pattern</c>
/// their shares of each row's sum. Everything is made of differentiable operations, so gradients pass through what a hook substitutes for a
/// tensor.
/// </remarks>
internal sealed class AttentionInspection
{
    private static readonly string[] Names = ["dot", "scaled", "biased", "masked", "pattern"];

    private readonly AttentionOptions _options;
    private readonly AttentionSequence[] _sequences;
    private readonly ForwardContext _context;
    private readonly string _site;
    private readonly Variable[] _scores;                 // [H, T, S] of each sequence
    private readonly bool _linear;
    private readonly float[]? _slopes;
    private bool _replaced;

    private AttentionInspection(
        AttentionOptions options, AttentionSequence[] sequences, ForwardContext context, string site, bool linear, float[]? slopes)
    {
        (_options, _sequences, _context, _site, _linear, _slopes) = (options, sequences, context, site, linear, slopes);
        _scores = new Variable[sequences.Length];
    }

    /// <summary>True where somebody asked for a tensor that the fast path never holds.</summary>
    public static bool IsWanted(Hooks? hooks, string site) => hooks is not null && Array.Exists(Names, name => hooks.Wants(site, name));

    /// <summary>Shows the steps to the hooks. Returns z [N, H·V] where something was replaced, else null: the fast path's z holds
    /// then.</summary>
    public static Variable? Run(
        ColumnRange query, ColumnRange key, ColumnRange value, Variable? distances, Variable? bias, AttentionOptions options,
        AttentionSequence[] sequences, KeyValuePages[]? pages, ForwardContext context, string site, bool linear = false,
        float[]? slopes = null)
    {
        if (sequences.Length == 0) return null;
        AttentionInspection steps = new(options, sequences, context, site, linear, slopes);
        Variable[] values = new Variable[sequences.Length];
        for (int b = 0; b < sequences.Length; b++)
        {
            AttentionSequence s = sequences[b];
            (Variable k, Variable v) = pages is null
                ? (Rows(key, s.KeyStart, s.KeyCount), Rows(value, s.KeyStart, s.KeyCount))
                : Read(pages[b], s.KeyCount);
            values[b] = v.Reshape(s.KeyCount, options.KeyHeads, options.ValueWidth).Permute(1, 0, 2);                          // [G, S, V]
            k = k.Reshape(s.KeyCount, options.KeyHeads, options.HeadWidth).Permute(1, 2, 0);                                   // [G, K, S]
            Variable q = Rows(query, s.QueryStart, s.QueryCount).Reshape(s.QueryCount, options.Heads, options.HeadWidth).Permute(1, 0, 2);
            steps._scores[b] = steps.ByHead(q, k, s);
        }

        return steps.Finish(distances, bias, values);
    }

    private Variable? Finish(Variable? distances, Variable? bias, Variable[] values)
    {
        Show("dot");
        if (_linear)
        {
            Each(b => _scores[b] * Hidden(_sequences[b], seen: 1, hidden: 0));
            Show("masked");
            Each(b => _scores[b] / (_scores[b].Sum(-1, keep: true) + LinearAttentionKernel.Epsilon));
        }
        else
        {
            Each(b => _scores[b] * _options.Scale);
            Show("scaled");
            if (distances is { } table) Each(b => _scores[b] + Bias(table, _sequences[b]));
            if (bias is { } dense) Each(b => _scores[b] + Part(dense, _sequences[b]));
            if (IsWanted("biased") || IsWanted("masked")) CountFromFirstKey();
            Show("biased");
            Each(b => _scores[b] + Hidden(_sequences[b], seen: 0, float.NegativeInfinity));
            Show("masked");
            Each(b => _scores[b].Softmax());
        }

        Show("pattern");
        if (!_replaced) return null;
        if (_options.Dropout > 0) Each(b => _scores[b] * Kept(_sequences[b]));
        Each(b => ByHead(_scores[b], values[b], _sequences[b]).Permute(1, 0, 2).Reshape(_sequences[b].QueryCount,
            _options.Heads * _options.ValueWidth));
        return Variable.Concatenate(0, _scores);
    }

    private bool IsWanted(string name) => _context.Hooks!.Wants(_site, name);

    /// <summary>ALiBi counted from the first key: each row of a head is higher by its slope times the query's position.</summary>
    private void CountFromFirstKey()
    {
        if (_slopes is not { } slopes) return;
        Each(b =>
        {
            AttentionSequence s = _sequences[b];
            Tensor rows = Tensor.Uninitialized(slopes.Length, s.QueryCount, 1);
            for (int h = 0, n = 0; h < slopes.Length; h++)
                for (int i = 0; i < s.QueryCount; i++, n++) rows.Span[n] = slopes[h] * (s.QueryOffset + i);
            return _scores[b] + rows;
        });
    }

    private void Each(Func<int, Variable> step)
    {
        for (int b = 0; b < _scores.Length; b++) _scores[b] = step(b);
    }

    /// <summary>a[h]·b[g] for each head h and its key head g: [H, T, X]·[G, X, Y] → [H, T, Y].</summary>
    private Variable ByHead(Variable a, Variable b, in AttentionSequence s)
    {
        int H = _options.Heads, G = _options.KeyHeads;
        return a.Reshape(G, H / G * s.QueryCount, a.Shape.Last).MatMul(b).Reshape(H, s.QueryCount, b.Shape.Last);
    }

    /// <summary>Shows the scores of all sequences as one tensor and takes over what comes back, if it is another.</summary>
    private void Show(string name)
    {
        if (!IsWanted(name)) return;
        int T = _sequences.Max(s => s.QueryCount), S = _sequences.Max(s => s.KeyCount), H = _options.Heads;
        Variable[] padded = new Variable[_scores.Length];
        for (int b = 0; b < padded.Length; b++)
        {
            Variable x = _scores[b];
            (int t, int s) = (_sequences[b].QueryCount, _sequences[b].KeyCount);
            if (s < S) x = Variable.Concatenate(2, x, Tensor.Zeros(H, t, S - s));
            if (t < T) x = Variable.Concatenate(1, x, Tensor.Zeros(H, T - t, S));
            padded[b] = x.Reshape(1, H, T, S);
        }

        Variable all = padded.Length == 1 ? padded[0] : Variable.Concatenate(0, padded);
        Variable seen = _context.Visit(_site, name, all);
        if (ReferenceEquals(seen.Value, all.Value)) return;
        _replaced = true;
        Each(b => seen.Slice(0, b, 1).Reshape(H, T, S).Slice(1, 0, _sequences[b].QueryCount).Slice(2, 0, _sequences[b].KeyCount));
    }

    /// <summary>[H, T, S] from a table of distances [H, range].</summary>
    private Variable Bias(Variable table, AttentionSequence s)
    {
        int[] entries = new int[s.QueryCount * s.KeyCount];
        for (int i = 0, n = 0; i < s.QueryCount; i++)
            for (int j = 0; j < s.KeyCount; j++, n++) entries[n] = Math.Clamp(j - s.QueryOffset - i + _options.RelativeOffset, 0,
                _options.RelativeRange - 1);
        return table.Transpose().Gather(entries).Transpose().Reshape(_options.Heads, s.QueryCount, s.KeyCount);
    }

    /// <summary>[H, T, S] of a sequence, from those of all.</summary>
    private Variable Part(Variable dense, AttentionSequence s)
        => dense.Slice(0, (int)s.BiasStart, _options.Heads * s.QueryCount * s.KeyCount).Reshape(_options.Heads, s.QueryCount, s.KeyCount);

    /// <summary>[H or 1, T, S]: one value where a query sees a key, another where it may not.</summary>
    private Tensor Hidden(AttentionSequence s, float seen, float hidden)
    {
        Tensor mask = Tensor.Zeros(_options.Blocks is { PerHead: true } ? _options.Heads : 1, s.QueryCount, s.KeyCount);
        Span<float> at = mask.Span;
        for (int h = 0, n = 0; h < mask.Shape[0]; h++)
        {
            for (int i = 0; i < s.QueryCount; i++)
            {
                (int low, int high) = _options.Visible(s.QueryOffset + i, s.KeyCount);
                for (int j = 0; j < s.KeyCount; j++, n++)
                    at[n] = j < low || j >= high || (_options.Blocks is { } blocks && !blocks.Sees(h, s.QueryOffset + i, j)) ? hidden
                        : seen;
            }
        }

        return mask;
    }

    /// <summary>[H, T, S]: 0 where dropout takes a weight, else 1/(1 − p).</summary>
    private Tensor Kept(AttentionSequence s)
    {
        Tensor kept = Tensor.Uninitialized(_options.Heads, s.QueryCount, s.KeyCount);
        Span<float> at = kept.Span;
        for (int h = 0, n = 0; h < _options.Heads; h++)
            for (int i = 0; i < s.QueryCount; i++)
                for (int j = 0; j < s.KeyCount; j++, n++) at[n] = AttentionKernel.ScalarKeep<float>(_options, s, h, i, j);
        return kept;
    }

    private static Variable Rows(ColumnRange range, int start, int count)
        => range.Source.Slice(0, start, count).Columns(range.Start, range.Width);

    private static (Variable Key, Variable Value) Read(KeyValuePages pages, int count)
    {
        Tensor k = Tensor.Uninitialized(count, pages.Pool.KeyHeads * pages.Pool.HeadWidth),
            v = Tensor.Uninitialized(count, pages.Pool.KeyHeads * pages.Pool.ValueWidth);
        pages.Read(k.Span, v.Span);
        return (k, v);
    }
}
