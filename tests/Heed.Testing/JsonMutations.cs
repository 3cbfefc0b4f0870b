using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Testing;

/// <summary>One change of one key of a JSON object.</summary>
/// <param name="Key">Path of the key, as in <c>rope_scaling.factor</c>.</param>
/// <param name="Value">What it became; null if it was removed.</param>
/// <param name="IsSameKind">True if old and new value have one JSON kind: such a value may be a setting of its own.</param>
/// <param name="Json">The changed object.</param>
public sealed record JsonMutation(string Key, string? Value, bool IsSameKind, byte[] Json)
{
    /// <summary>The change, for messages.</summary>
    public override string ToString() => Value is null ? $"{Key} removed" : $"{Key}: {Value}";
}

/// <summary>Each key of a JSON object removed, null, of another type and out of its range.</summary>
public static class JsonMutations
{
    private static readonly string[] Values =
    [
        "null", "\"x\"", "\"\"", "-1", "0", "1", "0.5", "36.5", "-1e9", "1e30", "2147483648", "true", "false", "[]", "[1]", "[\"x\"]", "[[1, 2], null]", "{}", "{\"0\": \"a\"}", "{\"x\": null}",
    ];

    /// <summary>All changes of all keys, one level deep into objects.</summary>
    public static IEnumerable<JsonMutation> Of(byte[] json)
    {
        JsonObject root = JsonNode.Parse(json)!.AsObject();
        foreach (string key in root.Select(pair => pair.Key).ToArray())
        {
            foreach (JsonMutation mutation in Of(root, root, key, key)) yield return mutation;
            if (root[key] is not JsonObject inner) continue;
            foreach (string nested in inner.Select(pair => pair.Key).ToArray())
                foreach (JsonMutation mutation in Of(root, inner, nested, $"{key}.{nested}")) yield return mutation;
        }
    }

    private static IEnumerable<JsonMutation> Of(JsonObject root, JsonObject owner, string key, string path)
    {
        JsonNode? old = owner[key];
        int place = owner.IndexOf(key);
        owner.Remove(key);
        yield return new JsonMutation(path, null, false, Encoding.UTF8.GetBytes(root.ToJsonString()));
        foreach (string value in Values)
        {
            owner[key] = JsonNode.Parse(value);
            bool same = KindOf(owner[key]) == KindOf(old);
            yield return new JsonMutation(path, value, same, Encoding.UTF8.GetBytes(root.ToJsonString()));
        }

        owner.Remove(key);
        owner.Insert(place, key, old);
    }

    private static JsonValueKind KindOf(JsonNode? node)
    {
        JsonValueKind kind = node?.GetValueKind() ?? JsonValueKind.Null;
        return kind == JsonValueKind.False ? JsonValueKind.True : kind;
    }
}
