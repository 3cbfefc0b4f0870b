using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Filters of lists and other values with items.</summary>
internal static class ListFilters
{
    /// <summary>What a list costs beside its items.</summary>
    private const int ListSteps = 32;

    public static object? Default(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("default", 1, "value", "default_value", "boolean");
        return v[0] is Undefined || (v[2] is not Missing && Python.IsTrue(v[2]) && !Python.IsTrue(v[0])) ? v[1] is Missing ? "" : v[1] : v[0];
    }

    public static object? Attr(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("attr", 2, "obj", "name");
        string name = Python.Str(r, v[1]);
        return v[0] is Undefined && name.StartsWith("__", StringComparison.Ordinal) ? Undefined.Attribute(v[0], name) : Attributes.AttributeOnly(v[0], name);
    }

    public static object? Length(Renderer r, Arguments arguments)
    {
        object? value = arguments.Bind("length", 1, "obj")[0];
        if (Python.TextOf(value) is { } text) r.Budget.Characters(text.Length);
        BigInteger length = Python.LengthOf(value);
        return length.Sign < 0 ? throw new TemplateFault($"object of type '{Python.TypeName(value)}' has no len()") : length;
    }

    public static object? First(Renderer r, Arguments arguments)
    {
        foreach (object? item in Python.Iterate(r, arguments.Bind("first", 1, "seq")[0])) return item;
        return Undefined.Because("No first item, sequence was empty.");
    }

    public static object? Last(Renderer r, Arguments arguments)
    {
        object? value = arguments.Bind("last", 1, "seq")[0];
        if (value is GeneratorValue or LoopValue) throw new TemplateFault($"'{Python.TypeName(value)}' object is not reversible");
        if (value is ListValue or TupleValue or RangeValue or string or MarkupText && Python.LengthOf(value).Sign > 0) return Attributes.Item(value, BigInteger.MinusOne);
        object? last = Undefined.Because("No last item, sequence was empty.");
        foreach (object? item in Python.Iterate(r, value)) last = item;
        return last;
    }

    public static object? Items(Renderer r, Arguments arguments)
    {
        object? value = arguments.Bind("items", 1, "value")[0];
        if (value is Undefined) return new GeneratorValue([], null);
        if (value is not DictValue dict) throw new TemplateFault("Can only get item pairs from a mapping.");
        return new GeneratorValue(Python.Iterate(r, new DictView(dict, DictViewKind.Items)), null);
    }

    public static object? Reverse(Renderer r, Arguments arguments)
    {
        object? value = arguments.Bind("reverse", 1, "value")[0];
        if (Python.TextOf(value) is { } text)
        {
            r.Budget.Items(text.Length);
            int[] points = PythonText.CodePoints(text);
            Array.Reverse(points);
            string reversed = PythonText.FromCodePoints(points);
            return value is MarkupText ? new MarkupText(reversed) : reversed;
        }

        if (!Python.IsIterable(value)) throw new TemplateFault("argument must be iterable");
        List<object?> items = Python.ToList(r, value);
        items.Reverse();
        return value is GeneratorValue ? new ListValue(items) : new GeneratorValue(items, null);
    }

    public static object? Join(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("join", 1, "value", "d", "attribute");
        object? separator = v[1] is Missing ? "" : v[1];
        string between = Python.Str(r, separator);
        bool marked = r.Autoescape && separator is MarkupText;
        List<object?>? items = null;
        if (r.Autoescape)
        {
            items = Python.ToList(r, v[0]);
            if (!marked && items.Exists(item => item is MarkupText))
            {
                marked = true;
                between = PythonText.Escape(r.Budget, between);
            }
        }

        StringBuilder text = new();
        bool first = true;
        foreach (object? item in items ?? Python.Iterate(r, v[0]))
        {
            object? part = Sorting.Attribute(r, item, v[2], Missing.Value);
            string one = Python.Str(r, part);
            if (marked && part is not MarkupText) one = PythonText.Escape(r.Budget, one);
            if (!first) StringMethods.Append(r, text, between);
            StringMethods.Append(r, text, one);
            first = false;
        }

        return marked ? new MarkupText(text.ToString()) : text.ToString();
    }

    public static object? Batch(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("batch", 2, "value", "linecount", "fill_with");
        BigInteger size = Python.Index(v[1]);
        return new GeneratorValue(Walk(), v[0]);

        IEnumerable<object?> Walk()
        {
            List<object?> row = [];
            foreach (object? item in Python.Iterate(r, v[0]))
            {
                if (row.Count == size)
                {
                    r.Budget.Items(ListSteps);
                    yield return new ListValue(row);
                    row = [];
                }

                row.Add(item);
            }

            if (row.Count == 0) yield break;
            if (v[2] is not (Missing or null) && row.Count < size)
            {
                r.Budget.NewList(size);
                row.AddRange(Enumerable.Repeat(v[2], (int)size - row.Count));
            }

            yield return new ListValue(row);
        }
    }

    public static object? Slice(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("slice", 2, "value", "slices", "fill_with");
        BigInteger slices = Python.Index(v[1]);
        return new GeneratorValue(Walk(), v[0]);

        IEnumerable<object?> Walk()
        {
            List<object?> items = Python.ToList(r, v[0]);
            if (slices.IsZero) throw new TemplateFault("integer division or modulo by zero");
            int each = (int)(items.Count / slices);
            BigInteger larger = items.Count % slices;
            int at = 0;
            for (BigInteger i = 0; i < slices; i++)
            {
                int count = i < larger ? each + 1 : each;
                r.Budget.Items(count + ListSteps);
                List<object?> part = items.GetRange(at, count);
                at += count;
                if (v[2] is not (Missing or null) && i >= larger) part.Add(v[2]);
                yield return new ListValue(part);
            }
        }
    }
}
