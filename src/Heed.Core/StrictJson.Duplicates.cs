using System.Text.Json;

namespace Heed;

internal static partial class StrictJson
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

    /// <summary>The first value that is written as <c>NaN</c>, <c>Infinity</c> or <c>-Infinity</c>, with its JSON path; null where the parser stops at something else.</summary>
    private static (string Path, string Word)? FindNotANumber(ReadOnlySpan<byte> utf8)
    {
        Utf8JsonReader reader = new(utf8, new JsonReaderOptions { MaxDepth = MaximumDepth });
        // For each open object or array its path and, in an array, the number of the next item.
        Stack<(string Path, int Next)> open = new();
        string path = "$";
        try
        {
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        path = $"{open.Peek().Path}.{reader.GetString()}";
                        continue;
                    case JsonTokenType.StartObject or JsonTokenType.StartArray:
                        open.Push((path, reader.TokenType == JsonTokenType.StartArray ? 0 : -1));
                        break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        open.Pop();
                        Advance(open);
                        break;
                    default:
                        Advance(open);
                        break;
                }

                if (open.TryPeek(out (string Path, int Next) inner) && inner.Next >= 0) path = $"{inner.Path}[{inner.Next}]";
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            ReadOnlySpan<byte> rest = utf8[(int)reader.BytesConsumed..].TrimStart(" \t\r\n:,"u8);
            foreach (string word in (ReadOnlySpan<string>)["NaN", "Infinity", "-Infinity"])
                if (rest.StartsWith(System.Text.Encoding.ASCII.GetBytes(word))) return (path, word);
        }

        return null;

        static void Advance(Stack<(string Path, int Next)> open)
        {
            if (open.TryPeek(out (string Path, int Next) list) && list.Next >= 0)
            {
                open.Pop();
                open.Push((list.Path, list.Next + 1));
            }
        }
    }
}
