using Heed.Models.Embeddings;

namespace Heed.Retrieval;

/// <summary>How an index is built; fixed when it is created.</summary>
public sealed record SearchIndexSettings
{
    /// <summary>How vectors are kept: <see cref="VectorFormat.Float32"/> or <see cref="VectorFormat.Float16"/>.</summary>
    public VectorFormat Vectors { get; init; }

    /// <summary>How vectors are compared that documents bring along; a model's are compared as its folder says.</summary>
    public VectorSimilarity Similarity { get; init; } = VectorSimilarity.Cosine;

    /// <summary>How words count.</summary>
    public Bm25Options Words { get; init; } = new();

    /// <summary>How documents are cut.</summary>
    public ChunkOptions Chunks { get; init; } = new();

    /// <summary>Parts that a commit made by itself waits for: more need more memory, fewer lose less to a kill. 1 or more.</summary>
    public int ChunksPerCommit { get; init; } = 1024;

    /// <summary>These settings, checked.</summary>
    /// <exception cref="ConfigException">One is out of its range.</exception>
    internal SearchIndexSettings Validated()
    {
        if (Vectors is not (VectorFormat.Float32 or VectorFormat.Float16))
            throw new ConfigException($"vectors: is {Vectors}; an index keeps float32 or float16.");
        if (Chunks.MaximumTokens < 8)
            throw new ConfigException($"maximum_tokens: is {Chunks.MaximumTokens}; a whole number of at least 8 was expected.");
        if (ChunksPerCommit < 1)
            throw new ConfigException($"chunks per commit: is {ChunksPerCommit}; a whole number of at least 1 was expected.");
        return this with { Words = Words.Validated() };
    }
}
