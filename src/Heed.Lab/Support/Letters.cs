using System.Text.Json;

namespace Heed.Lab.Support;

/// <summary>The letters of <c>samples/disputes</c>, which lie in this assembly.</summary>
internal static class Letters
{
    /// <summary>The lines of a part, JSON each: <c>train</c>, <c>dev</c> or <c>test</c>.</summary>
    public static string[] Lines(string part)
    {
        using Stream stream = typeof(Letters).Assembly.GetManifestResourceStream($"classification.{part}.jsonl")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The letters of a part and their labels.</summary>
    public static (string Text, string Label)[] Of(string part) => Array.ConvertAll(Lines(part), line =>
    {
        using JsonDocument json = JsonDocument.Parse(line);
        return (json.RootElement.GetProperty("text").GetString()!, json.RootElement.GetProperty("label").GetString()!);
    });

    /// <summary>All texts of a part, a line each, as ids below 128: ASCII, and a question mark for each other character.</summary>
    public static int[] Characters(string part)
        => [.. string.Join('\n', Of(part).Select(l => l.Text)).Select(c => c < 128 ? c : '?')];
}
