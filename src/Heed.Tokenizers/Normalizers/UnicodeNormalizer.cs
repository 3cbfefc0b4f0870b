using System.Text.Json;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Normalizers;

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeNormalizer(NormalizationKind kind) : INormalizer
{
    public void Normalize(NormalizedText text) => Normalization.Apply(text, kind);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", kind.ToString().ToUpperInvariant());
        json.WriteEndObject();
    }
}
