using System.Globalization;

namespace Heed.Retrieval;

/// <summary>Which documents may be found, by their metadata. A list as a field's value fits if one of its items does; no comparison holds
/// for a field that a document lacks.</summary>
/// <example><code>
/// SearchFilter recent = SearchFilter.All(SearchFilter.Equal("language", "en"), SearchFilter.AtLeast("year", 2020L));
/// SearchFilter same = SearchFilter.Parse("language=en and year>=2020");
/// </code></example>
public abstract record SearchFilter
{
    private protected SearchFilter()
    {
    }

    /// <summary>The field has the value.</summary>
    public static SearchFilter Equal(string field, object value) => new Comparison(field, value, "=", static c => c == 0);

    /// <summary>The field has one of the values.</summary>
    public static SearchFilter OneOf(string field, params IReadOnlyList<object> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return Any([.. values.Select(v => Equal(field, v))]);
    }

    /// <summary>The field is the value or greater.</summary>
    public static SearchFilter AtLeast(string field, object value) => new Comparison(field, value, ">=", static c => c >= 0);

    /// <summary>The field is the value or less.</summary>
    public static SearchFilter AtMost(string field, object value) => new Comparison(field, value, "<=", static c => c <= 0);

    /// <summary>The field is greater than the value.</summary>
    public static SearchFilter Above(string field, object value) => new Comparison(field, value, ">", static c => c > 0);

    /// <summary>The field is less than the value.</summary>
    public static SearchFilter Below(string field, object value) => new Comparison(field, value, "<", static c => c < 0);

    /// <summary>All of some filters fit.</summary>
    public static SearchFilter All(params IReadOnlyList<SearchFilter> filters) => new Several(filters, IsAll: true);

    /// <summary>One of some filters fits.</summary>
    public static SearchFilter Any(params IReadOnlyList<SearchFilter> filters) => new Several(filters, IsAll: false);

    /// <summary>A filter does not fit.</summary>
    public static SearchFilter Not(SearchFilter filter) => new Opposite(filter);

    /// <summary>
    /// Reads <c>FIELD=VALUE</c>, <c>FIELD!=VALUE</c>, <c>&gt;=</c>, <c>&lt;=</c>, <c>&gt;</c>, <c>&lt;</c>, <c>FIELD=A|B|C</c>, joined by
    /// <c>and</c>.  Numbers, true and false are such; quotation marks make a text of anything.
    /// </summary>
    /// <exception cref="ConfigException">The text has another form.</exception>
    public static SearchFilter Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<SearchFilter> parts = [];
        foreach (string part in Split(text, " and "))
        {
            int at = part.AsSpan().IndexOfAny("=!<>");
            string sign = at < 0 ? "" : at + 1 < part.Length && part[at + 1] == '=' ? part.Substring(at, 2) : part.Substring(at, 1);
            string field = at < 0 ? "" : part[..at].Trim();
            if (field.Length == 0 || sign is "" or "!")
                throw new ConfigException($"filter: '{Printable.Shorten(part.Trim())}' is no condition; FIELD=VALUE was expected, with "
                    + "=, !=, <, <=, > or >=, and ' and ' between conditions.");
            object[] values = [.. Split(part[(at + sign.Length)..], "|").Select(Value)];
            SearchFilter one = sign switch
            {
                "=" or "==" => OneOf(field, values),
                "!=" => Not(OneOf(field, values)),
                _ when values.Length > 1 => throw new ConfigException($"filter: '{Printable.Shorten(part.Trim())}' compares with several "
                    + "values; several are for = and !=."),
                ">=" => AtLeast(field, values[0]),
                "<=" => AtMost(field, values[0]),
                ">" => Above(field, values[0]),
                _ => Below(field, values[0]),
            };
            parts.Add(one);
        }

        return parts.Count == 1 ? parts[0] : All(parts);
    }

    /// <summary>A function fits.</summary>
    internal static SearchFilter Where(Func<IReadOnlyDictionary<string, object>, bool> fits) => new Function(fits);

    /// <summary>Whether a document fits.</summary>
    internal abstract bool Fits(IReadOnlyDictionary<string, object> metadata);

    private static object Value(string text)
    {
        text = text.Trim();
        if (text.Length >= 2 && text[0] is '"' or '\'' && text[^1] == text[0]) return text[1..^1];
        if (text is "true" or "false") return text == "true";
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole)) return whole;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number : text;
    }

    /// <summary>Parts between a separator that stands outside quotation marks.</summary>
    private static List<string> Split(string text, string separator)
    {
        List<string> parts = [];
        char quote = '\0';
        int from = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (quote != '\0')
            {
                if (text[i] == quote) quote = '\0';
            }
            else if (text[i] is '"' or '\'')
            {
                quote = text[i];
            }
            else if (string.CompareOrdinal(text, i, separator, 0, separator.Length) == 0)
            {
                parts.Add(text[from..i]);
                from = i + separator.Length;
                i = from - 1;
            }
        }

        parts.Add(text[from..]);
        return parts;
    }

    private sealed record Comparison : SearchFilter
    {
        private readonly string _field, _sign;
        private readonly object _value;
        private readonly Func<int, bool> _holds;

        public Comparison(string field, object value, string sign, Func<int, bool> holds)
        {
            ArgumentNullException.ThrowIfNull(field);
            (_field, _sign, _holds) = (field, sign, holds);
            _value = Metadata.Normal("filter", field, value);
            if (_value is object[]) throw new ArgumentException("A list is compared item by item: use OneOf.", nameof(value));
        }

        internal override bool Fits(IReadOnlyDictionary<string, object> metadata)
            => metadata.TryGetValue(_field, out object? value)
                && (value is object[] list ? list.Any(item => Holds(item)) : Holds(value));

        public override string ToString() => $"{_field}{_sign}{_value}";

        private bool Holds(object value) => Metadata.Compare(value, _value) is { } order && _holds(order);
    }

    private sealed record Several(IReadOnlyList<SearchFilter> Filters, bool IsAll) : SearchFilter
    {
        internal override bool Fits(IReadOnlyDictionary<string, object> metadata)
            => IsAll ? Filters.All(f => f.Fits(metadata)) : Filters.Any(f => f.Fits(metadata));

        public override string ToString() => $"({string.Join(IsAll ? " and " : " or ", Filters)})";
    }

    private sealed record Function(Func<IReadOnlyDictionary<string, object>, bool> Holds) : SearchFilter
    {
        internal override bool Fits(IReadOnlyDictionary<string, object> metadata) => Holds(metadata);
    }

    private sealed record Opposite(SearchFilter Filter) : SearchFilter
    {
        internal override bool Fits(IReadOnlyDictionary<string, object> metadata) => !Filter.Fits(metadata);

        public override string ToString() => $"not {Filter}";
    }
}
