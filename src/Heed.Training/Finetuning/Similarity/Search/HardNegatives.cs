namespace Heed.Training.Finetuning;

/// <summary>Which documents are hard negatives of a query: near it, and no answer to it (mine_hard_negatives).</summary>
internal sealed record HardNegatives
{
    /// <summary>Negatives a query.</summary>
    public int Count { get; init; } = 3;

    /// <summary>Nearest ones passed over, of what is left after the limits.</summary>
    public int RangeMinimum { get; init; }

    /// <summary>Nearest ones looked at; null: as many as the others ask for.</summary>
    public int? RangeMaximum { get; init; }

    /// <summary>A negative's cosine is at most the least positive's less this.</summary>
    public double? AbsoluteMargin { get; init; }

    /// <summary>A negative's cosine is at most the least positive's less this part of its size.</summary>
    public double? RelativeMargin { get; init; }

    /// <summary>Greatest cosine of a negative.</summary>
    public double? MaximumScore { get; init; }

    /// <summary>Least cosine of a negative.</summary>
    public double? MinimumScore { get; init; }

    /// <summary>True to let a query's positives be among what is found.</summary>
    public bool KeepsPositives { get; init; }

    /// <summary>The negatives of each query.</summary>
    /// <param name="queries">Queries.</param>
    /// <param name="documents">Documents.</param>
    /// <param name="positives">For each query the documents that answer it.</param>
    /// <returns>For each query up to <see cref="Count"/> documents, nearest first, with their cosines.</returns>
    public IReadOnlyList<(int Document, double Score)[]> Of(
        VectorTable queries, VectorTable documents, IReadOnlyList<IReadOnlyList<int>> positives)
    {
        int most = positives.Max(p => p.Count);
        bool limits = AbsoluteMargin is not null || RelativeMargin is not null || MaximumScore is not null;
        int range = (RangeMaximum ?? (RangeMinimum + (Count * (limits ? 10 : 1)))) + most;
        (int, double)[][] found = new (int, double)[queries.Count][];
        for (int q = 0; q < found.Length; q++)
        {
            int query = q;
            double least = positives[q].Count == 0 ? double.PositiveInfinity
                : positives[q].Min(p => queries.Similarity(query, documents, p, cosine: true));
            found[q] = [.. queries.Nearest(q, documents, range)
                .Where(n => (KeepsPositives || !positives[query].Contains(n.Row)) && IsAllowed(n.Score, least))
                .Skip(RangeMinimum).Take(Count)];
        }

        return found;
    }

    private bool IsAllowed(double score, double positive)
        => !(score + AbsoluteMargin > positive) && !(score > positive - (Math.Abs(positive) * RelativeMargin))
            && !(score > MaximumScore) && !(score < MinimumScore);
}
