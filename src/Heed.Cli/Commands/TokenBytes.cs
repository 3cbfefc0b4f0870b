using Heed.Tokenizers;

namespace Heed.Cli.Commands;

/// <summary>The bytes that single tokens stand for, where the vocabulary spells bytes: byte-level alphabets and
/// <c>&lt;0xC3&gt;</c>.</summary>
internal static class TokenBytes
{
    /// <summary>Whether tokens are spelled in the 256 characters that stand for bytes.</summary>
    public static bool SpellsBytes(Tokenizer tokenizer) => tokenizer.TokenToId("\u0120") is not null && tokenizer.Decode([tokenizer.TokenToId("\u0120")!.Value]) == " ";

    /// <summary>Number of bytes that the token itself stands for; null where the text's range has to tell.</summary>
    public static int? Count(Tokenizer tokenizer, TokenEncoding encoding, int index, bool spelled)
    {
        if (encoding.SpecialTokensMask[index] != 0 || encoding.AttentionMask[index] == 0) return 0;
        string token = encoding.Tokens[index];
        if (IsBytePiece(token)) return 1;
        // Each character of the alphabet is one byte; an added token stands for its own text.
        return spelled && !tokenizer.AddedTokens.ContainsKey(encoding.Ids[index]) ? token.Length : null;
    }

    /// <summary>What a token says, where its own text does not; a part of a character as its bytes. Null: the token is as readable as it
    /// is.</summary>
    public static string? Readable(Tokenizer tokenizer, TokenEncoding encoding, int index, bool spelled)
    {
        if (!spelled || encoding.SpecialTokensMask[index] != 0 || tokenizer.AddedTokens.ContainsKey(encoding.Ids[index])) return null;
        string said = tokenizer.Decode([encoding.Ids[index]], skipSpecialTokens: false);
        if (!said.Contains('\uFFFD', StringComparison.Ordinal)) return said;
        return string.Join(' ', Bytes(encoding.Tokens[index]).Select(value => value.ToString("X2", System.Globalization.CultureInfo.InvariantCulture)));
    }

    private static bool IsBytePiece(string token) => token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>' && char.IsAsciiHexDigit(token[3]) && char.IsAsciiHexDigit(token[4]);

    /// <summary>The bytes of a token of the byte-level alphabet: printable Latin-1 characters stand for themselves, the others in order
    /// from U+0100 on.</summary>
    private static IEnumerable<byte> Bytes(string token)
    {
        static bool Itself(int value) => value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE and <= 0xFF;
        byte[] others = [.. Enumerable.Range(0, 256).Where(value => !Itself(value)).Select(value => (byte)value)];
        return token.Select(c => c < 256 ? (byte)c : others[Math.Min(c - 256, others.Length - 1)]);
    }
}
