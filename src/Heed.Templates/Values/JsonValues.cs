using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Heed.Templates;

/// <summary>JSON as values of a template.</summary>
internal static class JsonValues
{
    /// <summary>Converts; deeper nesting than a value may have is refused.</summary>
    public static object? From(JsonElement json, string name, int depth = 0)
    {
        if (depth > RenderBudget.MaximumCallDepth) throw RenderBudget.Over($"'{name}' nested more deeply", $"a depth of {RenderBudget.MaximumCallDepth}");
        switch (json.ValueKind)
        {
            case JsonValueKind.String: return json.GetString();
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.Number: return Number(json, name);
            case JsonValueKind.Array:
                List<object?> items = new(json.GetArrayLength());
                foreach (JsonElement item in json.EnumerateArray()) items.Add(From(item, name, depth + 1));
                return new ListValue(items);
            case JsonValueKind.Object:
                DictValue dict = new();
                foreach (JsonProperty property in json.EnumerateObject()) dict.Set(property.Name, From(property.Value, name, depth + 1));
                return dict;
            default: return null;
        }
    }

    private static object Number(JsonElement json, string name)
    {
        string text = json.GetRawText();
        if (text.AsSpan().IndexOfAny(".eE") >= 0) return double.Parse(text, CultureInfo.InvariantCulture);
        if (text.Length > Numbers.MaximumDigits) throw RenderBudget.Over($"an integer of {text.Length} digits in '{name}'", $"{Numbers.MaximumDigits} digits");
        return BigInteger.Parse(text, CultureInfo.InvariantCulture);
    }
}
