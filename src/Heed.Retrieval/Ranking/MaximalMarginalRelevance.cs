using Heed.Models.Embeddings;

namespace Heed.Retrieval;

/// <summary>A ranking whose items are near the query and not near each other.</summary>
public static class MaximalMarginalRelevance
{
    /// <summary>Chooses the most similar item, then again and again the one of greatest λ·cos(q, d) − (1 − λ)·max cos(d, chosen).</summary>
    /// <param name="query">[D].</param>
    /// <param name="items">Each [D].</param>
    /// <param name="count">How many; more than there are gives all.</param>
    /// <param name="relevance">λ: 1 ranks by similarity alone, 0 by difference alone.</param>
    /// <returns>The chosen items in their order; of equal values the lower item.</returns>
    /// <exception cref="ArgumentException">Lengths differ, or a number is out of its range.</exception>
    /// <remarks>Carbonell and Goldstein 1998.</remarks>
    public static IReadOnlyList<int> Select(ReadOnlySpan<float> query, IReadOnlyList<float[]> items, int count, double relevance = 0.5)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!(relevance is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(relevance), relevance, "A number from 0 to 1 was expected.");
        double[] near = new double[items.Count], taken = new double[items.Count];
        for (int i = 0; i < near.Length; i++) near[i] = VectorSimilarity.Cosine.Of(query, items[i]);
        bool[] isChosen = new bool[items.Count];
        List<int> chosen = new(Math.Min(count, items.Count));
        while (chosen.Count < Math.Min(count, items.Count))
        {
            int best = -1;
            double most = 0;
            for (int i = 0; i < near.Length; i++)
            {
                if (isChosen[i]) continue;
                double value = chosen.Count == 0 ? near[i] : (relevance * near[i]) - ((1 - relevance) * taken[i]);
                if (best < 0 || value > most) (best, most) = (i, value);
            }

            isChosen[best] = true;
            for (int i = 0; i < near.Length; i++)
            {
                double cosine = VectorSimilarity.Cosine.Of(items[i], items[best]);
                taken[i] = chosen.Count == 0 ? cosine : Math.Max(taken[i], cosine);
            }

            chosen.Add(best);
        }

        return chosen;
    }
}
