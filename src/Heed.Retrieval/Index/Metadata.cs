using System.Collections;
using System.Globalization;
using System.Text.Json;

namespace Heed.Retrieval;

/// <summary>Values of metadata: string, long, double, bool, and lists of these.</summary>
internal static class Metadata
{
    /// <summary>A value in the form that is kept.</summary>
    /// <param name="key">The document, for the error.</param>
    /// <param name="field">The field, for the error.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="InputException">It is of another type.</exception>
    public static object Normal(string key, string field, object? value) => value switch
    {
        string or long or bool => value,
        double number when double.IsFinite(number) => value,
        int or short or byte or sbyte or ushort or uint => Convert.ToInt64(value, CultureInfo.InvariantCulture),
        float number when float.IsFinite(number) => (double)number,
        IEnumerable list => list.Cast<object?>().Select(v => v is IEnumerable and not string
            ? throw Wrong(key, field, "a list in a list") : Normal(key, field, v)).ToArray(),
        _ => throw Wrong(key, field, value?.GetType().Name ?? "null"),
    };

    public static void Write(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text: json.WriteStringValue(text); break;
            case long number: json.WriteNumberValue(number); break;
            case double number:
                // A whole number stays a double on reading.
                string written = number.ToString("R", CultureInfo.InvariantCulture);
                json.WriteRawValue(written.AsSpan().ContainsAny(".Ee") ? written : written + ".0");
                break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case object[] list:
                json.WriteStartArray();
                foreach (object item in list) Write(json, item);
                json.WriteEndArray();
                break;
            default: throw new InvalidOperationException($"{value.GetType()} is no metadata.");
        }
    }

    public static object Read(JsonElement json, string file, string path) => json.ValueKind switch
    {
        JsonValueKind.String => StrictJson.Text(json, file, path),
        JsonValueKind.Number => json.GetRawText().AsSpan().ContainsAny(".Ee") || !json.TryGetInt64(out long whole)
            ? StrictJson.Number(json, file, path) : whole,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => json.EnumerateArray().Select(item => Read(item, file, path)).ToArray(),
        _ => throw new InvalidFileException(file, path, $"is {StrictJson.Describe(json)}; a text, a number, true, false or a list was "
            + $"expected"),
    };

    /// <summary>Order of two values: numbers by size, texts by code point; null where they cannot be compared.</summary>
    public static int? Compare(object a, object b) => (a, b) switch
    {
        (string x, string y) => string.CompareOrdinal(x, y),
        (bool x, bool y) => x.CompareTo(y),
        (long x, long y) => x.CompareTo(y),
        (long or double, long or double) => Convert.ToDouble(a, CultureInfo.InvariantCulture)
            .CompareTo(Convert.ToDouble(b, CultureInfo.InvariantCulture)),
        _ => null,
    };

    private static InputException Wrong(string key, string field, string what)
        => new($"document '{Printable.Shorten(key)}': metadata.{field}: is {what}; a text, a finite number, true, false, or a list of such "
            + "was expected.");
}
