using System.Text.Json;
using System.Text.Unicode;

namespace Heed.Checkpoints;

/// <summary>The JSON header of a safetensors file, parsed in one pass without a document tree, and checked against the size of the
/// data.</summary>
internal sealed class SafetensorsHeader
{
    // The format nests 3 deep (object, entry, list); more is met only in fields that later versions may add.
    private const int MaximumDepth = 32;

    private readonly string _file;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    private SafetensorsHeader(string file) => _file = file;

    /// <summary>The tensors, in the header's order.</summary>
    public List<Entry> Entries { get; } = [];

    /// <summary>The pairs of <c>__metadata__</c>; null where there is none.</summary>
    public List<KeyValuePair<string, string>>? Metadata { get; private set; }

    /// <summary>Parses and checks.</summary>
    /// <param name="header">The header's bytes, padding included.</param>
    /// <param name="file">Path, for errors.</param>
    /// <param name="dataBytes">Bytes that follow the header.</param>
    /// <exception cref="InvalidFileException">A rule is broken.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> header, string file, long dataBytes)
    {
        SafetensorsHeader result = new(file);
        if (header[0] != (byte)'{') throw result.Bad("header", $"starts with byte 0x{header[0]:X2}; it must start with {{, else the file is damaged or no safetensors file");
        if (!Utf8.IsValid(header)) throw result.Bad($"byte {8 + StrictJson.InvalidUtf8Offset(header)}", "of the header is not valid UTF-8");
        Utf8JsonReader reader = new(header, new JsonReaderOptions { MaxDepth = MaximumDepth, CommentHandling = JsonCommentHandling.Disallow });
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (result.Entries.Count == SafetensorsFile.MaximumTensors) throw result.Bad("header", $"names more than {SafetensorsFile.MaximumTensors} tensors");
                string name = Text(ref reader) ?? throw result.Bad($"header byte {reader.TokenStartIndex}", "a name holds a lone surrogate, which is not a character");
                if (!result._names.Add(name)) throw result.Bad(Quote(name), "appears twice in the header; each name may appear once");
                if (name == "__metadata__") result.ReadMetadata(ref reader);
                else result.ReadEntry(ref reader, name, dataBytes);
            }

            int end = (int)reader.BytesConsumed;
            int other = header[end..].IndexOfAnyExcept((byte)' ');
            if (other >= 0) throw result.Bad($"header byte {end + other}", $"is 0x{header[end + other]:X2} after the closing brace; only blanks may pad the header");
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(file, $"header line {(e.LineNumber ?? 0) + 1}, byte {e.BytePositionInLine ?? 0}", "is not valid JSON, or nests deeper than the format allows. Download the file again, or save it anew with the program that made it", e);
        }

        result.CheckCoverage(dataBytes);
        return result;
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null) return; // as if it were left out, as the reference library has it
        if (reader.TokenType != JsonTokenType.StartObject) throw Bad("__metadata__", $"is {Kind(reader.TokenType)}; an object of strings was expected");
        Metadata = [];
        HashSet<string> keys = new(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = Text(ref reader) ?? throw Bad("__metadata__", "a key holds a lone surrogate, which is not a character");
            if (!keys.Add(key)) throw Bad($"__metadata__.{Printable.Shorten(key)}", "appears twice; each key may appear once");
            reader.Read();
            if (reader.TokenType != JsonTokenType.String) throw Bad($"__metadata__.{Printable.Shorten(key)}", $"is {Kind(reader.TokenType)}; only strings are allowed there");
            Metadata.Add(new(key, Text(ref reader) ?? throw Bad($"__metadata__.{Printable.Shorten(key)}", "holds a lone surrogate, which is not a character")));
        }
    }

    private void ReadEntry(ref Utf8JsonReader reader, string name, long dataBytes)
    {
        string at = Quote(name);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw Bad(at, $"is {Kind(reader.TokenType)}; an object with dtype, shape and data_offsets was expected");
        DType? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = Text(ref reader) ?? throw Bad(at, "a field's name holds a lone surrogate, which is not a character");
            bool twice = field switch { "dtype" => dtype is not null, "shape" => shape is not null, "data_offsets" => offsets is not null, _ => false };
            if (twice) throw Bad($"{at}.{field}", "appears twice; each field may appear once");
            reader.Read();
            switch (field)
            {
                case "dtype": dtype = ReadDType(ref reader, $"{at}.dtype"); break;
                case "shape": shape = ReadNumbers(ref reader, $"{at}.shape", RawTensor.MaximumRank, RawTensor.MaximumDimension); break;
                case "data_offsets": offsets = ReadNumbers(ref reader, $"{at}.data_offsets", 2, long.MaxValue); break;
                default: reader.Skip(); break; // as the reference library does
            }
        }

        if (dtype is null || shape is null || offsets is null)
            throw Bad(at, $"has no {(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}; dtype, shape and data_offsets are all needed");
        if (offsets.Length != 2) throw Bad($"{at}.data_offsets", $"has {offsets.Length} numbers; exactly begin and end are needed");
        (long begin, long end) = (offsets[0], offsets[1]);
        if (begin > end || end > dataBytes) throw Bad($"{at}.data_offsets", $"is [{begin}, {end}]; begin ≤ end ≤ {dataBytes} (the bytes after the header) is needed, else the file is damaged or cut short");
        if (!dtype.Value.TryMeasure(shape, out _, out long bytes))
            throw Bad($"{at}.shape", $"is [{string.Join(", ", shape)}], which is too large or does not fill whole bytes as {dtype.Value.Name()}");
        if (bytes != end - begin)
            throw Bad($"{at}.data_offsets", $"covers {end - begin} bytes, but {dtype.Value.Name()} of shape [{string.Join(", ", shape)}] has {bytes}");
        Entries.Add(new Entry(name, dtype.Value, shape, begin, end));
    }

    private DType ReadDType(ref Utf8JsonReader reader, string at)
    {
        if (reader.TokenType != JsonTokenType.String) throw Bad(at, $"is {Kind(reader.TokenType)}; one of {DTypes.AllNames} was expected");
        string? text = Text(ref reader);
        return DTypes.TryParse(text, out DType dtype) ? dtype : throw Bad(at, $"is '{Printable.Shorten(text ?? "")}'; one of {DTypes.AllNames} was expected");
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string at, int most, long maximum)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Bad(at, $"is {Kind(reader.TokenType)}; a list of whole numbers was expected");
        List<long> numbers = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (numbers.Count == most) throw Bad(at, $"has more than {most} numbers; at most {most} are allowed");
            if (reader.TokenType != JsonTokenType.Number) throw Bad(at, $"holds {Kind(reader.TokenType)}; only whole numbers are allowed");
            // The sign is looked at too: "-0" is a number that the format does not know.
            if (!reader.TryGetInt64(out long value) || reader.ValueSpan[0] == (byte)'-' || value > maximum)
                throw Bad(at, $"holds {Printable.Shorten(System.Text.Encoding.UTF8.GetString(reader.ValueSpan[..Math.Min(reader.ValueSpan.Length, 40)]))}; whole numbers from 0 to {maximum} are allowed");
            numbers.Add(value);
        }

        return [.. numbers];
    }

    // The data must be covered entirely, without hole or overlap, so that nothing can hide in the file.
    private void CheckCoverage(long dataBytes)
    {
        Entry[] sorted = [.. Entries];
        Array.Sort(sorted, static (a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
        long at = 0;
        foreach (Entry entry in sorted)
        {
            if (entry.Begin < at) throw Bad($"{Quote(entry.Name)}.data_offsets", $"begins at {entry.Begin} inside another tensor, which ends at {at}; tensors may not overlap");
            if (entry.Begin > at) throw Bad($"{Quote(entry.Name)}.data_offsets", $"begins at {entry.Begin}, but the tensor before ends at {at}; holes are not allowed");
            at = entry.End;
        }

        if (at != dataBytes) throw Bad("data", $"{dataBytes - at} bytes follow the last tensor, which ends at {at}; nothing may follow it");
    }

    /// <summary>Every rule is kept by each program that writes the format: what breaks one is damage, and the way out is the
    /// same.</summary>
    private InvalidFileException Bad(string where, string reason) => new(_file, where, $"{reason}. Download the file again, or save it anew with the program that made it");

    private static string Quote(string name) => $"tensor '{Printable.Shorten(name)}'";

    // Null for an escaped lone surrogate, which the reader reports by an exception of its own.
    private static string? Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string Kind(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        JsonTokenType.Null => "null",
        _ => "nothing",
    };

    /// <summary>One tensor; offsets count from the end of the header.</summary>
    internal readonly record struct Entry(string Name, DType DType, long[] Shape, long Begin, long End);
}
