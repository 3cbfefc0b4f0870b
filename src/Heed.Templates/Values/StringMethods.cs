using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>A method of strings: gets the text and whether it is marked.</summary>
internal delegate object? StringMethod(Renderer r, string text, bool marked, Arguments arguments);

/// <summary>Python's methods of <c>str</c>; of a marked string they give marked strings and escape what is joined to it.</summary>
internal static class StringMethods
{
    private static readonly Dictionary<string, StringMethod> All = new(StringComparer.Ordinal)
    {
        ["upper"] = (r, t, _, a) => Mapped(r, t, a, "upper", PythonText.Upper),
        ["lower"] = (r, t, _, a) => Mapped(r, t, a, "lower", PythonText.Lower),
        ["title"] = (r, t, _, a) => Mapped(r, t, a, "title", PythonText.Title),
        ["capitalize"] = (r, t, _, a) => Mapped(r, t, a, "capitalize", PythonText.Capitalize),
        ["swapcase"] = (r, t, _, a) => Mapped(r, t, a, "swapcase", PythonText.SwapCase),
        ["casefold"] = (r, t, _, a) => Mapped(r, t, a, "casefold", PythonText.Fold),
        ["strip"] = (_, t, _, a) => Strip(t, a, true, true),
        ["lstrip"] = (_, t, _, a) => Strip(t, a, true, false),
        ["rstrip"] = (_, t, _, a) => Strip(t, a, false, true),
        ["split"] = (r, t, _, a) => Split(r, t, a, fromRight: false),
        ["rsplit"] = (r, t, _, a) => Split(r, t, a, fromRight: true),
        ["splitlines"] = (r, t, _, a) =>
        {
            object? keep = a.Bind("splitlines", 0, "keepends")[0];
            return List(r, PythonText.Lines(t, keep is not Missing && Python.IsTrue(keep)));
        },
        ["startswith"] = (_, t, _, a) => Edge(t, a, "startswith", atEnd: false),
        ["endswith"] = (_, t, _, a) => Edge(t, a, "endswith", atEnd: true),
        ["replace"] = (r, t, m, a) =>
        {
            object?[] v = a.Bind("replace", 2, "old", "new", "count");
            int count = v[2] is Missing ? -1 : Python.SmallIndex(v[2]);
            return PythonText.Replace(r.Budget, t, Text(v[0], "replace() argument 1"), Side(r, v[1], m, "replace() argument 2"), count < 0 ? -1 : count);
        },
        ["find"] = (r, t, _, a) => Search(r, t, a, "find", last: false, must: false),
        ["rfind"] = (r, t, _, a) => Search(r, t, a, "rfind", last: true, must: false),
        ["index"] = (r, t, _, a) => Search(r, t, a, "index", last: false, must: true),
        ["rindex"] = (r, t, _, a) => Search(r, t, a, "rindex", last: true, must: true),
        ["count"] = (r, t, m, a) =>
        {
            object?[] v = a.Plain("count", 1, 3);
            r.Budget.Search(t.Length, Text(v[0], "count() argument").Length);
            return Window(t, v[1], v[2], out _) is { } part ? (BigInteger)PythonText.CountOf(part, Text(v[0], "count() argument")) : BigInteger.Zero;
        },
        ["join"] = (r, t, m, a) => Join(r, t, m, a.Plain("join", 1, 1)[0]),
        ["ljust"] = (r, t, _, a) => Justify(r, t, a, "ljust"),
        ["rjust"] = (r, t, _, a) => Justify(r, t, a, "rjust"),
        ["center"] = (r, t, _, a) => Justify(r, t, a, "center"),
        ["zfill"] = (r, t, _, a) => ZeroFill(r, t, Python.Index(a.Plain("zfill", 1, 1)[0])),
        ["expandtabs"] = (r, t, _, a) => ExpandTabs(r, t, a),
        ["partition"] = (r, t, m, a) => Partition(r, t, m, a, "partition"),
        ["rpartition"] = (r, t, m, a) => Partition(r, t, m, a, "rpartition"),
        ["removeprefix"] = (_, t, _, a) => Text(a.Plain("removeprefix", 1, 1)[0], "removeprefix() argument") is var p && t.StartsWith(p, StringComparison.Ordinal) ? t[p.Length..] : t,
        ["removesuffix"] = (_, t, _, a) => Text(a.Plain("removesuffix", 1, 1)[0], "removesuffix() argument") is var s && t.EndsWith(s, StringComparison.Ordinal) ? t[..^s.Length] : t,
        ["translate"] = Translate,
        ["format"] = (r, t, m, a) => FormatText.Apply(r, t, m, a.Positional, a.Named),
        ["format_map"] = (r, t, m, a) => FormatText.Apply(r, t, m, null, FormatText.Fields(a.Plain("format_map", 1, 1)[0])),
        ["isdigit"] = (_, t, _, a) => Every(t, a, Unicodes.IsDigit),
        ["isdecimal"] = (_, t, _, a) => Every(t, a, Unicodes.IsDecimal),
        ["isnumeric"] = (_, t, _, a) => Every(t, a, Unicodes.IsNumeric),
        ["isalpha"] = (_, t, _, a) => Every(t, a, Unicodes.IsAlpha),
        ["isalnum"] = (_, t, _, a) => Every(t, a, Unicodes.IsAlphaNumeric),
        ["isspace"] = (_, t, _, a) => Every(t, a, Unicodes.IsSpace),
        ["isupper"] = (_, t, _, _) => IsCase(t, Unicodes.IsUpper, c => Unicodes.IsLower(c) || Unicodes.IsTitle(c)),
        ["islower"] = (_, t, _, _) => IsCase(t, Unicodes.IsLower, c => Unicodes.IsUpper(c) || Unicodes.IsTitle(c)),
        ["istitle"] = (_, t, _, _) => IsTitle(t),
        ["isascii"] = (_, t, _, _) => !t.AsSpan().ContainsAnyExceptInRange('\0', '\x7F'),
        ["isprintable"] = (_, t, _, _) => Array.TrueForAll(PythonText.CodePoints(t), Unicodes.IsPrintable),
        ["isidentifier"] = (_, t, _, _) => Unicodes.IsIdentifier(t) && Array.TrueForAll(PythonText.CodePoints(t), Unicodes.IsWord),
        ["encode"] = (_, _, _, _) => throw new TemplateFault("bytes are not supported: encode() is not offered"),
    };

    public static StringMethod? Find(string name) => All.GetValueOrDefault(name);

    public static object? Call(Renderer r, StringMethod method, object? owner, Arguments arguments)
    {
        string text = Python.TextOf(owner)!;
        r.Budget.Characters(text.Length);
        bool marked = owner is MarkupText;
        object? result = method(r, text, marked, arguments);
        if (!marked) return result;
        return result switch
        {
            string s => new MarkupText(s),
            ListValue l => new ListValue([.. l.Items.Select(Mark)]),
            TupleValue t => new TupleValue([.. t.Items.Select(Mark)]),
            _ => result,
        };
    }

    public static bool IsCase(string text, Func<int, bool> wanted, Func<int, bool> other)
    {
        bool any = false;
        foreach (int c in PythonText.CodePoints(text))
        {
            if (other(c)) return false;
            any |= wanted(c);
        }

        return any;
    }

    /// <summary>Joins with a separator; in a marked join what is not marked is escaped.</summary>
    public static string Join(Renderer r, string separator, bool marked, object? items)
    {
        StringBuilder text = new();
        int at = 0;
        foreach (object? item in Python.Iterate(r, items))
        {
            string part = Python.TextOf(item) ?? (marked ? Python.Str(r, item) : throw new TemplateFault($"sequence item {at}: expected str instance, {Python.TypeName(item)} found"));
            if (marked && item is not MarkupText) part = PythonText.Escape(r.Budget, part);
            Append(r, text, at > 0 ? separator : "");
            Append(r, text, part);
            at++;
        }

        return text.ToString();
    }

    public static void Append(Renderer r, StringBuilder text, string part)
    {
        r.Budget.Characters(part.Length);
        if ((long)text.Length + part.Length > RenderBudget.MaximumCharacters) r.Budget.NewText((long)text.Length + part.Length);
        text.Append(part);
    }

    /// <summary><c>center</c>: an odd blank goes left where the width is odd.</summary>
    public static string Center(Renderer r, string text, BigInteger width, string fill)
    {
        int length = PythonText.Length(text);
        if (width <= length) return text;
        r.Budget.NewText((width - length + text.Length) * fill.Length);
        int space = (int)width - length;
        int left = (space / 2) + (space & (int)width & 1);
        return Fill(fill, left) + text + Fill(fill, space - left);
    }

    public static string Fill(string fill, int count) => fill.Length == 1 ? new string(fill[0], count) : new StringBuilder().Insert(0, fill, count).ToString();

    public static string ZeroFill(Renderer r, string text, BigInteger width)
    {
        int length = PythonText.Length(text);
        if (width <= length) return text;
        r.Budget.NewText(width - length + text.Length);
        int sign = text.Length > 0 && text[0] is '+' or '-' ? 1 : 0;
        return text[..sign] + new string('0', (int)width - length) + text[sign..];
    }

    private static object? Mark(object? value) => value is string s ? new MarkupText(s) : value;

    private static string Mapped(Renderer r, string text, Arguments arguments, string name, Func<string, string> map)
    {
        arguments.Plain(name, 0, 0);
        r.Budget.Items(text.Length);
        return map(text);
    }

    private static string Text(object? value, string what)
        => value is Undefined u ? throw u.Fail() : Python.TextOf(value) ?? throw new TemplateFault($"{what} must be str, not {Python.TypeName(value)}");

    private static string Side(Renderer r, object? value, bool marked, string what)
        => marked && value is not MarkupText ? PythonText.Escape(r.Budget, Text(value, what)) : Text(value, what);

    private static string Strip(string text, Arguments arguments, bool left, bool right)
    {
        object? set = arguments.Plain("strip", 0, 1)[0];
        return PythonText.Strip(text, set is Missing or null ? null : Text(set, "strip arg"), left, right);
    }

    private static ListValue List(Renderer r, List<string> parts)
    {
        r.Budget.NewList(parts.Count);
        return new ListValue([.. parts]);
    }

    private static ListValue Split(Renderer r, string text, Arguments arguments, bool fromRight)
    {
        object?[] v = arguments.Bind(fromRight ? "rsplit" : "split", 0, "sep", "maxsplit");
        int most = v[1] is Missing ? -1 : Math.Max(-1, Python.SmallIndex(v[1]));
        r.Budget.Items(text.Length);
        if (v[0] is Missing or null) return List(r, PythonText.Words(text, most, fromRight));
        string separator = Text(v[0], "separator");
        r.Budget.Search(text.Length, separator.Length);
        return separator.Length == 0 ? throw new TemplateFault("empty separator") : List(r, PythonText.Split(text, separator, most, fromRight));
    }

    /// <summary>text[start:stop] with its start in code points; null where the start is after the end.</summary>
    private static string? Window(string text, object? start, object? stop, out int from)
    {
        int length = PythonText.Length(text);
        int begin = start is Missing or null ? 0 : Python.SmallIndex(start);
        from = begin < 0 ? Math.Max(0, begin + length) : begin;
        int to = stop is Missing or null ? length : Slices.Clamp(Python.SmallIndex(stop), length);
        return from > length || from > to ? null : PythonText.Range(text, from, to);
    }

    private static bool Edge(string text, Arguments arguments, string name, bool atEnd)
    {
        object?[] v = arguments.Plain(name, 1, 3);
        if (Window(text, v[1], v[2], out _) is not { } part) return false;
        if (v[0] is TupleValue many) return Array.Exists(many.Items, one => Matches(Text(one, $"{name} tuple item")));
        return Matches(Text(v[0], $"{name} first arg"));

        bool Matches(string edge) => atEnd ? part.EndsWith(edge, StringComparison.Ordinal) : part.StartsWith(edge, StringComparison.Ordinal);
    }

    private static object? Search(Renderer r, string text, Arguments arguments, string name, bool last, bool must)
    {
        object?[] v = arguments.Plain(name, 1, 3);
        string wanted = Text(v[0], $"{name}() argument");
        r.Budget.Search(text.Length, wanted.Length);
        string? part = Window(text, v[1], v[2], out int from);
        int at = part is null ? -1 : last ? (wanted.Length == 0 ? part.Length : part.LastIndexOf(wanted, StringComparison.Ordinal)) : part.IndexOf(wanted, StringComparison.Ordinal);
        if (at < 0) return must ? throw new TemplateFault("substring not found") : BigInteger.MinusOne;
        return (BigInteger)from + PythonText.PointsBefore(part!, at);
    }

    private static string Justify(Renderer r, string text, Arguments arguments, string name)
    {
        object?[] v = arguments.Plain(name, 1, 2);
        string fill = v[1] is Missing ? " " : Text(v[1], "The fill character");
        if (PythonText.Length(fill) != 1) throw new TemplateFault("The fill character must be exactly one character long");
        BigInteger width = Python.Index(v[0]);
        if (name == "center") return Center(r, text, width, fill);
        BigInteger missing = width - PythonText.Length(text);
        if (missing.Sign <= 0) return text;
        r.Budget.NewText((missing * fill.Length) + text.Length);
        return name == "ljust" ? text + Fill(fill, (int)missing) : Fill(fill, (int)missing) + text;
    }

    private static string ExpandTabs(Renderer r, string text, Arguments arguments)
    {
        object? given = arguments.Bind("expandtabs", 0, "tabsize")[0];
        BigInteger size = given is Missing ? 8 : Python.Index(given);
        if (size.Sign < 0) size = 0;
        r.Budget.NewText((size * text.Count(c => c == '\t')) + text.Length);
        StringBuilder result = new();
        int column = 0;
        foreach (string c in PythonText.Characters(text))
        {
            if (c == "\t")
            {
                if (size.IsZero) continue;
                int blanks = (int)size - (column % (int)size);
                result.Append(' ', blanks);
                column += blanks;
                continue;
            }

            result.Append(c);
            column = c is "\n" or "\r" ? 0 : column + 1;
        }

        return result.ToString();
    }

    private static TupleValue Partition(Renderer r, string text, bool marked, Arguments arguments, string name)
    {
        string separator = Text(arguments.Plain(name, 1, 1)[0], $"{name}() argument");
        if (separator.Length == 0) throw new TemplateFault("empty separator");
        r.Budget.Search(text.Length, separator.Length);
        int at = name == "partition" ? text.IndexOf(separator, StringComparison.Ordinal) : text.LastIndexOf(separator, StringComparison.Ordinal);
        if (at < 0) return new TupleValue(name == "partition" ? [text, "", ""] : ["", "", text]);
        return new TupleValue([text[..at], separator, text[(at + separator.Length)..]]);
    }

    private static object? Translate(Renderer r, string text, bool marked, Arguments arguments)
    {
        object? table = arguments.Plain("translate", 1, 1)[0];
        StringBuilder result = new();
        foreach (int c in PythonText.CodePoints(text))
        {
            object? to = Attributes.Item(table, (BigInteger)c);
            if (to is Missing) PythonText.Append(result, c);
            else if (Python.TextOf(to) is { } by) Append(r, result, by);
            else if (Python.IntegerOf(to) is { } code && code.Sign >= 0 && code <= 0x10FFFF) PythonText.Append(result, (int)code);
            else if (to is not null) throw new TemplateFault("character mapping must return integer, None or str");
        }

        return result.ToString();
    }

    private static bool Every(string text, Arguments arguments, Func<int, bool> holds)
    {
        arguments.Plain("is…", 0, 0);
        return text.Length > 0 && Array.TrueForAll(PythonText.CodePoints(text), c => holds(c));
    }

    private static bool IsTitle(string text)
    {
        bool any = false;
        bool inWord = false;
        foreach (int c in PythonText.CodePoints(text))
        {
            bool capital = Unicodes.IsUpper(c) || Unicodes.IsTitle(c);
            if (capital && inWord) return false;
            if (!capital && Unicodes.IsLower(c) && !inWord) return false;
            inWord = capital || Unicodes.IsLower(c);
            any |= inWord;
        }

        return any;
    }
}
