using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Heed.Retrieval;

/// <summary>A part of a document as an index keeps it.</summary>
/// <param name="Start">Its first character in the document's text.</param>
/// <param name="End">After its last character.</param>
/// <param name="Heading">The headings above it.</param>
/// <param name="Text">The part's text.</param>
internal sealed record StoredChunk(int Start, int End, string Heading, string Text)
{
    /// <summary>Its vector, [D], where the index has vectors.</summary>
    public float[]? Vector { get; set; }

    /// <summary>What words are counted of, and what is embedded: title and headings, then the text.</summary>
    public string Indexed(string? title)
    {
        string above = string.IsNullOrEmpty(title) ? Heading : Heading.Length == 0 || Heading == title ? title
            : Heading.StartsWith(title + " › ", StringComparison.Ordinal) ? Heading : $"{title} › {Heading}";
        return above.Length == 0 || above == Text ? Text : $"{above}\n{Text}";
    }
}

/// <summary>A document as an index keeps it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Title">Its title, or null.</param>
/// <param name="Hash">SHA-256 of all that it is made of.</param>
/// <param name="Metadata">Its fields, in the form of <see cref="Retrieval.Metadata"/>.</param>
/// <param name="Chunks">Its parts.</param>
internal sealed record StoredDocument(
    string Key, string? Title, string Hash, IReadOnlyDictionary<string, object> Metadata, IReadOnlyList<StoredChunk> Chunks)
{
    /// <summary>A document's fields in the form that is kept.</summary>
    /// <exception cref="InputException">A value is of a type that is not kept.</exception>
    public static SortedDictionary<string, object> MetadataOf(SearchDocument document)
    {
        SortedDictionary<string, object> metadata = new(StringComparer.Ordinal);
        foreach ((string field, object value) in document.Metadata) metadata[field] = Retrieval.Metadata.Normal(document.Key, field, value);
        return metadata;
    }

    /// <summary>What tells two versions of a document apart.</summary>
    public static string HashOf(SearchDocument document, IReadOnlyDictionary<string, object> metadata)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[8];
        byte[][] parts = [Encoding.UTF8.GetBytes(document.Title ?? "\0"), Encoding.UTF8.GetBytes(document.Text),
            Encoding.UTF8.GetBytes(document.Form.ToString()), Json(metadata)];
        foreach (byte[] part in parts)
        {
            BinaryPrimitives.WriteInt64LittleEndian(length, part.Length);
            hash.AppendData(length);
            hash.AppendData(part);
        }

        if (document.Vector is { } vector) hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(vector.Span));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static byte[] Json(IReadOnlyDictionary<string, object> metadata)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartObject();
            foreach ((string field, object value) in metadata)
            {
                json.WritePropertyName(field);
                Retrieval.Metadata.Write(json, value);
            }

            json.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
