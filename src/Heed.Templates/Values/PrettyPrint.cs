using System.Text;

namespace Heed.Templates;

/// <summary>Python's <c>pprint.pformat</c>: <c>repr</c> with sorted keys, an item a line where it is wider than 80.</summary>
internal static class PrettyPrint
{
    private const int Width = 80;

    public static string Of(Renderer r, object? value)
    {
        StringBuilder text = new();
        Write(r, Sorted(r, value), 0, 0, text);
        return text.ToString();
    }

    private static object? Sorted(Renderer r, object? value)
    {
        r.Budget.Enter();
        object? result = value switch
        {
            ListValue list => new ListValue([.. list.Items.Select(item => Sorted(r, item))]),
            TupleValue tuple => new TupleValue([.. tuple.Items.Select(item => Sorted(r, item))]),
            DictValue dict => SortedDict(r, dict),
            _ => value,
        };
        r.Budget.Leave();
        return result;
    }

    private static DictValue SortedDict(Renderer r, DictValue dict)
    {
        DictValue sorted = new();
        foreach (int i in Sorting.Order(r, dict.Keys, reverse: false)) sorted.Set(Python.HashKey(dict.Keys[i]), dict.Keys[i], Sorted(r, dict.Values[i]));
        return sorted;
    }

    private static void Write(Renderer r, object? value, int indent, int allowance, StringBuilder text)
    {
        r.Budget.Enter();
        string plain = Representation.Of(r, value);
        if (PythonText.Length(plain) <= Width - indent - allowance || value is not (ListValue or TupleValue or DictValue))
        {
            StringMethods.Append(r, text, plain);
        }
        else if (value is DictValue dict)
        {
            text.Append('{');
            for (int i = 0; i < dict.Count; i++)
            {
                string key = Representation.Of(r, dict.Keys[i]);
                StringMethods.Append(r, text, i > 0 ? ",\n" + new string(' ', indent + 1) : "");
                StringMethods.Append(r, text, key + ": ");
                Write(r, dict.Values[i], indent + PythonText.Length(key) + 3, i + 1 < dict.Count ? 1 : allowance + 1, text);
            }

            text.Append('}');
        }
        else
        {
            IReadOnlyList<object?> items = Python.Items(value);
            text.Append(value is ListValue ? '[' : '(');
            for (int i = 0; i < items.Count; i++)
            {
                StringMethods.Append(r, text, i > 0 ? ",\n" + new string(' ', indent + 1) : "");
                Write(r, items[i], indent + 1, i + 1 < items.Count ? 1 : allowance + 1, text);
            }

            text.Append(value is ListValue ? "]" : items.Count == 1 ? ",)" : ")");
        }

        r.Budget.Leave();
    }
}
