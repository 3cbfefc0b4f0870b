using System.Text.Json;
using Heed.Generation.Embeddings;

namespace Heed.Verification;

/// <summary>Inputs and settings of a row of tasks, and the tolerances of its numbers.</summary>
internal static class TaskRow
{
    private static readonly JsonElement Nothing = JsonDocument.Parse("{}").RootElement;

    /// <summary>The row's settings; an empty object if it has none.</summary>
    public static JsonElement Settings(this JsonElement row) => row.TryGetProperty("settings", out JsonElement settings) ? settings
        : Nothing;

    /// <summary>A setting that is given and not null.</summary>
    public static bool Has(this JsonElement settings, string name, out JsonElement value)
        => settings.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>A flag, or what holds where it is left out.</summary>
    public static bool FlagOr(this JsonElement settings, string name, bool standard)
        => settings.Has(name, out JsonElement value) ? value.GetBoolean() : standard;

    /// <summary>A whole number, or what holds where it is left out.</summary>
    public static int NumberOr(this JsonElement settings, string name, int standard)
        => settings.Has(name, out JsonElement value) ? value.GetInt32() : standard;

    /// <summary>A text, or null where it is left out.</summary>
    public static string? TextOrNull(this JsonElement settings, string name)
        => settings.Has(name, out JsonElement value) ? value.GetString() : null;

    /// <summary>One text or a list of texts as a list.</summary>
    public static string[] OneOrMore(this JsonElement inputs) => inputs.ValueKind == JsonValueKind.Array ? inputs.Texts()
        : [inputs.GetString()!];

    /// <summary>A text, or an object with <c>text</c> and <c>text_pair</c>.</summary>
    public static TextPair Pair(this JsonElement input) => input.ValueKind == JsonValueKind.Object
        ? new TextPair(input.Text("text"), input.Text("text_pair"))
        : new TextPair(input.GetString() ?? throw new FormatException("a text is null"), "");

    /// <summary>Probabilities: 1e-5.</summary>
    public static double Probability(string path, double wanted) => 1e-5;

    /// <summary>Logits, vectors, log-probabilities: 1e-5 of the value, or of 1.</summary>
    public static double Score(string path, double wanted) => 1e-5 * Math.Max(1, Math.Abs(wanted));

    /// <summary>The places of code points: for each UTF-16 place its place in the reference's count.</summary>
    public static int[] CodePoints(string text)
    {
        int[] map = new int[text.Length + 1];
        for (int i = 0; i < text.Length; i++) map[i + 1] = map[i] + (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]) ? 0
            : 1);
        return map;
    }
}
