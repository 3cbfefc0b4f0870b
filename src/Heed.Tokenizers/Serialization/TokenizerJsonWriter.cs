using System.Text.Encodings.Web;
using System.Text.Json;
using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Serialization;

/// <summary>Writes tokenizer.json as Hugging Face does: the same members in the same order, so that equal tokenizers are equal
/// bytes.</summary>
internal static class TokenizerJsonWriter
{
    public static byte[] Write(Tokenizer tokenizer, bool indented)
    {
        using MemoryStream buffer = new();
        JsonWriterOptions options = indented ? StrictJson.WriterOptions : new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (Utf8JsonWriter json = new(buffer, options))
        {
            TokenizerParts parts = tokenizer.Parts;
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            WriteTruncation(json, parts.Truncation);
            WritePadding(json, parts.Padding);
            WriteAddedTokens(json, tokenizer.AddedTokens);
            parts = parts.Saved?.Value ?? parts;
            WritePart(json, "normalizer", parts.Normalizer);
            WritePart(json, "pre_tokenizer", parts.PreTokenizer);
            WritePart(json, "post_processor", parts.PostProcessor);
            WritePart(json, "decoder", (parts.Decoder as CleanUpDecoder)?.Inner ?? parts.Decoder);
            WritePart(json, "model", parts.Model);
            json.WriteEndObject();
        }

        if (indented) buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static void WritePart(Utf8JsonWriter json, string name, IPipelinePart? part)
    {
        json.WritePropertyName(name);
        if (part is null) json.WriteNullValue();
        else part.Write(json);
    }

    private static void WriteTruncation(Utf8JsonWriter json, TruncationOptions? truncation)
    {
        json.WritePropertyName("truncation");
        if (truncation is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        json.WriteString("direction", truncation.Direction.ToString());
        json.WriteNumber("max_length", truncation.MaxLength);
        json.WriteString("strategy", truncation.Strategy.ToString());
        json.WriteNumber("stride", truncation.Stride);
        json.WriteEndObject();
    }

    private static void WritePadding(Utf8JsonWriter json, PaddingOptions? padding)
    {
        json.WritePropertyName("padding");
        if (padding is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        json.WritePropertyName("strategy");
        if (padding.Length is { } length)
        {
            json.WriteStartObject();
            json.WriteNumber("Fixed", length);
            json.WriteEndObject();
        }
        else
        {
            json.WriteStringValue("BatchLongest");
        }

        json.WriteString("direction", padding.Direction.ToString());
        if (padding.MultipleOf is { } multiple) json.WriteNumber("pad_to_multiple_of", multiple);
        else json.WriteNull("pad_to_multiple_of");
        json.WriteNumber("pad_id", padding.Id);
        json.WriteNumber("pad_type_id", padding.TypeId);
        json.WriteString("pad_token", padding.Token);
        json.WriteEndObject();
    }

    private static void WriteAddedTokens(Utf8JsonWriter json, IReadOnlyDictionary<int, AddedToken> tokens)
    {
        json.WriteStartArray("added_tokens");
        foreach ((int id, AddedToken token) in tokens.OrderBy(entry => entry.Key))
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", token.Content);
            json.WriteBoolean("single_word", token.SingleWord);
            json.WriteBoolean("lstrip", token.LeftStrip);
            json.WriteBoolean("rstrip", token.RightStrip);
            json.WriteBoolean("normalized", token.Normalized);
            json.WriteBoolean("special", token.Special);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
