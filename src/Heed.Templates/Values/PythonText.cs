using System.Text;

namespace Heed.Templates;

/// <summary>Strings counted in code points, as Python counts them.</summary>
internal static class PythonText
{
    public static bool IsPlain(string text)
    {
        foreach (char c in text) if (char.IsSurrogate(c)) return false;
        return true;
    }

    public static int Length(string text)
    {
        int length = text.Length;
        for (int i = 0; i + 1 < text.Length; i++)
        {
            if (!char.IsHighSurrogate(text[i]) || !char.IsLowSurrogate(text[i + 1])) continue;
            length--;
            i++;
        }

        return length;
    }

    public static int[] CodePoints(string text)
    {
        int[] points = new int[Length(text)];
        int at = 0;
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = i + 1 < text.Length && char.IsHighSurrogate(text[i]) && char.IsLowSurrogate(text[i + 1]);
            points[at++] = pair ? char.ConvertToUtf32(text[i], text[++i]) : text[i];
        }

        return points;
    }

    public static string FromCodePoints(IEnumerable<int> points)
    {
        StringBuilder text = new();
        foreach (int c in points) Append(text, c);
        return text.ToString();
    }

    public static void Append(StringBuilder text, int c)
    {
        if (c > 0xFFFF) text.Append((char)(0xD7C0 + (c >> 10))).Append((char)(0xDC00 | (c & 0x3FF)));
        else text.Append((char)c);
    }

    /// <summary>Code points [from, to), both within the text.</summary>
    public static string Range(string text, int from, int to)
    {
        if (to <= from) return "";
        if (IsPlain(text)) return text[from..to];
        int start = Offset(text, from);
        return text[start..Offset(text, to, start, from)];
    }

    /// <summary>The UTF-16 offset of a code point.</summary>
    public static int Offset(string text, int point, int at = 0, int before = 0)
    {
        for (; before < point && at < text.Length; before++)
            at += at + 1 < text.Length && char.IsHighSurrogate(text[at]) && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;
        return at;
    }

    /// <summary>Number of code points before a UTF-16 offset.</summary>
    public static int PointsBefore(string text, int offset) => Length(text[..offset]);

    public static IEnumerable<string> Characters(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = i + 1 < text.Length && char.IsHighSurrogate(text[i]) && char.IsLowSurrogate(text[i + 1]);
            yield return pair ? text.Substring(i++, 2) : text[i].ToString();
        }
    }

    /// <summary>Order by code points.</summary>
    public static int Compare(string a, string b)
    {
        int common = Math.Min(a.Length, b.Length);
        for (int i = 0; i < common; i++)
        {
            char x = a[i];
            char y = b[i];
            if (x == y) continue;
            // Surrogates stand for code points beyond all others.
            bool high = char.IsSurrogate(x);
            return high == char.IsSurrogate(y) ? x.CompareTo(y) : high ? 1 : -1;
        }

        return a.Length.CompareTo(b.Length);
    }

    public static string Strip(string text, string? characters, bool left = true, bool right = true)
    {
        int[]? set = characters is null ? null : CodePoints(characters);
        int start = 0;
        int end = text.Length;
        while (left && start < end)
        {
            bool pair = start + 1 < end && char.IsSurrogatePair(text[start], text[start + 1]);
            if (!Matches(pair ? char.ConvertToUtf32(text[start], text[start + 1]) : text[start], set)) break;
            start += pair ? 2 : 1;
        }

        while (right && end > start)
        {
            bool pair = end - 2 >= start && char.IsSurrogatePair(text[end - 2], text[end - 1]);
            if (!Matches(pair ? char.ConvertToUtf32(text[end - 2], text[end - 1]) : text[end - 1], set)) break;
            end -= pair ? 2 : 1;
        }

        return text[start..end];

        static bool Matches(int c, int[]? set) => set is null ? Unicodes.IsSpace(c) : Array.IndexOf(set, c) >= 0;
    }

    public static string Upper(string text) => Map(text, Unicodes.UpperOf);

    public static string Fold(string text) => Map(text, Unicodes.FoldOf);

    public static string Lower(string text)
    {
        if (!text.Contains('\u03A3', StringComparison.Ordinal)) return Map(text, Unicodes.LowerOf);
        int[] points = CodePoints(text);
        StringBuilder result = new(text.Length);
        for (int i = 0; i < points.Length; i++) result.Append(LowerAt(points, i));
        return result.ToString();
    }

    public static string Capitalize(string text)
    {
        int[] points = CodePoints(text);
        StringBuilder result = new(text.Length);
        for (int i = 0; i < points.Length; i++) result.Append(i == 0 ? Unicodes.TitleOf(points[0]) : LowerAt(points, i));
        return result.ToString();
    }

    /// <summary><c>str.title</c>: each run of cased characters begins with title case.</summary>
    public static string Title(string text)
    {
        int[] points = CodePoints(text);
        StringBuilder result = new(text.Length);
        bool inWord = false;
        for (int i = 0; i < points.Length; i++)
        {
            result.Append(inWord ? LowerAt(points, i) : Unicodes.TitleOf(points[i]));
            inWord = Unicodes.IsCased(points[i]);
        }

        return result.ToString();
    }

    public static string SwapCase(string text)
    {
        int[] points = CodePoints(text);
        StringBuilder result = new(text.Length);
        for (int i = 0; i < points.Length; i++)
        {
            int c = points[i];
            if (Unicodes.IsUpper(c)) result.Append(LowerAt(points, i));
            else if (Unicodes.IsLower(c)) result.Append(Unicodes.UpperOf(c));
            else Append(result, c);
        }

        return result.ToString();
    }

    /// <summary>Lines of <c>splitlines</c>.</summary>
    public static List<string> Lines(string text, bool keepEnds)
    {
        List<string> lines = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (!Unicodes.IsLineEnd(text[i])) continue;
            int end = i;
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n') i++;
            RenderBudget.Parts(lines.Count);
            lines.Add(text[start..(keepEnds ? i + 1 : end)]);
            start = i + 1;
        }

        if (start < text.Length) lines.Add(text[start..]);
        return lines;
    }

    /// <summary>Words between white space; at most <paramref name="most"/> cuts from the left (or right), −1 for no limit.</summary>
    public static List<string> Words(string text, int most, bool fromRight)
    {
        List<string> words = [];
        if (fromRight)
        {
            int end = text.Length;
            while (true)
            {
                while (end > 0 && Unicodes.IsSpace(text[end - 1])) end--;
                if (end == 0) break;
                int start = end;
                if (most >= 0 && words.Count == most) start = 0;
                else while (start > 0 && !Unicodes.IsSpace(text[start - 1])) start--;
                RenderBudget.Parts(words.Count);
                words.Add(text[start..end]);
                end = start;
            }

            words.Reverse();
            return words;
        }

        int at = 0;
        while (true)
        {
            while (at < text.Length && Unicodes.IsSpace(text[at])) at++;
            if (at == text.Length) return words;
            int end = at;
            if (most >= 0 && words.Count == most) end = text.Length;
            else while (end < text.Length && !Unicodes.IsSpace(text[end])) end++;
            RenderBudget.Parts(words.Count);
            words.Add(text[at..end]);
            at = end;
        }
    }

    /// <summary>Parts between separators; at most <paramref name="most"/> cuts from the left (or right), −1 for no limit.</summary>
    public static List<string> Split(string text, string separator, int most, bool fromRight)
    {
        List<string> parts = [];
        if (fromRight)
        {
            int end = text.Length;
            while (most < 0 || parts.Count < most)
            {
                int cut = end < separator.Length ? -1 : text.AsSpan(0, end).LastIndexOf(separator, StringComparison.Ordinal);
                if (cut < 0) break;
                RenderBudget.Parts(parts.Count);
                parts.Add(text[(cut + separator.Length)..end]);
                end = cut;
            }

            parts.Add(text[..end]);
            parts.Reverse();
            return parts;
        }

        int start = 0;
        while (most < 0 || parts.Count < most)
        {
            int cut = text.IndexOf(separator, start, StringComparison.Ordinal);
            if (cut < 0) break;
            RenderBudget.Parts(parts.Count);
            parts.Add(text[start..cut]);
            start = cut + separator.Length;
        }

        parts.Add(text[start..]);
        return parts;
    }

    public static int CountOf(string text, string part)
    {
        if (part.Length == 0) return Length(text) + 1;
        int count = 0;
        for (int at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length) count++;
        return count;
    }

    public static string Replace(RenderBudget budget, string text, string old, string by, long most)
    {
        budget.Search(text.Length, old.Length);
        long count = CountOf(text, old);
        if (most >= 0) count = Math.Min(count, most);
        if (count == 0) return text;
        budget.NewText(text.Length + (new System.Numerics.BigInteger(count) * (by.Length - old.Length)));
        StringBuilder result = new();
        int at = 0;
        for (; count > 0; count--)
        {
            if (old.Length == 0)
            {
                result.Append(by);
                if (at == text.Length) break;
                int next = Offset(text, 1, at);
                result.Append(text, at, next - at);
                at = next;
                continue;
            }

            int found = text.IndexOf(old, at, StringComparison.Ordinal);
            result.Append(text, at, found - at).Append(by);
            at = found + old.Length;
        }

        return result.Append(text, at, text.Length - at).ToString();
    }

    /// <summary>HTML's five special characters as entities.</summary>
    public static string Escape(RenderBudget budget, string text)
    {
        budget.Characters(text.Length);
        if (text.AsSpan().IndexOfAny("&<>\"'") < 0) return text;
        long size = text.Length;
        foreach (char c in text) size += c is '&' or '"' or '\'' ? 4 : c is '<' or '>' ? 3 : 0;
        budget.NewText(size);
        return text.Replace("&", "&amp;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);
    }

    private static string LowerAt(int[] points, int at)
        => points[at] == 0x3A3 ? Unicodes.IsFinalSigma(points, at) ? "\u03C2" : "\u03C3" : Unicodes.LowerOf(points[at]);

    private static string Map(string text, Func<int, string> map)
    {
        StringBuilder result = new(text.Length);
        foreach (int c in CodePoints(text))
        {
            result.Append(map(c));
        }

        return result.ToString();
    }
}
