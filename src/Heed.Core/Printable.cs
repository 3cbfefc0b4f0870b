using System.Globalization;
using System.Text;

namespace Heed;

/// <summary>Makes text from files safe to print: control characters become escapes.</summary>
internal static class Printable
{
    /// <summary>Returns <paramref name="text"/> with control characters, line separators and lone surrogates as <c>\uXXXX</c>; <c>\n</c>
    /// stays.</summary>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder? changed = null;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool pair = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            if (pair)
            {
                changed?.Append(c).Append(text[i + 1]);
                i++;
            }
            else if ((char.IsControl(c) && c != '\n') || char.IsSurrogate(c) || c is '\u2028' or '\u2029' or '\u202E' or '\u202D')
            {
                changed ??= new StringBuilder(text, 0, i, text.Length + 16);
                changed.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            }
            else
            {
                changed?.Append(c);
            }
        }

        return changed?.ToString() ?? text;
    }

    /// <summary>Shortens <paramref name="text"/> to <paramref name="limit"/> characters for an error message, ending in <c>…</c>.</summary>
    public static string Shorten(string text, int limit = 80)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length <= limit) return text;
        int cut = char.IsHighSurrogate(text[limit - 1]) ? limit - 1 : limit;
        return string.Concat(text.AsSpan(0, cut), "…");
    }

    /// <summary>A byte count in binary units: <c>1.5 GiB</c>.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        int unit = 0;
        while (Math.Abs(bytes) >= 1024 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return unit == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes:0} {units[unit]}")
            : string.Create(CultureInfo.InvariantCulture, $"{bytes:0.0} {units[unit]}");
    }

    /// <summary>A number with its noun: <c>1 example</c>, <c>2,000 examples</c>.</summary>
    /// <param name="number">The number.</param>
    /// <param name="one">The noun after 1.</param>
    /// <param name="many">After any other number; null: with an s.</param>
    public static string Counted(long number, string one, string? many = null)
        => string.Create(CultureInfo.InvariantCulture, $"{number:N0} {(number == 1 ? one : many ?? one + "s")}");

    /// <summary>A part of a number of things with its verb: <c>1 of 20 texts is</c>, <c>3 of 20 texts are</c>.</summary>
    /// <param name="part">How many of them.</param>
    /// <param name="all">How many there are.</param>
    /// <param name="noun">What one is called.</param>
    /// <param name="one">The verb after a part of 1.</param>
    /// <param name="many">After any other part.</param>
    public static string Part(long part, long all, string noun, string one = "is", string many = "are")
        => string.Create(CultureInfo.InvariantCulture, $"{part:N0} of {Counted(all, noun)} {(part == 1 ? one : many)}");

    /// <summary>A number of any size in four or five characters and its thousands: 950, 12.3 k, 4.0 M.</summary>
    public static string Count(double value)
    {
        string[] units = ["", " k", " M", " G", " T", " P"];
        int unit = 0;
        while (Math.Abs(value) >= 1000 && unit < units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        string digits = unit == 0 && value == Math.Floor(value) ? "0" : "0.0";
        return value.ToString(digits, CultureInfo.InvariantCulture) + units[unit];
    }

    /// <summary>The entry of <paramref name="known"/> nearest to <paramref name="word"/> by edit distance, or null if none is
    /// near.</summary>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(known);
        string? best = null;
        int bestDistance = Math.Max(2, word.Length / 3) + 1;
        foreach (string candidate in known)
        {
            int distance = EditDistance(word, candidate);
            if (distance < bestDistance) (best, bestDistance) = (candidate, distance);
        }

        return best;
    }

    private static int EditDistance(string a, string b)
    {
        int[] row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++) row[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
