using Heed.Models.Embeddings;

namespace Heed.Retrieval;

/// <summary>Between what the exact similarity lies, given the float32 pass of <see cref="Heed.Engine.Kernels.RowScoreKernel"/>.</summary>
/// <param name="similarity">How vectors are compared.</param>
/// <param name="width">D.</param>
/// <param name="queryNorm">‖q‖.</param>
internal readonly struct ScoreBounds(VectorSimilarity similarity, int width, double queryNorm)
{
    /// <summary>Below this, float32 products may have underflowed and say nothing.</summary>
    private const double Tiny = 1e-25;

    /// <summary>The kernel's bound is (D/16 + 16)·2⁻²³; twice that also covers the double precision of the exact value.</summary>
    private readonly double _relative = ((width / 16.0) + 16) * 2 / (1 << 23);

    /// <summary>The least and the greatest value that the exact similarity can have.</summary>
    /// <param name="score">The kernel's number.</param>
    /// <param name="norm">‖x‖.</param>
    public (double Least, double Most) Of(float score, double norm)
    {
        double scale = queryNorm * norm;
        if (!float.IsFinite(score) || !double.IsFinite(scale)) return (double.NegativeInfinity, double.PositiveInfinity);
        switch (similarity)
        {
            case VectorSimilarity.Dot:
                // |Σ| of the products is at most ‖q‖·‖x‖.
                double off = (_relative * scale) + (width * 1e-37);
                return (score - off, score + off);
            case VectorSimilarity.Cosine:
                if (scale < Tiny) return (-2, 2);
                double cosine = score / (Math.Max(queryNorm, 1e-12) * Math.Max(norm, 1e-12));
                return (cosine - _relative, cosine + _relative);
            case VectorSimilarity.Euclidean:
                double far = (score * (1 + _relative)) + (width * 1e-37), near = (score * (1 - _relative)) - (width * 1e-37);
                return (-Math.Sqrt(far), -Math.Sqrt(Math.Max(0, near)));
            default:
                return ((-score * (1 + _relative)) - (width * 1e-37), (-score * (1 - _relative)) + (width * 1e-37));
        }
    }
}
