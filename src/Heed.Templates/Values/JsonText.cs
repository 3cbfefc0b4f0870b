using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Python's <c>json.dumps</c>, which the filter <c>tojson</c> calls.</summary>
internal sealed class JsonText
{
    private readonly Renderer _renderer;
    private readonly StringBuilder _text = new();
    private readonly bool _ascii;
    private readonly bool _sorted;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;

    private JsonText(Renderer renderer, bool ascii, bool sorted, string? indent, string itemSeparator, string keySeparator)
        => (_renderer, _ascii, _sorted, _indent, _itemSeparator, _keySeparator) = (renderer, ascii, sorted, indent, itemSeparator, keySeparator);

    public static object? Filter(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("tojson", 1, "x", "ensure_ascii", "indent", "separators", "sort_keys");
        string? indent = v[2] switch
        {
            Missing or null => null,
            bool b => b ? " " : "",
            BigInteger i => Blanks(r, i),
            _ => Python.TextOf(v[2]) ?? throw new TemplateFault($"indent must be a number or a string, not {Python.TypeName(v[2])}"),
        };
        string item = indent is null ? ", " : ",";
        string key = ": ";
        if (v[3] is not (Missing or null))
        {
            List<object?> separators = Python.ToList(r, v[3]);
            if (separators.Count != 2) throw new TemplateFault("separators must be two strings");
            item = Python.TextOf(separators[0]) ?? throw new TemplateFault("separators must be two strings");
            key = Python.TextOf(separators[1]) ?? throw new TemplateFault("separators must be two strings");
        }

        JsonText writer = new(r, v[1] is not Missing && Python.IsTrue(v[1]), v[4] is not Missing && Python.IsTrue(v[4]), indent, item, key);
        writer.Write(v[0], 0);
        return writer._text.ToString();
    }

    /// <summary>What is not ASCII as <c>\x</c>, <c>\u</c> and <c>\U</c> escapes.</summary>
    public static string Ascii(string text)
    {
        StringBuilder result = new();
        foreach (int c in PythonText.CodePoints(text)) result.Append(c < 128 ? Unicodes.Text(c) : c > 0xFFFF ? $"\\U{c:x8}" : c > 0xFF ? $"\\u{c:x4}" : $"\\x{c:x2}");
        return result.ToString();
    }

    private static string Blanks(Renderer r, BigInteger count)
    {
        if (count.Sign <= 0) return "";
        r.Budget.NewText(count);
        return new string(' ', (int)count);
    }

    private void Add(string part) => StringMethods.Append(_renderer, _text, part);

    private void Write(object? value, int level)
    {
        _renderer.Budget.Enter();
        switch (value)
        {
            case null: Add("null"); break;
            case bool b: Add(b ? "true" : "false"); break;
            case BigInteger i: Add(Python.IntegerText(_renderer, i)); break;
            case double d: Add(Float(d)); break;
            case string or MarkupText: Quote(Python.TextOf(value)!); break;
            case ListValue or TupleValue: WriteList(Python.Items(value), level); break;
            case DictValue dict: WriteDict(dict, level); break;
            default: throw new TemplateFault($"Object of type {Python.TypeName(value)} is not JSON serializable");
        }

        _renderer.Budget.Leave();
    }

    private static string Float(double value) => double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? value > 0 ? "Infinity" : "-Infinity" : Numbers.Text(value);

    private void NewLine(int level)
    {
        if (_indent is null) return;
        Add("\n");
        for (int i = 0; i < level; i++) Add(_indent);
    }

    private void WriteList(IReadOnlyList<object?> items, int level)
    {
        Add("[");
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) Add(_itemSeparator);
            NewLine(level + 1);
            Write(items[i], level + 1);
        }

        if (items.Count > 0) NewLine(level);
        Add("]");
    }

    private void WriteDict(DictValue dict, int level)
    {
        Add("{");
        IEnumerable<int> order = Enumerable.Range(0, dict.Count);
        if (_sorted) order = Sorting.Order(_renderer, dict.Keys, reverse: false);
        bool first = true;
        foreach (int i in order)
        {
            if (!first) Add(_itemSeparator);
            first = false;
            NewLine(level + 1);
            Quote(dict.Keys[i] switch
            {
                null => "null",
                bool b => b ? "true" : "false",
                BigInteger n => Python.IntegerText(_renderer, n),
                double d => Float(d),
                var key => Python.TextOf(key) ?? throw new TemplateFault($"keys must be str, int, float, bool or None, not {Python.TypeName(key)}"),
            });
            Add(_keySeparator);
            Write(dict.Values[i], level + 1);
        }

        if (dict.Count > 0) NewLine(level);
        Add("}");
    }

    private void Quote(string value)
    {
        StringBuilder text = new(value.Length + 2);
        _renderer.Budget.NewText(value.Length);
        text.Append('"');
        foreach (char c in value)
        {
            switch (c)
            {
                case '"': text.Append("\\\""); break;
                case '\\': text.Append("\\\\"); break;
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\b': text.Append("\\b"); break;
                case '\f': text.Append("\\f"); break;
                default:
                    if (c < ' ' || (_ascii && c > '~')) text.Append($"\\u{(int)c:x4}");
                    else text.Append(c);
                    break;
            }
        }

        Add(text.Append('"').ToString());
    }
}
