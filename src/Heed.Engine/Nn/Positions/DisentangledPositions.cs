using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>The keys of a layer's projections of distances in a checkpoint.</summary>
/// <param name="Key">To keys.</param>
/// <param name="Query">To queries.</param>
internal sealed record DistanceProjections(string Key, string Query);

/// <summary>What <see cref="DisentangledPositions"/> are.</summary>
internal sealed record DisentangledConfig
{
    /// <summary>D.</summary>
    public required int Width { get; init; }

    /// <summary>s: the table has 2s rows, for the distances −s … s − 1, or as many buckets of distances.</summary>
    public required int Span { get; init; }

    /// <summary>Buckets on either side: half of them hold one distance each, half grow with it; 0: each distance has a row.</summary>
    public int Buckets { get; init; }

    /// <summary>The distance before which the last bucket ends.</summary>
    public int Farthest { get; init; }

    /// <summary>True where a query's content is held against distances.</summary>
    public bool ContentToPosition { get; init; }

    /// <summary>True where a key's content is.</summary>
    public bool PositionToContent { get; init; }

    /// <summary>Keys of the layers' projections of distances; null: those of keys and queries project distances too.</summary>
    public DistanceProjections? Projections { get; init; }

    /// <summary>ε of the norm of the table's rows; 0: they have none.</summary>
    public float NormEpsilon { get; init; }

    /// <summary>Probability of dropout on the table's rows.</summary>
    public float Dropout { get; init; }

    /// <summary>First values of the table.</summary>
    public Initializer? Initializer { get; init; }
}

/// <summary>DeBERTa's positions: a row of a table for each distance, which all layers share, and against which queries and keys are held as
/// against each other.</summary>
/// <remarks>He et al. 2021, arXiv:2006.03654 §3.1; buckets: arXiv:2111.09543.</remarks>
internal sealed class DisentangledPositions : Module
{
    private readonly DisentangledConfig _config;

    /// <summary>Makes <c>rel_embeddings.weight</c>, [2s, D], and the norm <c>LayerNorm</c>.</summary>
    public DisentangledPositions(DisentangledConfig config, ParameterScope at)
        : base(at)
    {
        _config = config;
        Initializer first = config.Initializer ?? Initializer.Normal(0.02f);
        Rows = new Embedding(2 * config.Span, config.Width, (at / "rel_embeddings").As("rel_embed"), first);
        if (config.NormEpsilon > 0) Norm = new LayerNorm(config.Width, config.NormEpsilon, (at / "LayerNorm").As("norm_rel"));
    }

    /// <summary>Rows of distances.</summary>
    public Embedding Rows { get; }

    /// <summary>Their norm, or null.</summary>
    public LayerNorm? Norm { get; }

    /// <summary>Keys of the layers' projections of distances; null: those of keys and queries project distances too.</summary>
    public DistanceProjections? Projections => _config.Projections;

    /// <summary>True where keys of distances are wanted.</summary>
    public bool HasKeys => _config.ContentToPosition;

    /// <summary>True where queries of distances are wanted.</summary>
    public bool HasQueries => _config.PositionToContent;

    /// <summary>The row of a distance.</summary>
    /// <param name="distance">Query position − key position.</param>
    public int RowOf(int distance)
        => Math.Clamp(Bucket(distance, _config.Buckets, _config.Farthest) + _config.Span, 0, (2 * _config.Span) - 1);

    /// <summary>The bucket of a distance, of the same sign.</summary>
    /// <param name="distance">Query position − key position.</param>
    /// <param name="buckets">Buckets on either side; 0: the distance itself.</param>
    /// <param name="farthest">The distance before which the last bucket ends.</param>
    public static int Bucket(int distance, int buckets, int farthest)
    {
        int middle = buckets / 2, length = Math.Abs(distance);
        if (buckets == 0 || length <= middle) return distance;
        // In float32, as the reference does: its rounding decides at the borders.
        float whole = (float)Math.Log((float)((farthest - 1) / (double)middle)), part = (float)Math.Log((float)length / middle);
        return Math.Sign(distance) * ((int)MathF.Ceiling(part / whole * (middle - 1)) + middle);
    }

    /// <summary>What distances add to the scores: (q·key of the distance + k·query of the distance)·scale.</summary>
    /// <param name="q">[N, H, K].</param>
    /// <param name="k">[S, H, K].</param>
    /// <param name="keys">D → H·K, to keys.</param>
    /// <param name="queries">D → H·K, to queries.</param>
    /// <param name="sequences">Which rows belong together, and where the scores of each begin.</param>
    /// <param name="scale">Factor of the scores.</param>
    /// <param name="context">Whose dropout decides.</param>
    /// <param name="site">The layer's place.</param>
    /// <returns>[H, T, S] of each sequence, one after another.</returns>
    public Variable Scores(
        Variable q, Variable k, Projection keys, Projection queries, AttentionSequence[] sequences, float scale, ForwardContext context,
        string site)
    {
        int far = 0, H = q.Shape[1], K = q.Shape[2];
        foreach (AttentionSequence s in sequences)
            if (s is { QueryCount: > 0, KeyCount: > 0 })
                far = Math.Max(far, Math.Max(s.QueryOffset + s.QueryCount - 1, s.KeyCount - 1 - s.QueryOffset));
        // Rows follow the distances, so that those of the longest text are a part of the table without a gap.
        int first = RowOf(-far), count = RowOf(far) - first + 1;
        int[] entries = new int[(2 * far) + 1];
        for (int d = -far; d <= far; d++) entries[far + d] = RowOf(d) - first;
        Variable rows = RowsFrom(first, count, context, site);                                                           // [R, D]
        Variable? a = HasKeys ? Against(q, keys) : default(Variable?);                                           // [H, N, R]
        Variable? b = HasQueries ? Against(k, queries) : default(Variable?);                                             // [H, S, R]
        return RelativeScoresOp.Apply(a, b, H, new RelativeEntries(entries, count), scale, sequences);

        Variable Against(Variable x, Projection projection)
            => x.Permute(1, 0, 2).MatMul(projection.Forward(rows).Reshape(count, H, K).Permute(1, 2, 0));
    }

    private Variable RowsFrom(int first, int count, ForwardContext context, string site)
    {
        if (context.Dropout is null || _config.Dropout == 0) return Normed(first, count);
        // All rows, so that what drops out does not depend on the lengths of the texts.
        return new Dropout(_config.Dropout, $"{site}.rel").Forward(Normed(0, 2 * _config.Span), context).Slice(0, first, count);
    }

    private Variable Normed(int first, int count)
    {
        Variable rows = Rows.Forward([.. Enumerable.Range(first, count)]);
        return Norm?.Forward(rows) ?? rows;
    }
}
