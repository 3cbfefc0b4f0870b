using System.Buffers;
using System.Runtime.CompilerServices;

namespace Heed.Tokenizers.Text;

/// <summary>Code points of UTF-16 text. A lone surrogate counts as itself; texts are freed of them at the door.</summary>
internal static class CodePoint
{
    private static readonly SearchValues<char> Surrogates = SearchValues.Create([.. Enumerable.Range(0xD800, 0x800).Select(c => (char)c)]);

    /// <summary>The code point at <paramref name="at"/> and its length in units, 1 or 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int At(ReadOnlySpan<char> text, int at, out int units)
    {
        char c = text[at];
        if (char.IsHighSurrogate(c) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]))
        {
            units = 2;
            return char.ConvertToUtf32(c, text[at + 1]);
        }

        units = 1;
        return c;
    }

    public static int First(ReadOnlySpan<char> text) => At(text, 0, out _);

    public static int Last(ReadOnlySpan<char> text)
        => text.Length >= 2 && char.IsLowSurrogate(text[^1]) && char.IsHighSurrogate(text[^2]) ? char.ConvertToUtf32(text[^2], text[^1]) : text[^1];

    /// <summary>Number of code points.</summary>
    public static int Count(ReadOnlySpan<char> text)
    {
        int count = text.Length;
        for (int i = 1; i < text.Length; i++)
            if (char.IsLowSurrogate(text[i]) && char.IsHighSurrogate(text[i - 1])) count--;
        return count;
    }

    /// <summary><paramref name="text"/> with each lone surrogate as U+FFFD; the same object where there is none.</summary>
    public static string WithoutLoneSurrogates(string text)
    {
        int at = FirstLone(text);
        if (at < 0) return text;
        return string.Create(text.Length, text, static (copy, source) =>
        {
            source.CopyTo(copy);
            for (int i = 0; i < copy.Length; i++)
            {
                int lone = FirstLone(copy[i..]);
                if (lone < 0) return;
                i += lone;
                copy[i] = '\uFFFD';
            }
        });
    }

    /// <summary><paramref name="text"/> with each lone surrogate as U+FFFD; the same memory where there is none.</summary>
    public static ReadOnlySpan<char> WithoutLoneSurrogates(ReadOnlySpan<char> text)
        => FirstLone(text) < 0 ? text : WithoutLoneSurrogates(text.ToString());

    public static bool HasSurrogate(ReadOnlySpan<char> text) => text.ContainsAny(Surrogates);

    private static int FirstLone(ReadOnlySpan<char> text)
    {
        int at = text.IndexOfAny(Surrogates);
        while (at >= 0)
        {
            if (!char.IsHighSurrogate(text[at]) || at + 1 == text.Length || !char.IsLowSurrogate(text[at + 1])) return at;
            int next = text[(at + 2)..].IndexOfAny(Surrogates);
            at = next < 0 ? -1 : at + 2 + next;
        }

        return -1;
    }
}
