using CsCheck;

namespace Heed.Tokenizers.Tests;

/// <summary>Generators of texts for properties: every code point of every plane, lone surrogates, and what tokenizers treat
/// specially.</summary>
internal static class Texts
{
    private static readonly string[] Parts =
    [
        " ", "  ", "\n", "\r\n", "\t", "▁", "é", "e\u0301", "e\u0301\u0323", "İ", "ß", "Σ", "中", "カ\u3099", "ﾊﾟ", "ｶﾞ", "각", "\u1100\u1161", "👩‍👩‍👧", "🇩🇪", "\uD83D", "\uDE00", "𝔘",
        "[MASK]", "<0x41>", "a", "the", " The", "\u0085", "\u00A0", "\u200B", "\uFEFF", "\uFFFD", "\0", "ﬁ", "1", "12", "x²", "'s", "n't", ".", "…", "Ġ", "##a", "</w>", "क्षि", "กำ", "א\u05B7",
    ];

    /// <summary>Any code point that is not a surrogate; all planes equally often, so that the rare ones are met.</summary>
    private static readonly Gen<string> Characters = Gen.Select(Gen.Int[0, 16], Gen.Int[0, 0xFFFF], (plane, low)
        => char.ConvertFromUtf32(plane == 0 && low is >= 0xD800 and <= 0xDFFF ? low - 0x1000 : (plane << 16) + low));

    /// <summary>Any code point of the planes that are in use, where properties differ most.</summary>
    private static readonly Gen<string> Letters = Gen.Int[0, 0x33FF].Select(c => char.ConvertFromUtf32(c));

    private static readonly Gen<string> LoneSurrogates = Gen.Char['\uD800', '\uDFFF'].Select(c => c.ToString());

    private static readonly Gen<string> Ascii = Gen.Char[' ', '~'].Select(c => c.ToString());

    private static readonly Gen<string> Pieces = Gen.Frequency((4, Gen.Int[0, Parts.Length - 1].Select(i => Parts[i])), (3, Ascii), (2, Letters), (2, Characters), (1, LoneSurrogates));

    /// <summary>Texts of up to 30 pieces of all kinds.</summary>
    public static readonly Gen<string> All = Pieces.Array[0, 30].Select(string.Concat);

    /// <summary>The text as tokenizers read it: each lone surrogate is U+FFFD.</summary>
    public static string Read(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
