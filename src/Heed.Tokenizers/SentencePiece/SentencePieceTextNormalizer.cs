using System.Buffers;
using System.Text;
using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>SentencePiece's own normalization, the longest prefix of the charsmap and U+0020 as the only blank, with the places of the
/// text.</summary>
internal sealed class SentencePieceTextNormalizer(SentencePieceNormalizer normalizer) : INormalizer
{
    public void Normalize(NormalizedText text)
    {
        if (text.Length == 0) return;
        byte[] rented = ArrayPool<byte>.Shared.Rent(System.Text.Encoding.UTF8.GetMaxByteCount(text.Length));
        try
        {
            ReadOnlySpan<byte> utf8 = rented.AsSpan(0, System.Text.Encoding.UTF8.GetBytes(text.Span, rented));
            NormalizedBytes made = normalizer.Normalize(utf8, GrowthLimit.Of(utf8.Length), text.Source);
            text.BeginRewrite();
            int at = 0, unit = 0;
            ReadOnlySpan<byte> bytes = made.Bytes;
            for (int i = 0; i < bytes.Length;)
            {
                _ = Rune.DecodeFromUtf8(bytes[i..], out Rune rune, out int length);
                int from = UnitOf(utf8, made.Origins[i], ref at, ref unit);
                (int aheadAt, int aheadUnit) = (at, unit);
                int to = UnitOf(utf8, made.Origins[i + length], ref aheadAt, ref aheadUnit);
                text.EmitRange(rune.Value, from, to);
                i += length;
            }

            text.EndRewrite();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Never saved: tokenizer.json gets the steps that come nearest, <see cref="SentencePieceConverter.Convert"/>.</summary>
    public void Write(Utf8JsonWriter json) => json.WriteNullValue();

    /// <summary>The UTF-16 place of an ascending UTF-8 place.</summary>
    private static int UnitOf(ReadOnlySpan<byte> utf8, int place, ref int at, ref int unit)
    {
        if (place < at) (at, unit) = (0, 0);
        for (; at < place; at++)
        {
            byte b = utf8[at];
            unit += (b & 0xC0) == 0x80 ? 0 : b >= 0xF0 ? 2 : 1;
        }

        return unit;
    }
}
