using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>Feature maps that turn queries and keys into positive features, for attention in time linear in the length.</summary>
public static class AttentionFeatures
{
    /// <summary>The features elu(x) + 1, for <see cref="AttentionConfig.Features"/>.</summary>
    /// <remarks>Katharopoulos et al., arXiv:2006.16236, equation 7.</remarks>
    public static IAttentionFeatures Elu() => new EluFeatures();

    /// <summary>Positive random features, for <see cref="AttentionConfig.Features"/>: linear attention that estimates softmax.</summary>
    /// <param name="features">M, number of features per head.</param>
    /// <param name="headWidth">K.</param>
    /// <param name="seed">Of the random directions.</param>
    /// <remarks>Choromanski et al., arXiv:2009.14794.</remarks>
    public static IAttentionFeatures Random(int features, int headWidth, ulong seed) => new RandomFeatures(features, headWidth, seed);

    /// <summary>elu(x) + 1: eˣ below 0, x + 1 above.  Any shape.</summary>
    /// <remarks>Katharopoulos et al., arXiv:2006.16236, equation 7.</remarks>
    public static Variable EluPlusOne(Variable x)
    {
        Variable positive = x.Activate(Activation.Relu);
        return (x - positive).Exp() + positive;
    }

    /// <summary>Positive random features, whose products estimate e^(q·k/√K) without bias: e^(ω·x' − |x'|²/2)/√M with x' = x/K^¼.</summary>
    /// <param name="x">[N, H·K].</param>
    /// <param name="projection">ω, [M, K]; <see cref="OrthogonalProjection"/> makes one.</param>
    /// <returns>[N, H·M].</returns>
    /// <remarks>Choromanski et al., arXiv:2009.14794, lemma 1.</remarks>
    public static Variable Positive(Variable x, Tensor projection)
    {
        ArgumentNullException.ThrowIfNull(projection);
        int M = projection.Shape[0], K = projection.Shape.Last, N = x.Shape[0];
        Variable scaled = x.Reshape(N * (x.Shape.Last / K), K) * MathF.Pow(K, -0.25f);                          // [N·H, K]
        Variable half = (scaled * scaled).Sum(-1, keep: true) * 0.5f;                                           // [N·H, 1]
        return ((scaled.MatMul(projection.Transpose()) - half).Exp() * (1 / MathF.Sqrt(M))).Reshape(N, -1);
    }

    /// <summary>ω: blocks of orthogonal rows with the lengths of normal vectors, so that the estimate varies less than with independent rows.</summary>
    /// <param name="features">M, number of rows.</param>
    /// <param name="width">K.</param>
    /// <param name="seed">Of the draws.</param>
    /// <returns>[M, K].</returns>
    /// <remarks>Choromanski et al., arXiv:2009.14794, §2.4.</remarks>
    public static Tensor OrthogonalProjection(int features, int width, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        float[] drawn = new float[checked(2 * features * width)];
        new CounterRandom(seed, 0x4641564F52).Normal(drawn, 0, 1);
        Tensor projection = Tensor.Uninitialized(features, width);
        double[][] rows = new double[features][];
        for (int m = 0; m < features; m++)
        {
            // Gram and Schmidt within the block of K rows; the lengths are those of other draws.
            double[] row = rows[m] = [.. drawn.AsSpan(m * width, width).ToArray().Select(x => (double)x)];
            for (int other = m - (m % width); other < m; other++)
            {
                double dot = 0;
                for (int d = 0; d < width; d++) dot += row[d] * rows[other][d];
                for (int d = 0; d < width; d++) row[d] -= dot * rows[other][d];
            }

            double norm = Math.Sqrt(row.Sum(x => x * x)), length = 0;
            for (int d = 0; d < width; d++)
            {
                row[d] /= norm;
                double x = drawn[((features + m) * width) + d];
                length += x * x;
            }

            for (int d = 0; d < width; d++) projection.Span[(m * width) + d] = (float)(row[d] * Math.Sqrt(length));
        }

        return projection;
    }

    /// <summary>Attention whose weights are the features' products, divided by their sum.</summary>
    /// <param name="query">[N, H·M], features of the queries.</param>
    /// <param name="key">[N, H·M], features of the keys.</param>
    /// <param name="value">[N, H·V].</param>
    /// <param name="heads">H.</param>
    /// <param name="causal">True where a row sees itself and those before it; else it sees its whole sequence.</param>
    /// <param name="context">Where sequences begin.</param>
    /// <returns>[N, H·V].</returns>
    /// <exception cref="ShapeException">A width is not a multiple of the heads.</exception>
    public static Variable Attend(Variable query, Variable key, Variable value, int heads, bool causal, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (heads < 1 || query.Shape.Last % heads != 0 || value.Shape.Last % heads != 0 || key.Shape.Last != query.Shape.Last)
            throw new ShapeException($"AttentionFeatures.Attend: queries {query.Shape}, keys {key.Shape} and values {value.Shape} do not split into {heads} heads.");
        AttentionOptions options = new() { Heads = heads, HeadWidth = query.Shape.Last / heads, ValueWidth = value.Shape.Last / heads, Scale = 1, Causal = causal };
        return LinearAttentionOp.Apply(query, key, value, options, context.SelfSequences());
    }
}
