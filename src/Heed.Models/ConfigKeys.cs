namespace Heed.Models;

/// <summary>What became of a key of a configuration file.</summary>
internal enum ConfigKeyUse
{
    /// <summary>It was read and shapes the result.</summary>
    Followed,

    /// <summary>It was read; a value that asks for what is not computed here is refused by name.</summary>
    Guarded,

    /// <summary>It changes no result (docs/files.md lists these).</summary>
    WithoutEffect,

    /// <summary>No reader knows it.</summary>
    Unknown,
}

/// <summary>Which keys of a configuration file were looked at while it was read.</summary>
internal sealed class ConfigKeys
{
    private readonly Dictionary<string, ConfigKeyUse> _uses = new(StringComparer.Ordinal);
    private readonly HashSet<string> _objects = new(StringComparer.Ordinal);

    /// <summary>Notes a key that a reader asked for.</summary>
    /// <param name="path">JSON path of the object, <c>$</c> for the file.</param>
    /// <param name="name">The key.</param>
    /// <param name="use">What the reader does with it; that it is guarded stays known.</param>
    public void Note(string path, string name, ConfigKeyUse use = ConfigKeyUse.Followed)
    {
        _objects.Add(path);
        string key = $"{path}.{name}";
        if (!_uses.TryGetValue(key, out ConfigKeyUse known) || (use == ConfigKeyUse.Guarded && known == ConfigKeyUse.Followed))
            _uses[key] = use;
    }

    /// <summary>Every key of the file, and of nested objects that were read key by key, in the file's order.</summary>
    /// <param name="root">The file's object.</param>
    /// <param name="withoutEffect">True for a key, by its path without <c>$.</c>, that changes no result.</param>
    public IReadOnlyList<(string Key, ConfigKeyUse Use)> Of(System.Text.Json.JsonElement root, Func<string, bool> withoutEffect)
    {
        List<(string, ConfigKeyUse)> keys = [];
        Stack<(string Path, System.Text.Json.JsonElement Value)> open = new([("$", root)]);
        while (open.TryPop(out (string Path, System.Text.Json.JsonElement Value) at))
        {
            List<(string, System.Text.Json.JsonElement)> inner = [];
            foreach (System.Text.Json.JsonProperty property in at.Value.EnumerateObject())
            {
                string path = $"{at.Path}.{property.Name}", key = path[2..];
                bool isRead = _uses.TryGetValue(path, out ConfigKeyUse use);
                keys.Add((key, isRead ? use : withoutEffect(key) ? ConfigKeyUse.WithoutEffect : ConfigKeyUse.Unknown));
                if (isRead && property.Value.ValueKind == System.Text.Json.JsonValueKind.Object && _objects.Contains(path))
                    inner.Add((path, property.Value));
            }

            foreach ((string, System.Text.Json.JsonElement) nested in Enumerable.Reverse(inner)) open.Push(nested);
        }

        return keys;
    }
}
