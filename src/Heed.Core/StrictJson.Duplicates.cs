using System.Text.Json;

namespace Heed;

public static partial class StrictJson
{
    /// <summary>JSON path of the first key that comes twice in its object; null where there is none. The parser itself only gives its name.</summary>
    private static string? FindDuplicate(ReadOnlySpan<byte> utf8)
    {
        Utf8JsonReader reader = new(utf8, new JsonReaderOptions { MaxDepth = MaximumDepth });
        Stack<(HashSet<string>? Keys, string Path)> open = new();
        string path = "$";
        Stack<int> indices = new();
        while (reader.Read())
        {
            if (open.Count > 0 && open.Peek().Keys is null && reader.TokenType is not JsonTokenType.EndArray)
            {
                int index = indices.Pop();
                path = $"{open.Peek().Path}[{index}]";
                indices.Push(index + 1);
            }

            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    open.Push((new HashSet<string>(StringComparer.Ordinal), path));
                    break;
                case JsonTokenType.StartArray:
                    open.Push((null, path));
                    indices.Push(0);
                    break;
                case JsonTokenType.EndArray:
                    indices.Pop();
                    open.Pop();
                    break;
                case JsonTokenType.EndObject:
                    open.Pop();
                    break;
                case JsonTokenType.PropertyName:
                    string key = reader.GetString()!;
                    path = $"{open.Peek().Path}.{key}";
                    if (!open.Peek().Keys!.Add(key)) return path;
                    break;
            }
        }

        return null;
    }
}
