using System.Globalization;
using System.Text.Json;

namespace Heed.Tokenizers.Models;

/// <summary>Numbers as Rust's serializer writes them, so that files come out the same.</summary>
internal static class JsonNumbers
{
    /// <summary>Shortest digits that read back equal, with <c>.0</c> on whole numbers.</summary>
    public static void Write(Utf8JsonWriter json, double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        bool whole = text.AsSpan().IndexOfAny('.', 'E', 'e') < 0;
        json.WriteRawValue(whole ? text + ".0" : text.Replace("E-0", "e-", StringComparison.Ordinal).Replace("E+", "e+", StringComparison.Ordinal).Replace('E', 'e'));
    }
}
