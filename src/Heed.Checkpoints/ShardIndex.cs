using System.Text;
using System.Text.Json;

namespace Heed.Checkpoints;

/// <summary>The index of a checkpoint in several files (<c>model.safetensors.index.json</c>): which file holds which tensor.</summary>
internal sealed class ShardIndex
{
    private const int MaximumBytes = 64 << 20;
    private const int MaximumShards = 10_000;

    private ShardIndex(List<KeyValuePair<string, string>> entries, long? totalSize) => (Entries, TotalSize) = (entries, totalSize);

    /// <summary>Tensor name → file name, in the file's order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Entries { get; }

    /// <summary>The files, each once, in the order in which they are first named.</summary>
    public IEnumerable<string> Shards => Entries.Select(entry => entry.Value).Distinct(StringComparer.Ordinal);

    /// <summary><c>metadata.total_size</c>, in bytes of tensors; null if omitted.</summary>
    public long? TotalSize { get; }

    /// <summary>Reads and checks an index.</summary>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">The index is damaged, or a file name points outside the folder.</exception>
    public static ShardIndex Read(IModelFiles files, string index)
    {
        string path = files.PathOf(index);
        using JsonDocument document = files.ReadJson(index, MaximumBytes);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("weight_map", out JsonElement map))
            throw new InvalidFileException(path, "$.weight_map", "is missing; an index maps tensor names to files there. Download the index again");
        if (map.ValueKind != JsonValueKind.Object) throw new InvalidFileException(path, "$.weight_map", $"is {StrictJson.Describe(map)}; an object of tensor name to file name was expected. Download the index again");
        List<KeyValuePair<string, string>> entries = [];
        HashSet<string> shards = new(StringComparer.Ordinal);
        foreach (JsonProperty property in map.EnumerateObject())
        {
            string name = property.Name;
            string at = $"$.weight_map['{Printable.Shorten(name)}']";
            string shard = StrictJson.Text(property.Value, path, at);
            if (!IsPlainName(shard))
                throw new InvalidFileException(path, at, $"is '{Printable.Shorten(shard)}'; a plain file name in the same folder is allowed, one that every system can store: without '/', '\\', ':' or '..', and no device of Windows. Rename the file and the entry");
            if (shards.Add(shard) && shards.Count > MaximumShards) throw new InvalidFileException(path, "$.weight_map", $"names more than {MaximumShards} files. Save the model in larger shards");
            entries.Add(new(name, shard));
        }

        if (entries.Count == 0) throw new InvalidFileException(path, "$.weight_map", "is empty; it must name at least one tensor. Download the index again");
        return new ShardIndex(entries, ReadTotal(root, path));
    }

    private static long? ReadTotal(JsonElement root, string path)
    {
        if (!root.TryGetProperty("metadata", out JsonElement metadata) || metadata.ValueKind == JsonValueKind.Null) return null;
        if (metadata.ValueKind != JsonValueKind.Object) throw new InvalidFileException(path, "$.metadata", $"is {StrictJson.Describe(metadata)}; an object was expected. Take it out, or download the index again");
        if (!metadata.TryGetProperty("total_size", out JsonElement size) || size.ValueKind == JsonValueKind.Null) return null;
        // Some writers have counted in floating point: 1.5e10 is a whole number of bytes, too.
        double bytes = StrictJson.Number(size, path, "$.metadata.total_size");
        return bytes >= 0 && bytes < long.MaxValue && bytes == Math.Floor(bytes) ? (long)bytes
            : throw new InvalidFileException(path, "$.metadata.total_size", $"is {StrictJson.Describe(size)}; a whole number of bytes was expected. Correct it, or take it out");
    }

    /// <summary>Formats an index as transformers does: keys sorted, two blanks of indent, a line feed at the end.</summary>
    public static string Format(long parameters, long bytes, IEnumerable<KeyValuePair<string, string>> entries)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, StrictJson.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("metadata");
            writer.WriteNumber("total_parameters", parameters);
            writer.WriteNumber("total_size", bytes);
            writer.WriteEndObject();
            writer.WriteStartObject("weight_map");
            foreach ((string name, string shard) in entries.OrderBy(e => e.Key, Comparer<string>.Create(SafetensorsWriter.CompareUtf8))) writer.WriteString(name, shard);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }

    // A symbolic link of that name may lead elsewhere: the hub's cache is made of them, and only its owner can have placed it.
    private static bool IsPlainName(string name)
        => name.Length is > 0 and <= 255 && name is not ("." or "..") && name.AsSpan().IndexOfAny("/\\:\0") < 0 && !name.Any(char.IsControl) && !name.StartsWith("..", StringComparison.Ordinal)
            && !InputFile.IsReservedName(name);
}
