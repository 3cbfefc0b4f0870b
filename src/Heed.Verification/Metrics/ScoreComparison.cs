using System.Globalization;
using System.Text.Json;
using Heed.Training.Metrics;

namespace Heed.Verification;

/// <summary>Compares what a measure gave with the <c>score</c> of a row: the same names, and numbers within the tolerance.</summary>
/// <remarks>
/// What a measure gave is made of dictionaries, lists, strings, whole numbers (which must be equal) and doubles: within 1e-6 of the value
/// or 1e-9; a fitted temperature 1e-4 of the value. NaN stands for the reference's <c>null</c>.
/// </remarks>
internal static class ScoreComparison
{
    /// <summary>The first difference, with its place; null if there is none.</summary>
    /// <param name="expected">What the reference gave.</param>
    /// <param name="found">What was computed.</param>
    /// <param name="path">Its place.</param>
    /// <param name="allowed">How far a number may be from the reference's, by place and value; null: as a measure.</param>
    public static string? Difference(JsonElement expected, object? found, string path, Func<string, double, double>? allowed = null)
        => found switch
        {
            Dictionary<string, object?> map => OfMaps(expected, map, path, allowed),
            string text => expected.ValueKind == JsonValueKind.String && expected.GetString() == text ? null
                : Say(expected, $"'{text}'", path),
            bool flag => expected.ValueKind == (flag ? JsonValueKind.True : JsonValueKind.False) ? null : Say(expected, found, path),
            int or long => IsNumber(expected, out double wanted) && wanted == Convert.ToDouble(found, CultureInfo.InvariantCulture) ? null
                : Say(expected, found, path),
            double value => OfNumbers(expected, value, path, allowed),
            float value => OfNumbers(expected, value, path, allowed),
            System.Collections.IEnumerable list => OfLists(expected, [.. list.Cast<object?>()], path, allowed),
            null => expected.ValueKind == JsonValueKind.Null ? null : Say(expected, "nothing", path),
            _ => throw new InvalidOperationException($"{found.GetType()} cannot be compared."),
        };

    /// <summary>Precision, recall, F1 and support by seqeval's names.</summary>
    public static Dictionary<string, object?> Named(FScore score) => new(StringComparer.Ordinal)
    {
        ["precision"] = score.Precision,
        ["recall"] = score.Recall,
        ["f1-score"] = score.F1,
        ["support"] = score.Support,
    };

    private static string? OfMaps(
        JsonElement expected, Dictionary<string, object?> found, string path, Func<string, double, double>? allowed)
    {
        if (expected.ValueKind != JsonValueKind.Object) return Say(expected, "an object", path);
        foreach (JsonProperty property in expected.EnumerateObject())
        {
            if (!found.TryGetValue(property.Name, out object? value)) return $"{path}.{property.Name} is not computed";
            if (Difference(property.Value, value, $"{path}.{property.Name}", allowed) is { } difference) return difference;
        }

        string? extra = found.Keys.FirstOrDefault(k => !expected.TryGetProperty(k, out _));
        return extra is null ? null : $"{path}.{extra} is computed, but the reference does not have it";
    }

    private static string? OfLists(JsonElement expected, object?[] found, string path, Func<string, double, double>? allowed)
    {
        if (expected.ValueKind != JsonValueKind.Array || expected.GetArrayLength() != found.Length)
            return expected.ValueKind == JsonValueKind.Array ? $"{path} has {found.Length} entries, not {expected.GetArrayLength()}"
                : Say(expected, "a list", path);
        for (int i = 0; i < found.Length; i++)
            if (Difference(expected[i], found[i], $"{path}[{i}]", allowed) is { } difference) return difference;
        return null;
    }

    private static string? OfNumbers(JsonElement expected, double found, string path, Func<string, double, double>? allowed)
    {
        if (expected.ValueKind == JsonValueKind.Null) return double.IsNaN(found) ? null : Say(expected, found, path);
        if (!IsNumber(expected, out double wanted)) return Say(expected, found, path);
        return Math.Abs(found - wanted) <= (allowed ?? OfMeasure)(path, wanted) ? null : Say(expected, found, path);
    }

    private static double OfMeasure(string path, double wanted)
        => Math.Max((path.EndsWith(".temperature", StringComparison.Ordinal) ? 1e-4 : 1e-6) * Math.Abs(wanted), 1e-9);

    private static bool IsNumber(JsonElement json, out double value)
    {
        value = 0;
        return json.ValueKind == JsonValueKind.Number && json.TryGetDouble(out value);
    }

    private static string Say(JsonElement expected, object? found, string path)
        => string.Create(CultureInfo.InvariantCulture, $"{path} is {found}, not {StrictJson.Describe(expected)}");
}
