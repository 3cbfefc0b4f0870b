using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Training.Tasks;

/// <summary>How far the predictions of a model whose weights were rounded are from those of the model itself.</summary>
/// <param name="Tokens">Tokens predicted.</param>
/// <param name="Perplexity">Of the rounded model.</param>
/// <param name="ReferencePerplexity">Of the model itself.</param>
/// <param name="Divergence">Mean over tokens of Σ p · (ln p − ln q), p the model's own probabilities, in nats.</param>
/// <param name="LargeDivergence">Below it lie 99 of 100 tokens, in nats.</param>
/// <param name="SameFirst">Share of tokens whose most probable prediction is the same.</param>
internal sealed record QuantizationQuality(
    int Tokens, double Perplexity, double ReferencePerplexity, double Divergence, double LargeDivergence, double SameFirst)
{
    /// <summary>Compares on one text, block by block.</summary>
    /// <param name="reference">The model itself.</param>
    /// <param name="rounded">The same model, rounded.</param>
    /// <param name="ids">Ids of the text.</param>
    /// <param name="length">Tokens of a block; the first of each is not predicted.</param>
    /// <param name="blocks">Most blocks; 0 takes all.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    /// <exception cref="InputException">The text is too short.</exception>
    public static QuantizationQuality Measure(
        CausalLanguageModel reference, CausalLanguageModel rounded, int[] ids, int length, int blocks,
            CancellationToken cancellationToken = default)
    {
        if (ids.Length < 2) throw new InputException($"The text has {ids.Length} token(s), and the first is not predicted; at least "
            + $"2 were expected.");
        List<double> divergences = [];
        double loss = 0, own = 0;
        int same = 0;
        foreach (int[] block in ids.Chunk(length).Where(b => b.Length > 1).Take(blocks == 0 ? int.MaxValue : blocks))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using TensorScope scope = TensorScope.Begin();
            ModelInputs inputs = new() { InputIds = TokenGrid.Of([block]) };
            RunOptions options = new() { CancellationToken = cancellationToken };
            float[] p = reference.Run(inputs, options).Logits!.ToArray(), q = rounded.Run(inputs, options).Logits!.ToArray();
            int vocabulary = p.Length / block.Length;
            for (int t = 0; t + 1 < block.Length; t++)
            {
                ReadOnlySpan<float> right = p.AsSpan(t * vocabulary, vocabulary), found = q.AsSpan(t * vocabulary, vocabulary);
                (double shiftP, int firstP) = LogSum(right);
                (double shiftQ, int firstQ) = LogSum(found);
                double divergence = 0;
                for (int v = 0; v < vocabulary; v++)
                    divergence += Math.Exp(right[v] - shiftP) * (right[v] - shiftP - (found[v] - shiftQ));
                divergences.Add(Math.Max(0, divergence));
                own += shiftP - right[block[t + 1]];
                loss += shiftQ - found[block[t + 1]];
                if (firstP == firstQ) same++;
            }
        }

        divergences.Sort();
        int count = divergences.Count;
        return new QuantizationQuality(
            count, Math.Exp(loss / count), Math.Exp(own / count), divergences.Sum() / count,
                divergences[Math.Min(count - 1, count * 99 / 100)], (double)same / count);
    }

    private static (double Sum, int First) LogSum(ReadOnlySpan<float> logits)
    {
        int first = 0;
        for (int v = 1; v < logits.Length; v++)
            if (logits[v] > logits[first]) first = v;
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp((double)logit - logits[first]);
        return (logits[first] + Math.Log(sum), first);
    }
}
