using System.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Retrieval;

/// <summary>The words of a text as BM25 counts them: lower case, runs of letters, digits and <c>_</c>.</summary>
/// <remarks>As Python's <c>re.findall(r"\w+", text.lower())</c>: marks end a word, a Greek word's last sigma is ς.</remarks>
internal static class WordSplitter
{
    private const int LowerSigma = 0x3C3, FinalSigma = 0x3C2, CapitalSigma = 0x3A3;

    /// <summary>The words in their order.</summary>
    public static IEnumerable<string> Words(string text)
    {
        StringBuilder word = new();
        for (int i = 0; i < text.Length;)
        {
            int c = CodePoint(text, i), length = c > 0xFFFF ? 2 : 1, lower, second = 0;
            if (c == CapitalSigma) lower = IsFinalSigma(text, i) ? FinalSigma : LowerSigma;
            else lower = CharacterClasses.ToLower(c, out second);
            i += length;
            if (IsWord(lower))
            {
                Append(word, lower);
                if (second == 0) continue;
            }

            // What follows the i of İ is a mark, which ends the word.
            if (word.Length == 0) continue;
            yield return word.ToString();
            word.Clear();
        }

        if (word.Length > 0) yield return word.ToString();
    }

    private static bool IsWord(int c) => c < 128 ? char.IsAsciiLetterOrDigit((char)c) || c == '_'
        : CharacterClasses.IsLetter(c) || CharacterClasses.IsNumber(c);

    private static void Append(StringBuilder word, int c)
    {
        if (c <= 0xFFFF) word.Append((char)c);
        else word.Append(char.ConvertFromUtf32(c));
    }

    /// <summary>Unicode's Final_Sigma: a cased letter before it, none after it; what is case-ignorable is passed over.</summary>
    private static bool IsFinalSigma(string text, int at)
    {
        int before = at - 1;
        while (before >= 0 && IsIgnorable(CodePointEndingAt(text, ref before))) before--;
        if (before < 0 || !IsCased(CodePointEndingAt(text, ref before))) return false;
        for (int after = at + 1; after < text.Length;)
        {
            int c = CodePoint(text, after);
            if (IsCased(c)) return false;
            if (!IsIgnorable(c)) return true;
            after += c > 0xFFFF ? 2 : 1;
        }

        return true;
    }

    private static bool IsCased(int c) => CharacterClasses.IsUpper(c) || CharacterClasses.IsLower(c)
        || CharacterClasses.CategoryNames[CharacterClasses.Category(c)] == "Lt";

    private static bool IsIgnorable(int c)
        => CharacterClasses.CategoryNames[CharacterClasses.Category(c)] is "Mn" or "Me" or "Cf" or "Lm" or "Sk"
            || c is '\'' or '.' or ':' or 0xB7 or 0x387 or 0x55F or 0x5F4 or 0x2018 or 0x2019 or 0x2024 or 0x2027 or 0xFE13 or 0xFE52
            or 0xFE55 or 0xFF07 or 0xFF0E or 0xFF1A;

    private static int CodePoint(string text, int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length
        && char.IsLowSurrogate(text[at + 1]) ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at];

    private static int CodePointEndingAt(string text, ref int at)
    {
        if (!char.IsLowSurrogate(text[at]) || at == 0 || !char.IsHighSurrogate(text[at - 1])) return text[at];
        at--;
        return char.ConvertToUtf32(text[at], text[at + 1]);
    }
}
