using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>elu(x) + 1, as many features as a head is wide.</summary>
/// <remarks>Katharopoulos et al., arXiv:2006.16236, equation 7.</remarks>
internal sealed class EluFeatures : IAttentionFeatures
{
    /// <inheritdoc/>
    public int CountFor(int headWidth) => headWidth;

    /// <inheritdoc/>
    public Variable OfQueries(Variable x) => AttentionFeatures.EluPlusOne(x);

    /// <inheritdoc/>
    public Variable OfKeys(Variable x) => AttentionFeatures.EluPlusOne(x);
}

/// <summary>Positive random features (FAVOR+), whose products estimate the weights of softmax attention without bias.</summary>
/// <remarks>Choromanski et al., arXiv:2009.14794, lemma 1.</remarks>
internal sealed class RandomFeatures : IAttentionFeatures
{
    // Values, not a tensor: whoever made the features need not dispose them. Drawn when they are first asked for: a model of shapes alone never does.
    private readonly Lazy<float[]> _projection;
    private readonly Shape _shape;

    /// <summary>Draws the projection: orthogonal rows with the lengths of normal vectors.</summary>
    /// <param name="features">M.</param>
    /// <param name="headWidth">K.</param>
    /// <param name="seed">Of the draws: the same seed gives the same projection everywhere.</param>
    public RandomFeatures(int features, int headWidth, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headWidth, 1);
        _shape = new Shape(features, headWidth);
        _projection = new Lazy<float[]>(() =>
        {
            using TensorScope scope = TensorScope.Begin();
            return AttentionFeatures.OrthogonalProjection(features, headWidth, seed).ToArray();
        });
    }

    /// <inheritdoc/>
    public int CountFor(int headWidth) => headWidth == _shape[1] ? _shape[0] : throw new ShapeException($"RandomFeatures: heads are {headWidth} wide and the projection {_shape}.");

    /// <summary>e^(ω·x' − max ω·x')/√M: the lemma's −|x'|²/2 is a factor of the row, as is the greatest exponent, and both fall out; without the latter long queries would overflow.</summary>
    /// <inheritdoc/>
    public Variable OfQueries(Variable x)
    {
        (int N, int H, int K) = x.Shape.Bind3(nameof(x), "[N, H, K]");
        Variable exponents = (x.Reshape(N * H, K) * MathF.Pow(K, -0.25f)).MatMul(new Variable(Projection()).Transpose());           // [N·H, M]
        if (N * H > 0) exponents -= exponents.Max(-1, keep: true).Detach();
        return (exponents.Exp() * (1 / MathF.Sqrt(_shape[0]))).Reshape(N, H, _shape[0]);       // [N, H, M]
    }

    /// <inheritdoc/>
    public Variable OfKeys(Variable x)
    {
        (int N, int G, int K) = x.Shape.Bind3(nameof(x), "[N, G, K]");
        return AttentionFeatures.Positive(x.Reshape(N, G * K), Projection()).Reshape(N, G, _shape[0]);     // [N, G, M]
    }

    private Tensor Projection() => Tensor.Create(_projection.Value, _shape);
}
