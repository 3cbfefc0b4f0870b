using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed;

/// <summary>
/// JSON read strictly: a duplicate key, a comment, a trailing comma, bad UTF-8, too deep a nesting or a number outside
/// float64 is an error that names file and place. System.Text.Json alone lets the last duplicate win and turns 1e999 into Infinity.
/// </summary>
internal static partial class StrictJson
{
    /// <summary>Deepest nesting accepted, in levels.</summary>
    public const int MaximumDepth = 128;

    private static readonly JsonDocumentOptions DocumentOptions = new()
    {
        AllowDuplicateProperties = false,
        AllowTrailingCommas = false,
        CommentHandling = JsonCommentHandling.Disallow,
        MaxDepth = MaximumDepth,
    };

    /// <summary>Reads and parses a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maximumBytes">Largest size accepted, in bytes.</param>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is too large or not strict JSON.</exception>
    public static JsonDocument ReadFile(string path, long maximumBytes = 1L << 30)
        => Parse(InputFile.ReadAll(path, maximumBytes), path);

    /// <summary>Parses bytes; <paramref name="file"/> is the name used in errors.</summary>
    /// <exception cref="InvalidFileException">The bytes are not strict JSON.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string file)
    {
        if (utf8.Length >= 3 && utf8.Span[..3].SequenceEqual((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            throw new InvalidFileException(file, "byte 0", "starts with a byte-order mark; save it as UTF-8 without one");
        if (utf8.IsEmpty)
            throw new InvalidFileException(file, "", "is empty; JSON was expected. Restore the file, or download it again");
        try
        {
            if (!System.Text.Unicode.Utf8.IsValid(utf8.Span))
                throw new InvalidFileException(file, $"byte {InvalidUtf8Offset(utf8.Span)}", "is not valid UTF-8; JSON files must be UTF-8. Save it as UTF-8");
            return JsonDocument.Parse(utf8, DocumentOptions);
        }
        catch (JsonException e)
        {
            if (e.LineNumber is null && FindDuplicate(utf8.Span) is { } duplicate)
                throw new InvalidFileException(file, duplicate, "comes twice in its object; a key may come once only: remove one of them", e);
            if (FindNotANumber(utf8.Span) is { } literal)
                throw new InvalidFileException(file, literal.Path, $"is {literal.Word}, which is no JSON, though Python's json writes it; a finite number is allowed. Write one, or null where the field may be left out", e);
            string where = e.LineNumber is { } line ? $"line {line + 1}, byte {e.BytePositionInLine}" : "";
            throw new InvalidFileException(file, where, $"is not valid JSON: {FirstSentence(e.Message)}. Correct the place, or download the file again", e);
        }
        catch (InvalidOperationException e)
        {
            // Thrown while keys are compared for duplicates.
            throw new InvalidFileException(file, "", "has a key with an escaped lone surrogate, which is not a character. Correct it", e);
        }
    }

    /// <summary>The value as a finite number.</summary>
    /// <param name="element">The JSON value.</param>
    /// <param name="file">File, for the error.</param>
    /// <param name="path">JSON path such as <c>$.layer_norm_eps</c>, for the error.</param>
    /// <exception cref="InvalidFileException">The value is not a number or not finite.</exception>
    public static double Number(JsonElement element, string file, string path)
    {
        if (element.ValueKind != JsonValueKind.Number)
            throw new InvalidFileException(file, path, $"is {Describe(element)}; a number was expected. Correct it");
        double value = element.GetDouble();
        return double.IsFinite(value) ? value : throw new InvalidFileException(file, path, $"is {Printable.Shorten(element.GetRawText())}, which is not a finite number. Correct it");
    }

    /// <summary>The value as an integer from <paramref name="minimum"/> to <paramref name="maximum"/>.</summary>
    /// <exception cref="InvalidFileException">The value is not an integer in the range.</exception>
    public static int Integer(JsonElement element, string file, string path, int minimum = int.MinValue, int maximum = int.MaxValue)
    {
        if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt32(out int value) || value < minimum || value > maximum)
        {
            string range = minimum == int.MinValue ? "a 32-bit integer" : $"an integer from {minimum} to {maximum}";
            throw new InvalidFileException(file, path, $"is {Describe(element)}; {range} was expected. Correct it");
        }

        return value;
    }

    /// <summary>The value as a string.</summary>
    /// <exception cref="InvalidFileException">The value is not a string or holds a lone surrogate.</exception>
    public static string Text(JsonElement element, string file, string path)
    {
        if (element.ValueKind != JsonValueKind.String)
            throw new InvalidFileException(file, path, $"is {Describe(element)}; a string was expected. Correct it");
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidFileException(file, path, "holds an escaped lone surrogate, which is not a character. Correct it", e);
        }
    }

    /// <summary>The value as true or false.</summary>
    /// <exception cref="InvalidFileException">The value is neither.</exception>
    public static bool Boolean(JsonElement element, string file, string path) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw new InvalidFileException(file, path, $"is {Describe(element)}; true or false was expected"),
    };

    /// <summary>A short description of a value for an error: kind and, where short, text.</summary>
    public static string Describe(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.Undefined => "missing",
        _ => Printable.Shorten(element.GetRawText(), 60),
    };

    /// <summary>Writes a node as indented JSON with two blanks and characters unescaped where JSON allows, ending in a newline.</summary>
    public static string Format(JsonNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, WriterOptions)) node.WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }

    /// <summary>Indented by two blanks, line feed alone, characters beyond ASCII as they are.</summary>
    public static JsonWriterOptions WriterOptions { get; } = new()
    {
        Indented = true,
        IndentSize = 2,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Offset of the first byte that belongs to no character.</summary>
    internal static int InvalidUtf8Offset(ReadOnlySpan<byte> bytes)
    {
        int offset = 0;
        while (offset < bytes.Length)
        {
            if (System.Text.Rune.DecodeFromUtf8(bytes[offset..], out _, out int used) != System.Buffers.OperationStatus.Done) return offset;
            offset += used;
        }

        return offset;
    }

    private static string FirstSentence(string message)
    {
        int cut = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string text = cut < 0 ? message : message[..cut];
        cut = text.IndexOf(" Path:", StringComparison.Ordinal);
        return (cut < 0 ? text : text[..cut]).TrimEnd('.', ' ');
    }
}
