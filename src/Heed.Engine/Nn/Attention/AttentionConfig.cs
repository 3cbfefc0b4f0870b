using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>The keys of the four projections of a <see cref="MultiHeadAttention"/> in a checkpoint.</summary>
/// <param name="Query">Query projection.</param>
/// <param name="Key">Key projection.</param>
/// <param name="Value">Value projection.</param>
/// <param name="Output">Output projection.</param>
public sealed record AttentionNames(string Query, string Key, string Value, string Output)
{
    /// <summary><c>q_proj, k_proj, v_proj, o_proj</c>: LLaMA and kin.</summary>
    public static AttentionNames Llama { get; } = new("q_proj", "k_proj", "v_proj", "o_proj");

    /// <summary><c>q_proj, k_proj, v_proj, out_proj</c>: BART and Marian.</summary>
    public static AttentionNames Bart { get; } = new("q_proj", "k_proj", "v_proj", "out_proj");
}

/// <summary>What a <see cref="MultiHeadAttention"/> is.</summary>
public sealed record AttentionConfig
{
    /// <summary>D, width of the rows that ask and of the result.</summary>
    public required int Width { get; init; }

    /// <summary>H, query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values, a divisor of <see cref="Heads"/>: fewer for grouped, 1 for multi-query attention; 0 means
    /// <see cref="Heads"/>.</summary>
    public int KeyHeads { get => field == 0 ? Heads : field; init; }

    /// <summary>K, width of a head; 0 means D / H.</summary>
    /// <exception cref="ShapeException">It is 0 and H does not divide D.</exception>
    public int HeadWidth { get => field == 0 ? EvenHeadWidth() : field; init; }

    /// <summary>Width of the rows from which keys are made; 0 means D.</summary>
    public int KeyInputWidth { get => field == 0 ? Width : field; init; }

    /// <summary>Width of the rows from which values are made; 0 means D.</summary>
    public int ValueInputWidth { get => field == 0 ? Width : field; init; }

    /// <summary>True where the projections of q, k and v have biases.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>True: each sequence has one more key and value, learned (<c>bias_k</c>, <c>bias_v</c>; torch's
    /// <c>add_bias_kv</c>).</summary>
    public bool ExtraKey { get; init; }

    /// <summary>True where the output projection has a bias.</summary>
    public bool OutputBias { get; init; } = true;

    /// <summary>Factor of the scores; 0 means 1/√K (Vaswani et al. 2017, §3.2.1). T5 uses 1.</summary>
    public float Scale { get => field == 0 ? 1 / MathF.Sqrt(HeadWidth) : field; init; }

    /// <summary>True where a token sees itself and those before it.</summary>
    public bool Causal { get; init; }

    /// <summary>0: all. Else a token sees up to this many tokens, itself included (and, where not causal, as many ahead).</summary>
    public int Window { get; init; }

    /// <summary>Probability of dropout on the pattern.</summary>
    public float Dropout { get; init; }

    /// <summary>The layer's index in the key-value cache.</summary>
    public int Layer { get; init; }

    /// <summary>Keys of the projections.</summary>
    public AttentionNames Names { get; init; } = AttentionNames.Bart;

    /// <summary>Key of one projection for q, k and v together ([q | k | v], as GPT-2 has it), or null for three.</summary>
    public string? FusedName { get; init; }

    /// <summary>True where the fused projection is laid out head by head, [H, (q, k, v), K], as BLOOM has it.</summary>
    public bool FusedByHead { get; init; }

    /// <summary>True where weights lie input-major (GPT's Conv1D).</summary>
    public bool InputMajor { get; init; }

    /// <summary>Rotates queries and keys by their positions, or null.</summary>
    public IRotation? Rotation { get; init; }

    /// <summary>Adds a bias that depends on the distance of key and query, or null.</summary>
    public IDistanceBias? DistanceBias { get; init; }

    /// <summary>Adds scores of queries and of keys against the distance between them (DeBERTa), or null.</summary>
    internal DisentangledPositions? Disentangled { get; init; }

    /// <summary>Restricts which blocks of positions see each other (BigBird), or null.</summary>
    public IBlockSparsity? Sparsity { get; init; }

    /// <summary>
    /// Makes attention linear in the length: weights are products of features instead of a softmax, or null. Such attention has no scores:
    /// it goes with none of <see cref="Window"/>, <see cref="DistanceBias"/>, <see cref="Sparsity"/>, <see cref="ExtraKey"/> and
    /// cross-attention, and has no pattern that <see cref="Dropout"/> could thin.
    /// </summary>
    public IAttentionFeatures? Features { get; init; }

    /// <summary>Norms applied to each head of q and of k, from the scopes given (Qwen3), or null.</summary>
    public Func<ParameterScope, Norm>? HeadNorm { get; init; }

    /// <summary>First values of the projections; normal with 0.02 where null.</summary>
    public Initializer? Initializer { get; init; }

    /// <summary>First values of the query projection; as the others where null. Unscaled attention (T5) starts with smaller
    /// queries.</summary>
    public Initializer? QueryInitializer { get; init; }

    /// <summary>First values of the output projection; as the others where null.</summary>
    public Initializer? OutputInitializer { get; init; }

    private int EvenHeadWidth() => Heads > 0 && Width % Heads == 0
        ? Width / Heads
        : throw new ShapeException(
            $"AttentionConfig: the width {Width} cannot be divided into {Heads} heads of equal width; choose a divisor of {Width}, "
                + $"or set HeadWidth.");
}

/// <summary>Rotates pairs of query and key components by position (RoPE).</summary>
public interface IRotation
{
    /// <summary>Rotates rows by their positions.</summary>
    /// <param name="x">[N, H, K].</param>
    /// <param name="positions">[N].</param>
    /// <param name="length">Longest sequence, in tokens: some variants depend on it.</param>
    /// <returns>[N, H, K].</returns>
    Variable Rotate(Variable x, int[] positions, int length);
}

/// <summary>A bias on attention scores that depends on the distance of key and query alone (ALiBi, T5).</summary>
public interface IDistanceBias
{
    /// <summary>The bias of all distances in a sequence.</summary>
    /// <param name="length">Longest sequence, in tokens.</param>
    /// <returns>[H, 2·length − 1]: entry d + length − 1 is for key position − query position = d.</returns>
    Variable Distances(int length);
}

/// <summary>Turns queries and keys into features ≥ 0, whose products are the weights of linear attention (Katharopoulos et al.,
/// arXiv:2006.16236).</summary>
public interface IAttentionFeatures
{
    /// <summary>M, number of features of a head of width K.</summary>
    int CountFor(int headWidth);

    /// <summary>Features of queries, each row for itself: a factor of a row falls out.</summary>
    /// <param name="x">[N, H, K].</param>
    /// <returns>[N, H, M].</returns>
    Variable OfQueries(Variable x);

    /// <summary>Features of keys.</summary>
    /// <param name="x">[N, G, K].</param>
    /// <returns>[N, G, M].</returns>
    Variable OfKeys(Variable x);
}

/// <summary>Which blocks of positions see each other (Zaheer et al., arXiv:2007.14062).</summary>
public interface IBlockSparsity
{
    /// <summary>Positions a block, counted from the sequence's first token.</summary>
    int BlockSize { get; }

    /// <summary>The allowed pairs for a sequence of the given length.</summary>
    /// <param name="blocks">Number of blocks.</param>
    /// <returns>[blocks · blocks]: entry q · blocks + k.</returns>
    bool[] Allowed(int blocks);
}
