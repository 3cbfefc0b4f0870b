using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Training.Objectives;

/// <summary>What a generator puts in the places of masked tokens, and what the discriminator is to say of it (Clark et al. 2020,
/// §2).</summary>
internal static class ReplacedTokens
{
    /// <summary>Keeps logarithms finite, as in the paper's code.</summary>
    private const float Epsilon = 1e-9f;

    /// <summary>A token drawn from each row's softmax: argmax(logits − ln(−ln(u + ε) + ε)), ε = 1e-9. Of equal ones the first.</summary>
    /// <param name="logits">[M, V]: the generator's scores.</param>
    /// <param name="uniform">[V] of a row: uniform in [0, 1).</param>
    public static int[] Sample(Tensor logits, Action<int, Span<float>> uniform)
    {
        (int M, int V) = logits.Shape.Bind2(nameof(logits), "[M, V]");
        int[] sampled = new int[M];
        float[] noise = new float[V];
        for (int m = 0; m < M; m++)
        {
            uniform(m, noise);
            NegativeLog(noise);
            NegativeLog(noise);
            ReadOnlySpan<float> row = logits.Span.Slice(m * V, V);
            int best = 0;
            for (int v = 1; v < V; v++)
                if (row[v] + noise[v] > row[best] + noise[best]) best = v;
            sampled[m] = best;
        }

        return sampled;

        // x = −ln(x + ε)
        static void NegativeLog(Span<float> x)
        {
            for (int v = 0; v < x.Length; v++) x[v] += Epsilon;
            ElementKernel.Log(x, x);
            for (int v = 0; v < x.Length; v++) x[v] = -x[v];
        }
    }

    /// <summary>The text as the discriminator reads it, with a label at each token that is read: 1 where it is not the text's. A sample
    /// that
    /// is the text's own token counts as original.</summary>
    /// <param name="masked">The generator's inputs, with the text's own tokens as labels.</param>
    /// <param name="sampled">A token for each label that counts, in the order of the rows.</param>
    public static ModelInputs Replaced(ModelInputs masked, ReadOnlySpan<int> sampled)
    {
        int[] ids = [.. masked.InputIds.Cells], labels = new int[ids.Length], original = masked.Labels!.Cells;
        int next = 0;
        for (int c = 0; c < ids.Length; c++)
        {
            if (masked.AttentionMask is { } mask && mask.Cells[c] == 0)
            {
                labels[c] = CausalLanguageModel.IgnoredLabel;
                continue;
            }

            if (original[c] == CausalLanguageModel.IgnoredLabel) continue;
            ids[c] = sampled[next++];
            labels[c] = ids[c] == original[c] ? 0 : 1;
        }

        TokenGrid grid = masked.InputIds;
        return masked with
        {
            InputIds = new TokenGrid(grid.Rows, grid.Columns, ids),
            Labels = new TokenGrid(grid.Rows, grid.Columns, labels)
        };
    }
}
