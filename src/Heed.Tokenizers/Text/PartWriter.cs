using System.Text.Json;

namespace Heed.Tokenizers.Text;

/// <summary>Shapes of tokenizer.json that several parts share.</summary>
internal static class PartWriter
{
    /// <summary>Writes <c>{"type":"…"}</c>.</summary>
    public static void TypeOnly(Utf8JsonWriter json, string type)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteEndObject();
    }
}
