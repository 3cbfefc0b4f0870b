using System.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Training.Metrics;

/// <summary>Text operations as the reference implementations of the measures, written in Python, perform them.</summary>
internal static class ReferenceText
{
    private const int FinalSigma = 0x3C2;
    private const int CapitalSigma = 0x3A3;

    /// <summary>White_Space and U+001C to U+001F: what <c>str.split</c> splits at. All lie in the basic plane.</summary>
    public static bool IsSpace(int c) => c is >= 0x1C and <= 0x1F || CharacterClasses.IsWhiteSpace(c);

    /// <summary>ASCII punctuation and symbols (Python's <c>string.punctuation</c>).</summary>
    public static bool IsAsciiPunctuation(int c) => c is > 32 and < 127 && !char.IsAsciiLetterOrDigit((char)c);

    /// <summary>A letter, digit or underscore to Python's regular expressions; combining marks are none.</summary>
    public static bool IsWord(int c) => c == '_' || CharacterClasses.IsLetter(c) || CharacterClasses.IsNumber(c);

    /// <summary>The parts between white space; none is empty.</summary>
    public static List<string> Split(string text)
    {
        List<string> words = [];
        int start = -1;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && !IsSpace(text[i]))
            {
                if (start < 0) start = i;
            }
            else if (start >= 0)
            {
                words.Add(text[start..i]);
                start = -1;
            }
        }

        return words;
    }

    /// <summary>Without white space at the end.</summary>
    public static string TrimEnd(string text)
    {
        int end = text.Length;
        while (end > 0 && IsSpace(text[end - 1])) end--;
        return text[..end];
    }

    /// <summary>Without white space at either end.</summary>
    public static string Trim(string text)
    {
        text = TrimEnd(text);
        int start = 0;
        while (start < text.Length && IsSpace(text[start])) start++;
        return text[start..];
    }

    /// <summary>Unicode code points; a lone surrogate is one of its own.</summary>
    public static List<int> CodePoints(string text)
    {
        List<int> points = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            points.Add(pair ? char.ConvertToUtf32(text[i], text[++i]) : text[i]);
        }

        return points;
    }

    /// <summary>Appends a code point.</summary>
    public static StringBuilder Append(StringBuilder to, int codePoint)
        => codePoint < 0x10000 ? to.Append((char)codePoint) : to.Append(char.ConvertFromUtf32(codePoint));

    /// <summary>Lower case by the full mapping of Unicode, final sigma included (Python's <c>str.lower</c>).</summary>
    public static string ToLower(string text)
    {
        if (Ascii.IsValid(text)) return text.ToLowerInvariant();
        List<int> points = CodePoints(text);
        StringBuilder lower = new(text.Length + 4);
        for (int i = 0; i < points.Count; i++)
        {
            if (points[i] == CapitalSigma && IsFinal(points, i))
            {
                lower.Append((char)FinalSigma);
                continue;
            }

            Append(lower, CharacterClasses.ToLower(points[i], out int second));
            if (second != 0) Append(lower, second);
        }

        return lower.ToString();
    }

    /// <summary>A sigma is final after a cased letter and not before one, characters that casing ignores left out.</summary>
    private static bool IsFinal(List<int> points, int at)
    {
        int before = at - 1;
        while (before >= 0 && IsCaseIgnorable(points[before])) before--;
        if (before < 0 || !IsCased(points[before])) return false;
        int after = at + 1;
        while (after < points.Count && IsCaseIgnorable(points[after])) after++;
        return after == points.Count || !IsCased(points[after]);
    }

    private static bool IsCased(int c) => CharacterClasses.IsUpper(c) || CharacterClasses.IsLower(c) || CharacterClasses.Category(c) == 3;

    /// <summary>Case_Ignorable: Mn, Me, Cf, Lm, Sk and the word breaks MidLetter, MidNumLet and Single_Quote.</summary>
    private static bool IsCaseIgnorable(int c)
        => CharacterClasses.Category(c) is 4 or 6 or 8 or 21 or 27
        || c is '\'' or '.' or ':' or 0xB7 or 0x387 or 0x55F or 0x5F4 or 0x2018 or 0x2019 or 0x2024 or 0x2027
            or 0xFE13 or 0xFE52 or 0xFE55 or 0xFF07 or 0xFF0E or 0xFF1A;
}
