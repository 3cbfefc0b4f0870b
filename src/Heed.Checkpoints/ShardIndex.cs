using System.Text;
using System.Text.Json;

namespace Heed.Checkpoints;

/// <summary>The index of a checkpoint in several files (<c>model.safetensors.index.json</c>): which file holds which tensor.</summary>
internal static class ShardIndex
{
    private const int MaximumBytes = 64 << 20;
    private const int MaximumShards = 10_000;

    /// <summary>Reads and checks an index: tensor name → file name, in the file's order.</summary>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">The index is damaged, or a file name points outside the folder.</exception>
    public static List<KeyValuePair<string, string>> Read(IModelFiles files, string index)
    {
        string path = files.PathOf(index);
        using JsonDocument document = files.ReadJson(index, MaximumBytes);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("weight_map", out JsonElement map))
            throw new InvalidFileException(path, "$.weight_map", "is missing; an index maps tensor names to files there");
        if (map.ValueKind != JsonValueKind.Object) throw new InvalidFileException(path, "$.weight_map", $"is {StrictJson.Describe(map)}; an object of tensor name to file name was expected");
        List<KeyValuePair<string, string>> entries = [];
        HashSet<string> shards = new(StringComparer.Ordinal);
        foreach (JsonProperty property in map.EnumerateObject())
        {
            string name = property.Name;
            string at = $"$.weight_map['{Printable.Shorten(name)}']";
            string shard = StrictJson.Text(property.Value, path, at);
            if (!IsPlainName(shard))
                throw new InvalidFileException(path, at, $"is '{Printable.Shorten(shard)}'; a plain file name in the same folder is allowed, without '/', '\\', ':' or '..'");
            if (shards.Add(shard) && shards.Count > MaximumShards) throw new InvalidFileException(path, "$.weight_map", $"names more than {MaximumShards} files");
            entries.Add(new(name, shard));
        }

        return entries.Count > 0 ? entries : throw new InvalidFileException(path, "$.weight_map", "is empty; it must name at least one tensor");
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
        => name.Length is > 0 and <= 255 && name is not ("." or "..") && name.AsSpan().IndexOfAny("/\\:\0") < 0 && !name.Any(char.IsControl) && !name.StartsWith("..", StringComparison.Ordinal);
}
