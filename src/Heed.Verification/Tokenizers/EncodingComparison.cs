using System.Text.Json;
using Heed.Tokenizers;

namespace Heed.Verification;

/// <summary>Compares an encoding with its stored form.</summary>
internal static class EncodingComparison
{
    /// <summary>The first difference, or null. Offsets are given in code points, as they are stored.</summary>
    public static string? Compare(
        JsonElement json, TokenEncoding encoding, (int Start, int End)[] offsets, string? text = null, string? pair = null)
        => Numbers(json, "ids", encoding.Ids)
        ?? Texts(json, "tokens", encoding.Tokens)
        ?? Offsets(json, offsets)
        ?? Numbers(json, "type_ids", encoding.TypeIds, absent: 0)
        ?? Numbers(json, "special_mask", encoding.SpecialTokensMask, absent: 0)
        ?? Numbers(json, "attention_mask", encoding.AttentionMask, absent: 1)
        ?? Numbers(json, "word_ids", encoding.WordIds)
        ?? (encoding.SequenceCount > 1 || json.TryGetProperty("sequence_ids", out _) ? Numbers(json, "sequence_ids", encoding.SequenceIds) : null)
        ?? Overflowing(json, encoding, text, pair);

    /// <summary>A list of numbers; null in it is −1.</summary>
    public static int[] Array(JsonElement json)
        => [.. json.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Null ? -1 : item.GetInt32())];

    public static string? Numbers(JsonElement json, string name, IReadOnlyList<int> actual, int? absent = null)
    {
        int[] expected = json.TryGetProperty(name, out JsonElement stored) ? Array(stored)
            : absent is { } value ? [.. Enumerable.Repeat(value, actual.Count)] : [];
        if (expected.SequenceEqual(actual)) return null;
        int at = FirstDifference(expected, actual);
        return $"{name}[{at}]: expected {Around(expected, at)}, got {Around(actual, at)}";
    }

    public static string? Same(string name, string expected, string actual)
        => expected == actual ? null : $"{name}: expected \"{Printable.Shorten(expected, 300)}\", got \"{Printable.Shorten(actual, 300)}\"";

    private static string? Texts(JsonElement json, string name, IReadOnlyList<string> actual)
    {
        string[] expected = [.. json.GetProperty(name).EnumerateArray().Select(item => item.GetString()!)];
        if (expected.SequenceEqual(actual)) return null;
        int at = FirstDifference(expected, actual);
        return $"{name}[{at}]: expected {Around(expected, at)}, got {Around(actual, at)}";
    }

    private static string? Offsets(JsonElement json, (int Start, int End)[] actual)
    {
        (int, int)[] expected = [.. json.GetProperty("offsets").EnumerateArray().Select(item => (item[0].GetInt32(), item[1].GetInt32()))];
        if (expected.SequenceEqual(actual)) return null;
        int at = FirstDifference(expected, actual);
        return $"offsets[{at}]: expected {Around(expected, at)}, got {Around(actual, at)}";
    }

    private static string? Overflowing(JsonElement json, TokenEncoding encoding, string? text, string? pair)
    {
        int count = json.TryGetProperty("overflowing_count", out JsonElement stored) ? stored.GetInt32() : 0;
        if (count != encoding.Overflowing.Count) return $"overflowing_count: expected {count}, got {encoding.Overflowing.Count}";
        if (count == 0) return null;
        int at = 0;
        foreach (JsonElement window in json.GetProperty("overflowing").EnumerateArray())
        {
            TokenEncoding actual = encoding.Overflowing[at];
            string? difference = Numbers(window, "ids", actual.Ids)
                ?? (text is null ? null : Offsets(window, actual.ToCodePoints(text, pair)));
            if (difference is not null) return $"overflowing[{at}]: {difference}";
            at++;
        }

        return null;
    }

    private static int FirstDifference<T>(IReadOnlyList<T> expected, IReadOnlyList<T> actual)
    {
        int at = 0;
        while (at < expected.Count && at < actual.Count && Equals(expected[at], actual[at])) at++;
        return at;
    }

    private static string Around<T>(IReadOnlyList<T> items, int at)
        => at >= items.Count ? $"the end ({items.Count})" : Printable.Escape(string.Join(' ', items.Skip(at).Take(6)));
}
