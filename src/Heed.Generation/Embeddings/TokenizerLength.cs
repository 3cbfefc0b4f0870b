using System.Text.Json;

namespace Heed.Generation.Embeddings;

/// <summary>The length at which a folder's tokenizer says that its model's texts end.</summary>
internal static class TokenizerLength
{
    /// <summary><c>model_max_length</c> of tokenizer_config.json; null where it is missing, null or the reference's "no limit"
    /// (1e30).</summary>
    public static int? Read(IModelFiles files)
    {
        const string Name = "tokenizer_config.json";
        if (!files.Contains(Name)) return null;
        string path = files.PathOf(Name);
        using JsonDocument document = files.ReadJson(Name, 16L << 20);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object) throw new InvalidFileException(path, "$", $"is {StrictJson.Describe(root)}; an object was expected");
        foreach (string name in new[] { "model_max_length", "max_len" })
        {
            if (!root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) continue;
            double length = StrictJson.Number(value, path, $"$.{name}");
            if (length > int.MaxValue) return null;
            if (length < 1 || length != Math.Floor(length)) throw new InvalidFileException(path, $"$.{name}", FormattableString.Invariant($"is {length}; a whole number of at least 1 was expected, or null for no limit"));
            return (int)length;
        }

        return null;
    }
}
