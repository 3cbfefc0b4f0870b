namespace Heed.Retrieval;

/// <summary>What decides the order of results.</summary>
public enum SearchMode
{
    /// <summary>BM25: the words that query and part share.</summary>
    Words,

    /// <summary>The similarity of their vectors.</summary>
    Vectors,

    /// <summary>Both, by reciprocal ranks.</summary>
    Hybrid,
}

/// <summary>How an index is searched.</summary>
public sealed record SearchOptions
{
    /// <summary>Up to how many results, 1 or more.</summary>
    public int Top { get; init; } = 10;

    /// <summary>What decides the order; null: <see cref="SearchMode.Hybrid"/> where the query has a vector, else
    /// <see cref="SearchMode.Words"/>.</summary>
    public SearchMode? Mode { get; init; }

    /// <summary>Which documents may be found; null: all.</summary>
    public SearchFilter? Filter { get; init; }

    /// <summary>True for the best part of each document alone.</summary>
    public bool OnePerDocument { get; init; }

    /// <summary>How deep the two rankings of <see cref="SearchMode.Hybrid"/> are, and how many parts a <see cref="Reranker"/> reads; at
    /// least <see cref="Top"/> is taken.</summary>
    public int Candidates { get; init; } = 100;

    /// <summary>The query's vector, [D], if the caller has one; null: the index's embedder makes it.</summary>
    public ReadOnlyMemory<float>? Vector { get; init; }

    /// <summary>Reads the best parts again and orders them; null: none. <see cref="SearchIndex.SearchAsync"/> uses it.</summary>
    public IReranker? Reranker { get; init; }
}

/// <summary>A part of a document that was found.</summary>
public sealed record SearchHit
{
    /// <summary>The document's key.</summary>
    public required string Key { get; init; }

    /// <summary>The document's title, or null.</summary>
    public required string? Title { get; init; }

    /// <summary>The part's number in its document, from 0.</summary>
    public required int Chunk { get; init; }

    /// <summary>The part's first character in the document's text, in UTF-16 units.</summary>
    public required int Start { get; init; }

    /// <summary>After its last character.</summary>
    public required int End { get; init; }

    /// <summary>The headings above it, outermost first, with › between them; empty: none.</summary>
    public required string Heading { get; init; }

    /// <summary>The part's text.</summary>
    public required string Text { get; init; }

    /// <summary>What it was ordered by: BM25, a similarity, a sum of reciprocal ranks, or a reranker's score.</summary>
    public required double Score { get; init; }

    /// <summary>Its BM25 score; null where it is not among the best by words, or words did not count.</summary>
    public double? WordScore { get; init; }

    /// <summary>Its similarity; null where it is not among the best by vectors, or vectors did not count.</summary>
    public double? VectorScore { get; init; }

    /// <summary>The document's fields.</summary>
    public required IReadOnlyDictionary<string, object> Metadata { get; init; }
}
