using System.Globalization;
using System.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Templates;

/// <summary>Characters as Python's <c>str</c> knows them.</summary>
internal static class Unicodes
{
    /// <summary>Characters whose upper case is several characters, each followed by it and a blank.</summary>
    private const string UpperTable =
        "\u00DF\u0053\u0053 \u0149\u02BC\u004E \u01F0\u004A\u030C \u0390\u0399\u0308\u0301 \u03B0\u03A5\u0308\u0301 \u0587\u0535\u0552 \u1E96\u0048\u0331 " +
        "\u1E97\u0054\u0308 \u1E98\u0057\u030A \u1E99\u0059\u030A \u1E9A\u0041\u02BE \u1F50\u03A5\u0313 \u1F52\u03A5\u0313\u0300 \u1F54\u03A5\u0313\u0301 " +
        "\u1F56\u03A5\u0313\u0342 \u1F80\u1F08\u0399 \u1F81\u1F09\u0399 \u1F82\u1F0A\u0399 \u1F83\u1F0B\u0399 \u1F84\u1F0C\u0399 \u1F85\u1F0D\u0399 " +
        "\u1F86\u1F0E\u0399 \u1F87\u1F0F\u0399 \u1F88\u1F08\u0399 \u1F89\u1F09\u0399 \u1F8A\u1F0A\u0399 \u1F8B\u1F0B\u0399 \u1F8C\u1F0C\u0399 " +
        "\u1F8D\u1F0D\u0399 \u1F8E\u1F0E\u0399 \u1F8F\u1F0F\u0399 \u1F90\u1F28\u0399 \u1F91\u1F29\u0399 \u1F92\u1F2A\u0399 \u1F93\u1F2B\u0399 " +
        "\u1F94\u1F2C\u0399 \u1F95\u1F2D\u0399 \u1F96\u1F2E\u0399 \u1F97\u1F2F\u0399 \u1F98\u1F28\u0399 \u1F99\u1F29\u0399 \u1F9A\u1F2A\u0399 " +
        "\u1F9B\u1F2B\u0399 \u1F9C\u1F2C\u0399 \u1F9D\u1F2D\u0399 \u1F9E\u1F2E\u0399 \u1F9F\u1F2F\u0399 \u1FA0\u1F68\u0399 \u1FA1\u1F69\u0399 " +
        "\u1FA2\u1F6A\u0399 \u1FA3\u1F6B\u0399 \u1FA4\u1F6C\u0399 \u1FA5\u1F6D\u0399 \u1FA6\u1F6E\u0399 \u1FA7\u1F6F\u0399 \u1FA8\u1F68\u0399 " +
        "\u1FA9\u1F69\u0399 \u1FAA\u1F6A\u0399 \u1FAB\u1F6B\u0399 \u1FAC\u1F6C\u0399 \u1FAD\u1F6D\u0399 \u1FAE\u1F6E\u0399 \u1FAF\u1F6F\u0399 " +
        "\u1FB2\u1FBA\u0399 \u1FB3\u0391\u0399 \u1FB4\u0386\u0399 \u1FB6\u0391\u0342 \u1FB7\u0391\u0342\u0399 \u1FBC\u0391\u0399 \u1FC2\u1FCA\u0399 " +
        "\u1FC3\u0397\u0399 \u1FC4\u0389\u0399 \u1FC6\u0397\u0342 \u1FC7\u0397\u0342\u0399 \u1FCC\u0397\u0399 \u1FD2\u0399\u0308\u0300 " +
        "\u1FD3\u0399\u0308\u0301 \u1FD6\u0399\u0342 \u1FD7\u0399\u0308\u0342 \u1FE2\u03A5\u0308\u0300 \u1FE3\u03A5\u0308\u0301 \u1FE4\u03A1\u0313 " +
        "\u1FE6\u03A5\u0342 \u1FE7\u03A5\u0308\u0342 \u1FF2\u1FFA\u0399 \u1FF3\u03A9\u0399 \u1FF4\u038F\u0399 \u1FF6\u03A9\u0342 \u1FF7\u03A9\u0342\u0399 " +
        "\u1FFC\u03A9\u0399 \uFB00\u0046\u0046 \uFB01\u0046\u0049 \uFB02\u0046\u004C \uFB03\u0046\u0046\u0049 \uFB04\u0046\u0046\u004C \uFB05\u0053\u0054 " +
        "\uFB06\u0053\u0054 \uFB13\u0544\u0546 \uFB14\u0544\u0535 \uFB15\u0544\u053B \uFB16\u054E\u0546 \uFB17\u0544\u053D ";

    private static readonly Dictionary<int, string> LongUpper = ReadTable();

    /// <summary>White space of <c>str.isspace</c>, <c>strip</c> and <c>split</c>.</summary>
    public static bool IsSpace(int c) => c switch
    {
        >= 9 and <= 13 or >= 0x1C and <= 0x20 or 0x85 or 0xA0 or 0x1680 or >= 0x2000 and <= 0x200A or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x3000 => true,
        _ => false,
    };

    /// <summary>Ends of lines of <c>splitlines</c>.</summary>
    public static bool IsLineEnd(int c) => c is 10 or 11 or 12 or 13 or 0x1C or 0x1D or 0x1E or 0x85 or 0x2028 or 0x2029;

    /// <summary>What may stand in a name of a template: <c>\w</c> and what the reference's lexer adds to it.</summary>
    public static bool IsWord(int c) => c is '_' or 0xB7 or 0x387 || IsAlphaNumeric(c) || CharacterClasses.IsMark(c) || CharacterClasses.Category(c) == 12;

    public static bool IsIdentifier(string name) => name.Length > 0 && !IsNumeric(char.IsSurrogate(name[0]) ? 'a' : name[0]) && !CharacterClasses.IsMark(name[0]);

    public static bool IsAlpha(int c) => CharacterClasses.IsLetter(c);

    public static bool IsAlphaNumeric(int c) => CharacterClasses.IsLetter(c) || IsNumeric(c);

    public static bool IsDecimal(int c) => CharacterClasses.Category(c) == 9;

    public static bool IsDigit(int c) => IsDecimal(c) || CharUnicodeInfo.GetDigitValue(Text(c), 0) >= 0;

    public static bool IsNumeric(int c) => CharacterClasses.IsNumber(c) || Numerals.Contains(c);

    /// <summary>Value of a decimal digit, −1 for other characters.</summary>
    public static int DecimalValue(int c) => (uint)(c - '0') <= 9 ? c - '0' : c < 128 ? -1 : IsDecimal(c) ? CharUnicodeInfo.GetDecimalDigitValue(Text(c), 0) : -1;

    public static bool IsUpper(int c) => CharacterClasses.IsUpper(c);

    public static bool IsLower(int c) => CharacterClasses.IsLower(c);

    public static bool IsTitle(int c) => CharacterClasses.Category(c) == 3;

    public static bool IsCased(int c) => IsUpper(c) || IsLower(c) || IsTitle(c);

    /// <summary>Whether <c>repr</c> writes the character itself.</summary>
    public static bool IsPrintable(int c) => c == ' ' || (CharacterClasses.Category(c) is not (0 or >= 23));

    public static string Text(int c) => c > 0xFFFF ? char.ConvertFromUtf32(c) : ((char)c).ToString();

    public static string UpperOf(int c)
    {
        if (c < 128) return Text(c is >= 'a' and <= 'z' ? c - 32 : c);
        if (LongUpper.TryGetValue(c, out string? upper)) return upper;
        return c switch
        {
            0x131 => "I",
            0x17F => "S",
            _ => Rune.IsValid(c) ? Rune.ToUpperInvariant(new Rune(c)).ToString() : Text(c),
        };
    }

    public static string LowerOf(int c)
    {
        int lower = CharacterClasses.ToLower(c, out int second);
        return second == 0 ? Text(lower) : Text(lower) + Text(second);
    }

    public static string TitleOf(int c)
    {
        switch (c)
        {
            case >= 0x1C4 and <= 0x1CC: return Text(c - ((c - 0x1C4) % 3) + 1);
            case 0x1F1 or 0x1F2 or 0x1F3: return "\u01F2";
            case >= 0x10D0 and <= 0x10FF: return Text(c);
            case >= 0x1F80 and <= 0x1FAF: return Text(c | 8);
            case 0x1FB3 or 0x1FC3 or 0x1FF3: return Text(c + 9);
        }

        if (IsTitle(c)) return Text(c);
        string upper = UpperOf(c);
        if (upper.Length < 2 || char.IsSurrogate(upper[0])) return upper;
        if (c is >= 0x1FB2 and <= 0x1FF7 && upper[^1] == '\u0399' && c is not (0x1FD2 or 0x1FD3 or 0x1FD7)) return upper[..^1] + "\u0345";
        // ŉ keeps its capital: its first character has no case.
        return c == 0x149 ? upper : upper[..1] + upper[1..].ToLowerInvariant();
    }

    public static string FoldOf(int c) => c switch
    {
        0x1E9E => "ss",
        >= 0x13A0 and <= 0x13F5 or 0x131 => Text(c),
        >= 0x13F8 and <= 0x13FD => Text(c - 8),
        >= 0xAB70 and <= 0xABBF => Text(c - 0xAB70 + 0x13A0),
        0x130 => "i\u0307",
        < 128 => LowerOf(c),
        _ => string.Concat(UpperOf(c).EnumerateRunes().Select(r => LowerOf(r.Value))),
    };

    /// <summary>Skipped when the place of a sigma in its word is looked for.</summary>
    private static bool IsCaseIgnorable(int c)
        => c is '\'' or '.' or ':' or 0xB7 or 0x387 or 0x55F or 0x5F4 or 0x2018 or 0x2019 or 0x2024 or 0x2027 or 0xFE13 or 0xFE52 or 0xFE55 or 0xFF07 or 0xFF0E or 0xFF1A
            || CharacterClasses.Category(c) is 4 or 6 or 8 or 21 or 27;

    /// <summary>Whether the capital sigma at <paramref name="at"/> ends a word.</summary>
    public static bool IsFinalSigma(IReadOnlyList<int> text, int at)
    {
        int before = at - 1;
        while (before >= 0 && IsCaseIgnorable(text[before])) before--;
        if (before < 0 || !IsCased(text[before])) return false;
        int after = at + 1;
        while (after < text.Count && IsCaseIgnorable(text[after])) after++;
        return after >= text.Count || !IsCased(text[after]);
    }

    private static Dictionary<int, string> ReadTable()
    {
        Dictionary<int, string> table = [];
        foreach (string entry in UpperTable.Split(' ', StringSplitOptions.RemoveEmptyEntries)) table.Add(entry[0], entry[1..]);
        return table;
    }
}
