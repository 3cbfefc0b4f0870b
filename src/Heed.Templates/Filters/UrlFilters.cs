using System.Text;

namespace Heed.Templates;

/// <summary>Filters for addresses and attributes of elements.</summary>
internal static class UrlFilters
{
    public static object? Encode(Renderer r, Arguments arguments)
    {
        object? value = arguments.Bind("urlencode", 1, "value")[0];
        if (Python.TextOf(value) is not null || !Python.IsIterable(value)) return Quote(r, value, query: false);
        object? pairs = value is DictValue dict ? new DictView(dict, DictViewKind.Items) : value;
        StringBuilder text = new();
        foreach (object? item in Python.Iterate(r, pairs))
        {
            List<object?> pair = Python.ToList(r, item);
            if (pair.Count != 2) throw new TemplateFault($"urlencode wants pairs, not {pair.Count} values");
            StringMethods.Append(r, text, $"{(text.Length > 0 ? "&" : "")}{Quote(r, pair[0], query: true)}={Quote(r, pair[1], query: true)}");
        }

        return text.ToString();
    }

    private static string Quote(Renderer r, object? value, bool query)
    {
        string text = Python.Str(r, value);
        r.Budget.NewText((long)text.Length * 3);
        StringBuilder result = new(text.Length);
        foreach (byte b in System.Text.Encoding.UTF8.GetBytes(text))
        {
            char c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '~' || (c == '/' && !query)) result.Append(c);
            else if (c == ' ' && query) result.Append('+');
            else result.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }

        return result.ToString();
    }

    public static object? XmlAttributes(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("xmlattr", 1, "d", "autospace");
        if (v[0] is not DictValue dict) throw new TemplateFault($"'{Python.TypeName(v[0])}' object has no attribute 'items'");
        StringBuilder text = new();
        bool space = v[1] is Missing || Python.IsTrue(v[1]);
        for (int i = 0; i < dict.Count; i++)
        {
            if (dict.Values[i] is null or Undefined) continue;
            string key = Python.TextOf(dict.Keys[i]) ?? throw new TemplateFault($"expected string or bytes-like object, got '{Python.TypeName(dict.Keys[i])}'");
            if (key.Any(c => Unicodes.IsSpace(c) || c is '/' or '>' or '=')) throw new TemplateFault($"Invalid character in attribute name: '{Printable.Shorten(key)}'");
            if (text.Length > 0 || space) text.Append(' ');
            StringMethods.Append(r, text, $"{Escaped(dict.Keys[i])}=\"{Escaped(dict.Values[i])}\"");
        }

        return r.Autoescape ? new MarkupText(text.ToString()) : text.ToString();

        string Escaped(object? value) => value is MarkupText m ? m.Text : PythonText.Escape(r.Budget, Python.Str(r, value));
    }
}
