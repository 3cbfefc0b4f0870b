using System.Globalization;
using System.Runtime.CompilerServices;

namespace Heed.Tokenizers.Unicode;

/// <summary>
/// Character classes as the parts of the reference know them: Unicode 16.0, except where a part is ahead (Rust's <c>char</c>: 17.0)
/// or behind (<c>unicode_categories</c>: 8.0; its table of scripts and its normalization crate: 9.0).
/// </summary>
internal static class CharacterClasses
{
    private const int CategoryMask = 31;
    private const int Alphabetic = 1 << 5;
    private const int WhiteSpace = 1 << 6;
    private const int Punctuation8 = 1 << 7;
    private const int Nonspacing8 = 1 << 8;
    private const int Other8 = 1 << 9;
    private const int Mark9 = 1 << 10;
    private const int Upper = 1 << 11;
    private const int LowerBit = 1 << 12;
    private const int Numeric17 = 1 << 13;

    /// <summary>Two-letter names of the general categories in the order of their numbers.</summary>
    public static readonly string[] CategoryNames =
    [
        "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
    ];

    private static readonly PagedTable Table = UnicodeData.Flags;
    private static readonly ushort[] Low = LowTable();
    private static readonly byte[] BertKinds = [.. Enumerable.Range(0, 0x3100).Select(c => (byte)BertKindOf(c))];
    private static readonly int HanScript = UnicodeData.Scripts9[0x4E00];
    private static readonly int HiraganaScript = UnicodeData.Scripts9[0x3042];
    private static readonly int KatakanaScript = UnicodeData.Scripts9[0x30A2];

    /// <summary>Number of the general category, an index into <see cref="CategoryNames"/>.</summary>
    public static int Category(int c) => Flags(c) & CategoryMask;

    /// <summary>L: Lu, Ll, Lt, Lm, Lo.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsLetter(int c) => (uint)((Flags(c) & CategoryMask) - 1) <= 4;

    /// <summary>M: Mn, Mc, Me.</summary>
    public static bool IsMark(int c) => (uint)(Category(c) - 6) <= 2;

    /// <summary>Rust's <c>is_numeric</c>: what Digits cuts out.</summary>
    public static bool IsNumeric(int c) => (Flags(c) & Numeric17) != 0;

    /// <summary>N: Nd, Nl, No.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsNumber(int c) => (uint)((Flags(c) & CategoryMask) - 9) <= 2;

    /// <summary>White_Space: Rust's <c>is_whitespace</c> and <c>\s</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsWhiteSpace(int c) => (Flags(c) & WhiteSpace) != 0;

    public static bool IsAlphabetic(int c) => (Flags(c) & Alphabetic) != 0;

    public static bool IsUpper(int c) => (Flags(c) & Upper) != 0;

    public static bool IsLower(int c) => (Flags(c) & LowerBit) != 0;

    /// <summary><c>\w</c> of Rust's regex: Alphabetic, M, Nd, Pc and the two joiners.</summary>
    public static bool IsRegexWord(int c) => IsPropertyWord(c) || c is 0x200C or 0x200D;

    /// <summary><c>\w</c> of Oniguruma outside a class: its table for Latin-1 has ² ³ ¹ ¼ ½ ¾ as well.</summary>
    public static bool IsShorthandWord(int c) => IsPropertyWord(c) || c is 0xB2 or 0xB3 or 0xB9 or 0xBC or 0xBD or 0xBE;

    /// <summary><c>\w</c> of Oniguruma inside a class: Alphabetic, M, Nd, Pc.</summary>
    public static bool IsPropertyWord(int c)
    {
        int flags = Flags(c);
        return (flags & Alphabetic) != 0 || (flags & CategoryMask) is >= 6 and <= 8 or 9 or 12;
    }

    /// <summary>P of <c>unicode_categories</c>, and the ASCII punctuation with the symbols among it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPunctuation(int c)
        => (Flags(c) & Punctuation8) != 0 || (c < 128 && c > 32 && !char.IsAsciiLetterOrDigit((char)c) && c != 127);

    /// <summary>Mn of <c>unicode_categories</c>: what BertNormalizer strips.</summary>
    public static bool IsNonspacing(int c) => (Flags(c) & Nonspacing8) != 0;

    /// <summary>Cc, Cf, Co of <c>unicode_categories</c>: what BertNormalizer takes for control characters.</summary>
    public static bool IsOther(int c) => (Flags(c) & Other8) != 0;

    /// <summary>M of the normalization crate: what StripAccents strips.</summary>
    public static bool IsCombiningMark(int c) => (Flags(c) & Mark9) != 0;

    /// <summary>Lower case without context: İ gives i and U+0307 (<paramref name="second"/>), Σ always σ.</summary>
    public static int ToLower(int c, out int second)
    {
        second = 0;
        if (c < 128) return (uint)(c - 'A') <= 25 ? c | 32 : c;
        if (c == 0x130)
        {
            second = 0x307;
            return 'i';
        }

        return UnicodeData.Lower.GetValueOrDefault(c, c);
    }

    /// <summary>CJK ideographs as BERT counts them.</summary>
    public static bool IsChinese(int c) => c >= 0x3400 && (c is >= 0x4E00 and <= 0x9FFF or <= 0x4DBF or >= 0xF900 and <= 0xFAFF
        or >= 0x20000 and <= 0x2A6DF or >= 0x2A700 and <= 0x2B73F or >= 0x2B740 and <= 0x2B81F or >= 0x2B920 and <= 0x2CEAF or >= 0x2F800 and <= 0x2FA1F);

    /// <summary>Kind of a punctuation character for <see cref="BertKind"/>.</summary>
    public const int BertPunctuation = 2;

    /// <summary>0 for characters inside words, 1 for white space, 2 for punctuation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int BertKind(int c)
    {
        byte[] kinds = BertKinds;
        return (uint)c < (uint)kinds.Length ? kinds[c] : BertKindOf(c);
    }

    /// <summary>Script for UnicodeScripts: kana are Han, a blank is 0 (any).</summary>
    public static int SplitScript(int c)
    {
        if (c == ' ') return 0;
        if (c == 0x30FC) return HanScript;
        int script = UnicodeData.Scripts9[c];
        return script == HiraganaScript || script == KatakanaScript ? HanScript : script;
    }

    /// <summary>A class by its name in <c>[:…:]</c>: as <see cref="ByName"/>, but punctuation has the symbols with it.</summary>
    public static Func<int, bool>? ByBracketName(string name)
        => string.Equals(name, "punct", StringComparison.OrdinalIgnoreCase) ? c => Category(c) is >= 12 and <= 22 : ByName(name);

    /// <summary>A category or class by its name in <c>\p{…}</c>: a test for it, or null where the name is unknown.</summary>
    public static Func<int, bool>? ByName(string name)
    {
        string key = name.Replace("_", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);
        if (key.Length == 1)
        {
            bool[] member = [.. CategoryNames.Select(category => char.ToLowerInvariant(category[0]) == char.ToLowerInvariant(key[0]))];
            return member.Contains(true) ? c => member[Category(c)] : null;
        }

        for (int i = 0; i < CategoryNames.Length; i++)
        {
            int number = i;
            if (string.Equals(CategoryNames[i], key, StringComparison.OrdinalIgnoreCase)) return c => Category(c) == number;
        }

        return LongName(key.ToLowerInvariant()) ?? Script(key);
    }

    /// <summary>Neither white space nor control character, surrogate or unassigned.</summary>
    private static bool IsGraph(int c) => !IsWhiteSpace(c) && Category(c) is not (0 or 26 or 28);

    private static Func<int, bool>? LongName(string key) => key switch
    {
        "letter" => IsLetter,
        "mark" => IsMark,
        "number" => IsNumber,
        "punctuation" or "punct" => ByName("P"),
        "lc" or "casedletter" => c => Category(c) is >= 1 and <= 3,
        "symbol" => ByName("S"),
        "separator" => ByName("Z"),
        "other" => ByName("C"),
        "uppercaseletter" => c => Category(c) == 1,
        "lowercaseletter" => c => Category(c) == 2,
        "titlecaseletter" => c => Category(c) == 3,
        "modifierletter" => c => Category(c) == 4,
        "otherletter" => c => Category(c) == 5,
        "nonspacingmark" => c => Category(c) == 6,
        "spacingmark" => c => Category(c) == 7,
        "enclosingmark" => c => Category(c) == 8,
        "decimalnumber" or "digit" => c => Category(c) == 9,
        "letternumber" => c => Category(c) == 10,
        "othernumber" => c => Category(c) == 11,
        "alphabetic" or "alpha" => IsAlphabetic,
        "alnum" => c => IsAlphabetic(c) || Category(c) == 9,
        "whitespace" or "space" => IsWhiteSpace,
        "uppercase" or "upper" => IsUpper,
        "lowercase" or "lower" => IsLower,
        "word" => IsPropertyWord,
        "cntrl" => c => Category(c) == 26,
        "blank" => c => c == 9 || Category(c) == 23,
        "graph" => IsGraph,
        "print" => c => IsGraph(c) || Category(c) == 23,
        "xdigit" => c => c < 128 && char.IsAsciiHexDigit((char)c),
        "extendedpictographic" => c => (UnicodeData.Clusters[c] & 16) != 0,
        "any" => _ => true,
        "ascii" => c => c < 128,
        "assigned" => c => Category(c) != 0,
        _ => null,
    };

    private static Func<int, bool>? Script(string key)
    {
        for (int i = 0; i < UnicodeData.ScriptNames.Length; i++)
        {
            string known = UnicodeData.ScriptNames[i].Replace("_", "", StringComparison.Ordinal);
            int number = i;
            if (CultureInfo.InvariantCulture.CompareInfo.Compare(known, key, CompareOptions.OrdinalIgnoreCase) == 0) return c => UnicodeData.Scripts16[c] == number;
        }

        return null;
    }

    private static int BertKindOf(int c) => IsWhiteSpace(c) ? 1 : IsPunctuation(c) ? BertPunctuation : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Flags(int c)
    {
        ushort[] low = Low;
        return (uint)c < (uint)low.Length ? low[c] : Table[c];
    }

    /// <summary>The first 0x3000 code points without the page step.</summary>
    private static ushort[] LowTable()
    {
        ushort[] low = new ushort[0x3000];
        for (int c = 0; c < low.Length; c++) low[c] = (ushort)Table[c];
        return low;
    }
}
