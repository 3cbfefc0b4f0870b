using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>
/// Attention before Transformers: score = v·tanh(W·query + U·key), softmax over the keys of the query's sequence, weighted sum of the keys.
/// query: [B, Q], one a sequence; keys: [S, D], sequences one after another → [B, D].
/// </summary>
/// <remarks>Bahdanau et al. 2015, arXiv:1409.0473 §A.1.2.</remarks>
internal sealed class AdditiveAttention : Module
{
    private readonly Linear _query;
    private readonly Linear _key;
    private readonly Parameter _score;

    /// <summary>Makes <c>query.weight</c>, <c>key.weight</c> and <c>score</c>.</summary>
    /// <param name="queryWidth">Q.</param>
    /// <param name="keyWidth">D.</param>
    /// <param name="width">Width of the hidden layer of the scores.</param>
    /// <param name="at">Where the parameters are named.</param>
    public AdditiveAttention(int queryWidth, int keyWidth, int width, ParameterScope at)
        : base(at)
    {
        _query = new Linear(queryWidth, width, (at / "query").As("query"), bias: false, initializer: Initializer.GlorotUniform);
        _key = new Linear(keyWidth, width, (at / "key").As("key"), bias: false, initializer: Initializer.GlorotUniform);
        _score = at.Parameter("score", new Shape(width, 1), Initializer.GlorotUniform);
    }

    /// <summary>The keys' part of the scores, U·key: the same for all queries of a sequence.</summary>
    /// <param name="keys">[S, D].</param>
    /// <returns>[S, width].</returns>
    public Variable Prepare(Variable keys) => _key.Forward(keys);

    /// <summary>Attends with one query a sequence.</summary>
    /// <param name="query">[B, Q].</param>
    /// <param name="keys">[S, D].</param>
    /// <param name="prepared">[S, width], from <see cref="Prepare"/>.</param>
    /// <param name="starts">[B + 1]: first key of each sequence, and S at the end.</param>
    /// <returns>The weighted sums of the keys, [B, D], and each sequence's weights, [1, keys].</returns>
    /// <exception cref="ShapeException">There is not one query a sequence.</exception>
    public (Variable Context, IReadOnlyList<Variable> Weights) Forward(Variable query, Variable keys, Variable prepared, ReadOnlySpan<int> starts)
    {
        (int B, _) = query.Shape.Bind2(nameof(query), "[B, Q]");
        if (starts.Length != B + 1) throw new ShapeException("AdditiveAttention.Forward", nameof(query), query.Shape, $"[{starts.Length - 1}, Q]", $"there are {starts.Length - 1} sequences of keys");
        Variable queries = _query.Forward(query);                                                    // [B, width]
        Variable[] contexts = new Variable[B], weights = new Variable[B];
        for (int b = 0; b < B; b++)
        {
            int first = starts[b], count = starts[b + 1] - first;
            Variable hidden = (prepared.Slice(0, first, count) + queries.Slice(0, b, 1)).Activate(Activation.Tanh);     // [keys, width]
            weights[b] = hidden.MatMul(_score.ToVariable()).Reshape(1, count).Softmax();             // [1, keys]
            contexts[b] = weights[b].MatMul(keys.Slice(0, first, count));                            // [1, D]
        }

        return (Variable.Concatenate(0, contexts), weights);
    }
}
