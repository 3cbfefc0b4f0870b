namespace Heed.Models.Embeddings;

/// <summary>How two vectors are compared: greater is nearer.</summary>
public enum VectorSimilarity
{
    /// <summary>u·v ÷ (‖u‖·‖v‖).</summary>
    Cosine,

    /// <summary>u·v.</summary>
    Dot,

    /// <summary>−‖u − v‖.</summary>
    Euclidean,

    /// <summary>−Σ|uᵢ − vᵢ|.</summary>
    Manhattan,
}

/// <summary>The values of <see cref="VectorSimilarity"/> on vectors.</summary>
internal static class VectorSimilarities
{
    /// <summary>The words of <c>similarity_fn_name</c>.</summary>
    internal static (string Word, VectorSimilarity Value)[] Names { get; } =
    [
        ("cosine", VectorSimilarity.Cosine), ("dot", VectorSimilarity.Dot), ("dot_product", VectorSimilarity.Dot),
        ("euclidean", VectorSimilarity.Euclidean), ("manhattan", VectorSimilarity.Manhattan),
    ];

    /// <summary>Compares two vectors of the same length, in double precision.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Of(this VectorSimilarity similarity, ReadOnlySpan<float> u, ReadOnlySpan<float> v)
    {
        if (u.Length != v.Length)
            throw new ArgumentException($"A vector of {v.Length} numbers cannot be compared with one of {u.Length}.", nameof(v));
        double dot = 0, first = 0, second = 0, square = 0, absolute = 0;
        for (int i = 0; i < u.Length; i++)
        {
            double a = u[i], b = v[i];
            dot += a * b;
            first += a * a;
            second += b * b;
            square += (a - b) * (a - b);
            absolute += Math.Abs(a - b);
        }

        return similarity switch
        {
            VectorSimilarity.Cosine => dot / (Math.Max(Math.Sqrt(first), 1e-12) * Math.Max(Math.Sqrt(second), 1e-12)),
            VectorSimilarity.Dot => dot,
            VectorSimilarity.Euclidean => -Math.Sqrt(square),
            VectorSimilarity.Manhattan => -absolute,
            _ => throw new ArgumentOutOfRangeException(nameof(similarity), similarity, "Not a similarity."),
        };
    }
}
