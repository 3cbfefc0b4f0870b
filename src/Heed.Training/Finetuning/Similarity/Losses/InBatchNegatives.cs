using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Training.Finetuning;

/// <summary>Which rows of a batch are held against which: queries are the anchors, documents the positives and negatives.</summary>
[Flags]
internal enum Directions
{
    /// <summary>Each query with all documents.</summary>
    QueryToDocument = 1,

    /// <summary>Each query with the other queries.</summary>
    QueryToQuery = 2,

    /// <summary>All queries with each positive.</summary>
    DocumentToQuery = 4,

    /// <summary>Each positive with the documents of other rows.</summary>
    DocumentToDocument = 8,
}

/// <summary>Which negatives weigh more the nearer they are.</summary>
internal enum Hardness
{
    /// <summary>None.</summary>
    None,

    /// <summary>Documents of other rows.</summary>
    InBatch,

    /// <summary>A row's own negatives.</summary>
    Hard,

    /// <summary>All but the row's own positive.</summary>
    All,
}

/// <summary>
/// In-batch negatives: each anchor is to find its own positive among the documents of all rows (MultipleNegativesRankingLoss). It depends
/// on what else is in the batch.
/// </summary>
internal sealed record InBatchNegatives
{
    /// <summary>True for cosines, false for dot products.</summary>
    public bool Cosine { get; init; } = true;

    /// <summary>Factor of the similarities.</summary>
    public float Scale { get; init; } = 20;

    /// <summary>What is held against what.</summary>
    public Directions Directions { get; init; } = Directions.QueryToDocument;

    /// <summary>True for one sum over all directions, false for the mean of one loss a direction.</summary>
    public bool IsJoint { get; init; } = true;

    /// <summary>What weighs more the nearer it is.</summary>
    public Hardness Hardness { get; init; }

    /// <summary>Factor of the similarity that is added to what weighs more.</summary>
    public float HardnessStrength { get; init; }

    /// <summary>The mean loss.</summary>
    /// <param name="columns">Anchors, positives, and any number of negatives, each [N, D].</param>
    /// <returns>[].</returns>
    public Variable Of(IReadOnlyList<Variable> columns)
    {
        Variable queries = columns[0], positives = columns[1];
        Variable documents = columns.Count == 2 ? positives : Variable.Concatenate(0, [.. columns.Skip(1)]);     // [N·C, D]
        int n = queries.Shape[0];
        List<Variable> parts = [];
        Variable own = default;
        if (Directions.HasFlag(Directions.QueryToDocument))
        {
            Variable raw = Vectors.Similarities(queries, documents, Cosine), scores = raw * Scale;
            own = scores.Pick(Range(n), Range(n));
            parts.Add(Hardness == Hardness.None ? scores : scores + Penalty(raw.Value, n));
        }
        else
        {
            own = Vectors.Similarity(queries, positives, Cosine) * Scale;
        }

        if (Directions.HasFlag(Directions.QueryToQuery)) parts.Add(Others(Vectors.Similarities(queries, queries, Cosine) * Scale, n));
        if (Directions.HasFlag(Directions.DocumentToQuery)) parts.Add(Vectors.Similarities(positives, queries, Cosine) * Scale);
        if (Directions.HasFlag(Directions.DocumentToDocument)) parts.Add(Others(Vectors.Similarities(positives, documents, Cosine) * Scale,
            n));
        if (IsJoint) return (Variable.Concatenate(1, [.. parts]).LogSumExp() - own).Mean();
        Variable sum = (parts[0].LogSumExp() - own).Mean();
        foreach (Variable part in parts.Skip(1)) sum += (part.LogSumExp() - own).Mean();
        return sum / parts.Count;
    }

    /// <summary>Strikes out what belongs to the row itself.  [N, N·C].</summary>
    private static Variable Others(Variable scores, int n)
    {
        Tensor struck = Tensor.Zeros(scores.Shape);
        for (int i = 0; i < n; i++)
            for (int j = i; j < scores.Shape[1]; j += n) struck[i, j] = Vectors.Excluded;
        return scores + struck;
    }

    /// <summary>What is added to near negatives; it has no gradient.</summary>
    private Tensor Penalty(Tensor similarities, int n)
    {
        Tensor penalty = Tensor.Zeros(similarities.Shape);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < similarities.Shape[1]; j++)
            {
                bool isOwn = j % n == i, counts = Hardness switch
                {
                    Hardness.InBatch => !isOwn,
                    Hardness.Hard => isOwn && j >= n,
                    _ => j != i,
                };
                if (counts) penalty[i, j] = HardnessStrength * similarities[i, j];
            }
        }

        return penalty;
    }

    private static int[] Range(int n) => [.. Enumerable.Range(0, n)];
}
