using System.Collections.ObjectModel;

namespace Heed.Retrieval;

/// <summary>How a document's text is built, which decides where it is cut.</summary>
public enum DocumentForm
{
    /// <summary>Paragraphs, with blank lines between them.</summary>
    Plain,

    /// <summary>Markdown: headings, paragraphs, fenced code.</summary>
    Markdown,
}

/// <summary>A document to be found.</summary>
public sealed record SearchDocument
{
    /// <summary>What the document is known by: a path, an address, a number. Two documents of one key are one, the later.</summary>
    public required string Key { get; init; }

    /// <summary>The text.</summary>
    public required string Text { get; init; }

    /// <summary>The title, which counts to every part of the text; null: none.</summary>
    public string? Title { get; init; }

    /// <summary>How the text is built.</summary>
    public DocumentForm Form { get; init; }

    /// <summary>Fields to filter by. Values: string, long, double, bool, or a list of such; an int or a float counts as long or
    /// double.</summary>
    public IReadOnlyDictionary<string, object> Metadata { get; init; } = ReadOnlyDictionary<string, object>.Empty;

    /// <summary>The vector of the whole text, [D], if the caller has one: the text is then not cut. Null: the index's embedder makes one
    /// per part.</summary>
    public ReadOnlyMemory<float>? Vector { get; init; }
}
