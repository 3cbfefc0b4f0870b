using System.Net;
using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Filters of text.</summary>
internal static class TextFilters
{
    /// <summary>A string as it is, marked or not; the text of anything else.</summary>
    public static object Soft(Renderer r, object? value) => value is string or MarkupText ? value : Python.Str(r, value);

    public static object? Map(Renderer r, Arguments arguments, string name, Func<string, string> map)
    {
        object? value = arguments.Bind(name, 1, "s")[0];
        string text = Python.Str(r, value);
        r.Budget.Items(text.Length);
        return Like(value, map(text));
    }

    public static object? Trim(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("trim", 1, "value", "chars");
        string text = Python.Str(r, v[0]);
        r.Budget.Characters(text.Length);
        string? set = v[1] is Missing or null ? null : Python.TextOf(v[1]) ?? throw new TemplateFault($"strip arg must be None or str, not {Python.TypeName(v[1])}");
        return Like(v[0], PythonText.Strip(text, set));
    }

    /// <summary>Upper case after blanks, hyphens and opening brackets, lower case elsewhere.</summary>
    public static object? Title(Renderer r, Arguments arguments)
    {
        string text = Python.Str(r, arguments.Bind("title", 1, "s")[0]);
        r.Budget.Items(text.Length);
        StringBuilder result = new(text.Length);
        List<int> word = [];
        foreach (int c in PythonText.CodePoints(text))
        {
            if (c is '-' or '(' or '{' or '[' or '<' || Unicodes.IsSpace(c))
            {
                Flush();
                PythonText.Append(result, c);
            }
            else
            {
                word.Add(c);
            }
        }

        Flush();
        return result.ToString();

        void Flush()
        {
            if (word.Count == 0) return;
            result.Append(Unicodes.UpperOf(word[0])).Append(PythonText.Lower(PythonText.FromCodePoints(word.Skip(1))));
            word.Clear();
        }
    }

    public static object? Replace(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("replace", 3, "s", "old", "new", "count");
        int count = v[3] is Missing or null ? -1 : Python.SmallIndex(v[3]);
        string text = Python.Str(r, v[0]);
        string by = Python.Str(r, v[2]);
        bool marked = r.Autoescape && (v[0] is MarkupText || v[1] is MarkupText || v[2] is MarkupText);
        if (marked && v[0] is not MarkupText) text = PythonText.Escape(r.Budget, text);
        if (marked && v[2] is not MarkupText) by = PythonText.Escape(r.Budget, by);
        string result = PythonText.Replace(r.Budget, text, Python.Str(r, v[1]), by, count < 0 ? -1 : count);
        return marked ? new MarkupText(result) : result;
    }

    public static object? Escape(Renderer r, Arguments arguments)
    {
        object? value = arguments.Bind("escape", 1, "s")[0];
        return value is MarkupText ? value : new MarkupText(PythonText.Escape(r.Budget, Python.Str(r, value)));
    }

    public static object? ForceEscape(Renderer r, Arguments arguments)
        => new MarkupText(PythonText.Escape(r.Budget, Python.Str(r, arguments.Bind("forceescape", 1, "value")[0])));

    public static object? Center(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("center", 1, "value", "width");
        return Like(v[0], StringMethods.Center(r, Python.Str(r, v[0]), v[1] is Missing ? 80 : Python.Index(v[1]), " "));
    }

    public static object? Format(Renderer r, Arguments arguments)
    {
        if (arguments.Positional.Count == 0) throw new TemplateFault("format() missing required argument: 'value'");
        if (arguments.Positional.Count > 1 && arguments.Named.Count > 0) throw new TemplateFault("can't handle positional and keyword arguments at the same time");
        object format = Soft(r, arguments.Positional[0]);
        if (arguments.Named.Count == 0) return PercentFormat.Apply(r, format, new TupleValue([.. arguments.Positional.Skip(1)]));
        DictValue named = new();
        foreach ((string name, object? value) in arguments.Named) named.Set(name, value);
        return PercentFormat.Apply(r, format, named);
    }

    public static object? Indent(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("indent", 1, "s", "width", "first", "blank");
        string text = Python.TextOf(v[0]) ?? throw (v[0] is Undefined u ? u.Fail() : new TemplateFault($"indent wants a string, not {Python.TypeName(v[0])}"));
        bool blank = v[3] is not Missing && Python.IsTrue(v[3]);
        string indention;
        if (v[1] is not Missing && Python.TextOf(v[1]) is { } given)
        {
            indention = v[0] is MarkupText && v[1] is not MarkupText ? PythonText.Escape(r.Budget, given) : given;
        }
        else
        {
            BigInteger width = v[1] is Missing ? 4 : BigInteger.Max(0, Python.Index(v[1]));
            r.Budget.NewText(width);
            indention = new string(' ', (int)width);
        }

        r.Budget.Items(text.Length);
        StringBuilder result = new();
        if (v[2] is not Missing && Python.IsTrue(v[2])) result.Append(indention);
        bool first = true;
        foreach (string line in PythonText.Lines(text + "\n", keepEnds: false))
        {
            if (!first) StringMethods.Append(r, result, line.Length > 0 || blank ? "\n" + indention : "\n");
            StringMethods.Append(r, result, line);
            first = false;
        }

        return Like(v[0], result.ToString());
    }

    public static object? Truncate(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("truncate", 1, "s", "length", "killwords", "end", "leeway");
        BigInteger length = v[1] is Missing ? 255 : Python.Index(v[1]);
        string end = v[3] is Missing ? "..." : Python.TextOf(v[3]) ?? throw new TemplateFault("truncate wants a string as its end");
        BigInteger leeway = v[4] is Missing or null ? 5 : Python.Index(v[4]);
        int endLength = PythonText.Length(end);
        if (length < endLength) throw new TemplateFault($"expected length >= {endLength}, got {length}");
        if (leeway.Sign < 0) throw new TemplateFault($"expected leeway >= 0, got {leeway}");
        if (Python.TextOf(v[0]) is not { } text)
        {
            // Anything with a length passes while it is short.
            bool passes = v[0] is Undefined or ListValue or TupleValue or DictValue or DictView or RangeValue && Python.LengthOf(v[0]) <= length + leeway;
            return passes ? v[0] : throw new TemplateFault($"object of type '{Python.TypeName(v[0])}' cannot be truncated");
        }

        r.Budget.Characters(text.Length);
        if (PythonText.Length(text) <= length + leeway) return v[0];
        string cut = PythonText.Range(text, 0, (int)length - endLength);
        int blank = v[2] is not Missing && Python.IsTrue(v[2]) ? -1 : cut.LastIndexOf(' ');
        return Like(v[0], (blank >= 0 ? cut[..blank] : cut) + end);
    }

    public static object? WordCount(Renderer r, Arguments arguments)
    {
        string text = Python.Str(r, arguments.Bind("wordcount", 1, "s")[0]);
        r.Budget.Items(text.Length);
        BigInteger count = 0;
        bool inWord = false;
        foreach (int c in PythonText.CodePoints(text))
        {
            bool word = c == '_' || Unicodes.IsAlphaNumeric(c);
            if (word && !inWord) count++;
            inWord = word;
        }

        return count;
    }

    public static object? StripTags(Renderer r, Arguments arguments)
    {
        string text = Python.Str(r, arguments.Bind("striptags", 1, "value")[0]);
        text = Cut(r, Cut(r, text, "<!--", "-->"), "<", ">");
        return WebUtility.HtmlDecode(string.Join(' ', PythonText.Words(text, -1, fromRight: false)));
    }

    /// <summary>Takes out what stands between two marks, again and again, as the reference does.</summary>
    private static string Cut(Renderer r, string text, string open, string close)
    {
        while (text.IndexOf(open, StringComparison.Ordinal) is var start and >= 0)
        {
            r.Budget.Characters(text.Length);
            int end = text.IndexOf(close, start, StringComparison.Ordinal);
            if (end < 0) break;
            text = text.Remove(start, end + close.Length - start);
        }

        return text;
    }

    private static object Like(object? value, string text) => value is MarkupText ? new MarkupText(text) : text;
}
