using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>
/// Padding that is kept before a text and, being causal, sees no key. PyTorch adds the least float32 to each of its scores: all become
/// equal, the softmax is uniform over the whole row of the grid, and gradients still flow to the scores. A label predicted there counts in
/// transformers' losses, so these rows do the same here.
/// </summary>
internal static class PaddingQueryRows
{
    /// <summary>What these rows read.</summary>
    /// <param name="q">[N, H·K].</param>
    /// <param name="k">[N, G·K].</param>
    /// <param name="v">[N, G·K].</param>
    /// <param name="options">Heads and scale.</param>
    /// <param name="context">Whose <see cref="ForwardContext.AttendedRows"/> say where padding is.</param>
    /// <returns>[N, H·K], zeros in all other rows; null where there is no such row.</returns>
    public static Variable? Attend(ColumnRange q, ColumnRange k, ColumnRange v, AttentionOptions options, ForwardContext context)
    {
        if (context.AttendedRows is not { } attended || !Array.Exists(attended, a => a.First > 0)) return null;
        List<Variable> parts = [];
        List<int> rows = [];
        for (int b = 0; b < attended.Length; b++)
        {
            int start = context.Starts[b], T = context.Starts[b + 1] - start, P = attended[b].First;
            if (P == 0) continue;
            rows.AddRange(Enumerable.Range(start, P));
            Variable queries = Heads(q, start, P, options.Heads, options.Heads);                                    // [H, P, K]
            Variable keys = Heads(k, start, T, options.KeyHeads, options.Heads);                                    // [H, T, K]
            Variable values = Heads(v, start, T, options.KeyHeads, options.Heads);                                  // [H, T, K]
            Variable scores = queries.MatMul(keys.Transpose()) * options.Scale;                                     // [H, P, T]
            Variable pattern = (scores - scores.Detach()).Softmax();                                                // 1/T everywhere, with the scores' gradient
            parts.Add(pattern.MatMul(values).Permute(1, 0, 2).Reshape(P, -1));                                      // [P, H·K]
        }

        return Variable.Concatenate(0, [.. parts]).Scatter([.. rows], context.Rows);
    }

    /// <summary>Some rows of G heads as [H, rows, K]; each head serves H / G neighbours.</summary>
    private static Variable Heads(ColumnRange x, int start, int count, int groups, int heads)
    {
        Variable columns = x.Width == x.Stride ? x.Source : x.Source.Columns(x.Start, x.Width);
        Variable split = columns.Slice(0, start, count).Reshape(count, groups, -1).Permute(1, 0, 2);                // [G, T, K]
        if (groups == heads) return split;
        int K = split.Shape.Last;
        return (split.Reshape(groups, 1, count, K) * Tensor.Full(new Shape(1, heads / groups, 1, 1), 1)).Reshape(heads, count, K);
    }
}
