namespace Heed.Retrieval;

/// <summary>A part of a document's text.</summary>
/// <param name="Start">Its first character, in UTF-16 units of the document's text.</param>
/// <param name="End">After its last character.</param>
/// <param name="Heading">The headings above it, outermost first, with › between them; empty: none.</param>
public readonly record struct TextChunk(int Start, int End, string Heading);

/// <summary>How documents are cut.</summary>
public sealed record ChunkOptions
{
    /// <summary>Longest part in tokens of the embedder (in words without one), 8 or more; what an embedder reads at once is a limit
    /// too.</summary>
    public int MaximumTokens { get; init; } = 200;
}
