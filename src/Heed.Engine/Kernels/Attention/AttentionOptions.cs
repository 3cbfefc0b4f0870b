namespace Heed.Engine.Kernels;

/// <summary>How a dense bias or mask spans the scores of a sequence.</summary>
internal enum DenseLayout
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>[S]: one entry a key, for every query and head (padded keys). For masks only.</summary>
    Keys,

    /// <summary>[T, S]: shared by the heads.</summary>
    Shared,

    /// <summary>[H, T, S].</summary>
    PerHead,
}

/// <summary>One sequence of a packed batch: which rows are its queries, which are its keys, and where its first query stands among its
/// keys.</summary>
/// <remarks>Rows of queries (and, for the backward pass, of keys) of different sequences must not overlap; sequences lie in ascending
/// order.</remarks>
internal readonly record struct AttentionSequence(int QueryStart, int QueryCount, int KeyStart, int KeyCount, int QueryOffset = 0)
{
    /// <summary>Index of the sequence's first entry in the dense bias (floats).</summary>
    public long BiasStart { get; init; }

    /// <summary>Index of the sequence's first entry in the mask.</summary>
    public long MaskStart { get; init; }

    /// <summary>The sequence's own stream of dropout decisions, so that its mask does not depend on its neighbours in the batch.</summary>
    public ulong DropoutStream { get; init; }
}

/// <summary>Which (query block, key block) pairs may attend, as in BigBird: blocks of <see cref="BlockSize"/> positions, counted from the
/// sequence's first key.</summary>
/// <remarks>Zaheer et al., arXiv:2007.14062 §2. <see cref="Allowed"/> is [QueryBlocks, KeyBlocks], or [H, QueryBlocks, KeyBlocks] where
/// <see cref="PerHead"/>.</remarks>
internal sealed record BlockPattern(int BlockSize, int QueryBlocks, int KeyBlocks, bool[] Allowed, bool PerHead = false)
{
    /// <summary>Whether a head's query at position p may see key j. Queries before the first or after the last block (padding) see what the
    /// nearest block sees.</summary>
    public bool Sees(int head, int p, int j) =>
        Allowed[((Math.Clamp(p / BlockSize, 0, QueryBlocks - 1) + (PerHead ? head * QueryBlocks : 0)) * KeyBlocks) + (j / BlockSize)];
}

/// <summary>What an attention product is, apart from its numbers.</summary>
internal sealed record AttentionOptions
{
    /// <summary>H, query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of the keys and values, a divisor of <see cref="Heads"/>: query head h reads key head h·KeyHeads/Heads. 0 means
    /// <see cref="Heads"/>.</summary>
    public int KeyHeads { get => field == 0 ? Heads : field; init; }

    /// <summary>K, width of a query and key head.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>Width of a value head; 0 means <see cref="HeadWidth"/>.</summary>
    public int ValueWidth { get => field == 0 ? HeadWidth : field; init; }

    /// <summary>Factor of the dot products; 1/√K as a rule, 1 in T5.</summary>
    public required float Scale { get; init; }

    /// <summary>Query at position p sees keys ≤ p only.</summary>
    public bool Causal { get; init; }

    /// <summary>0: none. Query at position p sees keys p − Window + 1 … p, and without <see cref="Causal"/> also up to p + Window −
    /// 1.</summary>
    public int Window { get; init; }

    /// <summary>Entries a head of the relative bias [H, range]; 0: none. Score (p, j) gets entry j − p +
    /// <see cref="RelativeOffset"/>.</summary>
    public int RelativeRange { get; init; }

    /// <summary>Index of distance 0 in the relative bias.</summary>
    public int RelativeOffset { get; init; }

    /// <summary>Layout of the dense additive bias.</summary>
    public DenseLayout Bias { get; init; }

    /// <summary>Layout of the boolean mask; true = may attend.</summary>
    public DenseLayout Mask { get; init; }

    /// <summary>The block-sparse pattern, or null.</summary>
    public BlockPattern? Blocks { get; init; }

    /// <summary>Probability that a weight of the pattern is dropped, in [0, 1); the others are divided by 1 − it.</summary>
    public float Dropout { get; init; }

    /// <summary>Seed of the dropout decisions.</summary>
    public ulong Seed { get; init; }

    /// <summary>The keys that the query at position p (relative to the sequence's first key) may see by causality and window, of the first
    /// <paramref name="keys"/>: [Low, High).</summary>
    public (int Low, int High) Visible(int p, int keys) => AttentionProblem.Visible(p, keys, Causal, Window);
}

/// <summary>The numbers of an attention product. q: [N, H·K], k: [S, Hkv·K], v: [S, Hkv·V], each with its own distance between rows (slices
/// of one fused product have that product's width).</summary>
internal readonly ref struct AttentionInputs<T>
{
    public required ReadOnlySpan<T> Query { get; init; }

    public required int QueryStride { get; init; }

    public required ReadOnlySpan<T> Key { get; init; }

    public required int KeyStride { get; init; }

    public required ReadOnlySpan<T> Value { get; init; }

    public required int ValueStride { get; init; }

    /// <summary>[H, range].</summary>
    public ReadOnlySpan<T> RelativeBias { get; init; }

    public ReadOnlySpan<T> Bias { get; init; }

    public ReadOnlySpan<bool> Mask { get; init; }
}

/// <summary>Where the gradients go: overwritten, shapes and strides as the inputs'. Empty spans of the two biases are not
/// computed.</summary>
internal readonly ref struct AttentionGradients<T>
{
    public required Span<T> Query { get; init; }

    public required int QueryStride { get; init; }

    public required Span<T> Key { get; init; }

    public required int KeyStride { get; init; }

    public required Span<T> Value { get; init; }

    public required int ValueStride { get; init; }

    /// <summary>[H, range], summed over sequences, rows and keys in a fixed order.</summary>
    public Span<T> RelativeBias { get; init; }

    /// <summary>The dense bias's gradient, in its layout (a shared bias gets the sum over heads).</summary>
    public Span<T> Bias { get; init; }
}
