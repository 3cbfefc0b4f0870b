using System.Text.Json;

namespace Heed.Tokenizers.Serialization;

/// <summary>A JSON value that knows its file and path, so that every refusal names them.</summary>
internal readonly struct JsonScope(JsonElement element, string file, string path)
{
    public JsonElement Element => element;

    public string File => file;

    public string Path => path;

    public bool IsNull => element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public bool IsArray => element.ValueKind == JsonValueKind.Array;

    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    /// <summary>A member that must be there.</summary>
    public JsonScope this[string name]
    {
        get
        {
            JsonScope member = Optional(name);
            return member.Element.ValueKind == JsonValueKind.Undefined ? throw member.Wrong("is missing") : member;
        }
    }

    /// <summary>A member that may be missing: then <see cref="IsNull"/>.</summary>
    public JsonScope Optional(string name)
    {
        ExpectObject();
        string at = $"{path}.{name}";
        return element.TryGetProperty(name, out JsonElement member) ? new JsonScope(member, file, at) : new JsonScope(default, file, at);
    }

    public InvalidFileException Wrong(string reason, Exception? inner = null) => new(file, path, reason, inner);

    public string Text() => StrictJson.Text(element, file, path);

    public bool Boolean() => StrictJson.Boolean(element, file, path);

    public bool Boolean(string name, bool absent)
    {
        JsonScope member = Optional(name);
        return member.IsNull ? absent : member.Boolean();
    }

    public string? TextOrNull() => IsNull ? null : Text();

    public int Integer(int minimum = 0, int maximum = int.MaxValue) => StrictJson.Integer(element, file, path, minimum, maximum);

    public double Number() => StrictJson.Number(element, file, path);

    /// <summary>A string of one code point.</summary>
    public int Character()
    {
        string text = Text();
        return text.Length > 0 && System.Text.Rune.GetRuneAt(text, 0) is { } rune && rune.Utf16SequenceLength == text.Length
            ? rune.Value : throw Wrong($"is {StrictJson.Describe(element)}; one character was expected");
    }

    public void ExpectObject()
    {
        if (!IsObject) throw Wrong($"is {StrictJson.Describe(element)}; an object was expected");
    }

    public void ExpectArray()
    {
        if (!IsArray) throw Wrong($"is {StrictJson.Describe(element)}; an array was expected");
    }

    /// <summary>The elements of an array.</summary>
    public List<JsonScope> Items()
    {
        ExpectArray();
        List<JsonScope> items = new(element.GetArrayLength());
        foreach (JsonElement item in element.EnumerateArray()) items.Add(new JsonScope(item, file, $"{path}[{items.Count}]"));
        return items;
    }

    /// <summary>The members of an object, in order.</summary>
    public IEnumerable<(string Name, JsonScope Value)> Members()
    {
        ExpectObject();
        foreach (JsonProperty member in element.EnumerateObject())
        {
            string name;
            try
            {
                name = member.Name;
            }
            catch (InvalidOperationException e)
            {
                throw Wrong("has a key with an escaped lone surrogate, which is not a character", e);
            }

            yield return (name, new JsonScope(member.Value, file, $"{path}.{name}"));
        }
    }

    /// <summary>Refuses members whose names are not among <paramref name="known"/>: an option that is not understood must not be
    /// skipped.</summary>
    public void ExpectOnly(params ReadOnlySpan<string> known)
    {
        foreach ((string name, JsonScope member) in Members())
        {
            if (known.Contains(name)) continue;
            string? near = Printable.Nearest(name, known.ToArray());
            throw member.Wrong($"is not an option that is known here; {(near is null ? "remove it" : $"\"{near}\" may be meant")}");
        }
    }

    /// <summary>The value of a string that must be one of <paramref name="values"/>.</summary>
    public T OneOf<T>(params ReadOnlySpan<(string Name, T Value)> values)
    {
        string text = Text();
        List<string> names = [];
        foreach ((string name, T value) in values)
        {
            if (name == text) return value;
            names.Add(name);
        }

        throw Wrong($"is \"{Printable.Shorten(text)}\"; one of {string.Join(", ", names)} was expected");
    }
}
