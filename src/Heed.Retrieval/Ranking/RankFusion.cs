using System.Runtime.InteropServices;

namespace Heed.Retrieval;

/// <summary>One ranking of several.</summary>
public static class RankFusion
{
    /// <summary>The constant of the paper.</summary>
    public const double StandardConstant = 60;

    /// <summary>Reciprocal-rank fusion: Σ weight ÷ (constant + rank), rank from 1; a list without the item adds nothing.</summary>
    /// <param name="lists">Rankings, best first, each item at most once in one.</param>
    /// <param name="weights">A weight per list; null: 1 each.</param>
    /// <param name="constant">The greater, the less the first ranks stand out; above −1.</param>
    /// <returns>Every item of any list, best first; of equal sums the lower item.</returns>
    /// <exception cref="ArgumentException">There is not one weight per list, or a number is out of its range.</exception>
    /// <remarks>Cormack, Clarke and Büttcher 2009.</remarks>
    public static IReadOnlyList<Ranked> Reciprocal(
        IReadOnlyList<IReadOnlyList<int>> lists, IReadOnlyList<double>? weights = null, double constant = StandardConstant)
    {
        ArgumentNullException.ThrowIfNull(lists);
        if (weights is not null && weights.Count != lists.Count)
            throw new ArgumentException($"There are {weights.Count} weights for {lists.Count} lists; one each is needed.", nameof(weights));
        if (!(constant > -1)) throw new ArgumentOutOfRangeException(nameof(constant), constant, "A number above -1 was expected.");
        Dictionary<int, double> sums = [];
        for (int l = 0; l < lists.Count; l++)
        {
            for (int i = 0; i < lists[l].Count; i++)
                CollectionsMarshal.GetValueRefOrAddDefault(sums, lists[l][i], out _) += (weights?[l] ?? 1) / (constant + i + 1);
        }

        return [.. sums.Select(s => new Ranked(s.Key, s.Value)).OrderByDescending(r => r.Score).ThenBy(r => r.Item)];
    }
}
