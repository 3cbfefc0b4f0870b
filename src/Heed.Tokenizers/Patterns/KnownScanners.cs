using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Patterns;

/// <summary>The end of the match that begins at <c>at</c>; every position of the text lies in some match.</summary>
internal delegate int SplitScanner(ReadOnlySpan<char> text, int at);

/// <summary>Scanners for the split expressions of GPT-2 and LLaMA 3: one pass, no backtracking, letters above U+FFFF included.</summary>
internal static class KnownScanners
{
    /// <summary>GPT-2's expression, which ByteLevel uses.</summary>
    public const string Gpt2Expression = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private const string Llama3Expression =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Qwen2Expression =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const byte Letter = 1, Number = 2, Space = 4, LineEnd = 8;

    private static readonly byte[] Low = LowKinds();

    public static bool TryGet(string expression, [NotNullWhen(true)] out SplitScanner? scanner)
    {
        scanner = expression switch
        {
            Gpt2Expression => Gpt2,
            Llama3Expression => static (text, at) => Llama3(text, at, 3),
            Qwen2Expression => static (text, at) => Llama3(text, at, 1),
            _ => null,
        };
        return scanner is not null;
    }

    /// <summary>End of GPT-2's match at <paramref name="at"/>.</summary>
    public static int Gpt2(ReadOnlySpan<char> text, int at)
    {
        char c = text[at];
        if (c == '\'')
        {
            int contraction = Contraction(text, at, ignoreCase: false);
            if (contraction > 0) return at + contraction;
        }

        int start = c == ' ' && at + 1 < text.Length ? at + 1 : at;
        int kind = Kind(text, start, out int units);
        if ((kind & Space) == 0) return Run(text, start + units, kind & (Letter | Number));
        return Spaces(text, at);
    }

    /// <summary>End of LLaMA 3's match at <paramref name="at"/>; numbers in groups of <paramref name="digits"/>.</summary>
    private static int Llama3(ReadOnlySpan<char> text, int at, int digits)
    {
        if (text[at] == '\'')
        {
            int contraction = Contraction(text, at, ignoreCase: true);
            if (contraction > 0) return at + contraction;
        }

        int kind = Kind(text, at, out int units);
        if ((kind & Letter) != 0) return Run(text, at + units, Letter);
        int next = at + units;
        int nextKind = next < text.Length ? Kind(text, next, out int nextUnits) : Fold(out nextUnits);
        if ((kind & (LineEnd | Number)) == 0 && (nextKind & Letter) != 0) return Run(text, next + nextUnits, Letter);
        if ((kind & Number) != 0)
        {
            for (int left = digits - 1; left > 0 && next < text.Length && (Kind(text, next, out units) & Number) != 0; left--) next += units;
            return next;
        }

        // " ?[^\s\p{L}\p{N}]+[\r\n]*"
        int start = text[at] == ' ' && next < text.Length && nextKind == 0 ? next + nextUnits : (kind & Space) == 0 ? next : -1;
        if (start >= 0)
        {
            int end = Run(text, start, 0);
            while (end < text.Length && text[end] is '\r' or '\n') end++;
            return end;
        }

        // "\s*[\r\n]+": up to the last line end of the run of white space; else as in GPT-2.
        int stop = at, line = -1;
        while (stop < text.Length && (Kind(text, stop, out _) & Space) != 0)
        {
            if (text[stop] is '\r' or '\n') line = stop + 1;
            stop++;
        }

        return line > 0 ? line : SpacesTo(text, at, stop);
    }

    /// <summary>"\s+(?!\S)|\s+": a run of white space, without its last character where something follows, unless it is the only
    /// one.</summary>
    private static int Spaces(ReadOnlySpan<char> text, int at)
    {
        int stop = at;
        while (stop < text.Length && (Kind(text, stop, out _) & Space) != 0) stop++;
        return SpacesTo(text, at, stop);
    }

    private static int SpacesTo(ReadOnlySpan<char> text, int at, int stop)
        => stop < text.Length && stop - at > 1 ? stop - 1 : stop;

    /// <summary>End of the run of characters whose letter and number bits are <paramref name="kind"/> and that are no white
    /// space.</summary>
    private static int Run(ReadOnlySpan<char> text, int at, int kind)
    {
        byte[] low = Low;
        while (at < text.Length)
        {
            char c = text[at];
            if (c < low.Length)
            {
                if ((low[c] & (Letter | Number | Space)) != kind) return at;
                at++;
                continue;
            }

            if ((Kind(text, at, out int units) & (Letter | Number | Space)) != kind) return at;
            at += units;
        }

        return at;
    }

    private static int Contraction(ReadOnlySpan<char> text, int at, bool ignoreCase)
    {
        if (at + 1 >= text.Length) return 0;
        char a = Lower(text[at + 1], ignoreCase);
        char b = at + 2 < text.Length ? Lower(text[at + 2], ignoreCase) : '\0';
        return a switch
        {
            's' or 't' or 'm' or 'd' => 2,
            'r' or 'v' when b == 'e' => 3,
            'l' when b == 'l' => 3,
            _ => 0,
        };
    }

    /// <summary>Lower case of the letters that contractions have; long s folds to s.</summary>
    private static char Lower(char c, bool ignoreCase)
        => !ignoreCase ? c : char.IsAsciiLetterUpper(c) ? (char)(c | 32) : c == '\u017F' ? 's' : c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Kind(ReadOnlySpan<char> text, int at, out int units)
    {
        char c = text[at];
        if (c < Low.Length)
        {
            units = 1;
            return Low[c];
        }

        return KindOf(CodePoint.At(text, at, out units));
    }

    private static int Fold(out int units)
    {
        units = 0;
        return Space;
    }

    private static byte KindOf(int c)
        => CharacterClasses.IsLetter(c) ? Letter
         : CharacterClasses.IsNumber(c) ? Number
         : CharacterClasses.IsWhiteSpace(c) ? c is '\r' or '\n' ? (byte)(Space | LineEnd) : Space
         : (byte)0;

    private static byte[] LowKinds()
    {
        byte[] kinds = new byte[0x3100];
        for (int c = 0; c < kinds.Length; c++) kinds[c] = KindOf(c);
        return kinds;
    }
}
