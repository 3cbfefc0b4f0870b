using System.Globalization;
using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Python's <c>repr</c>.</summary>
internal static class Representation
{
    public static string Of(Renderer r, object? value)
    {
        StringBuilder text = new();
        Write(r, value, text);
        return text.ToString();
    }

    private static void Write(Renderer r, object? value, StringBuilder text)
    {
        r.Budget.Enter();
        switch (value)
        {
            case null: text.Append("None"); break;
            case bool b: text.Append(b ? "True" : "False"); break;
            case BigInteger i: text.Append(Python.IntegerText(r, i)); break;
            case double d: text.Append(Numbers.Text(d)); break;
            case string s: Quote(r, s, text); break;
            case MarkupText m:
                text.Append("Markup(");
                Quote(r, m.Text, text);
                text.Append(')');
                break;
            case Undefined: text.Append("Undefined"); break;
            case ListValue list: WriteItems(r, list.Items, "[", "]", text); break;
            case TupleValue tuple: WriteItems(r, tuple.Items, "(", tuple.Items.Length == 1 ? ",)" : ")", text); break;
            case DictValue dict: WriteDict(r, dict, text); break;
            case DictView view:
                text.Append(Python.TypeName(view)).Append('(');
                WriteItems(r, Python.ToList(r, view), "[", "]", text);
                text.Append(')');
                break;
            case RangeValue range:
                text.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}");
                if (!range.Step.IsOne) text.Append(CultureInfo.InvariantCulture, $", {range.Step}");
                text.Append(')');
                break;
            case NamespaceValue space:
                text.Append("<Namespace ");
                WriteDict(r, space.Attributes, text);
                text.Append('>');
                break;
            case MacroValue macro: text.Append(macro.Body.Name is null ? "<Macro anonymous>" : $"<Macro '{macro.Body.Name}'>"); break;
            case LoopValue loop: text.Append(CultureInfo.InvariantCulture, $"<LoopContext {loop.Index0 + 1}/{loop.Length}>"); break;
            default: text.Append('<').Append(Python.TypeName(value)).Append('>'); break;
        }

        if (text.Length > RenderBudget.MaximumCharacters) r.Budget.NewText(text.Length);
        r.Budget.Leave();
    }

    private static void WriteItems(Renderer r, IReadOnlyList<object?> items, string open, string close, StringBuilder text)
    {
        text.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) text.Append(", ");
            Write(r, items[i], text);
        }

        text.Append(close);
    }

    private static void WriteDict(Renderer r, DictValue dict, StringBuilder text)
    {
        text.Append('{');
        for (int i = 0; i < dict.Count; i++)
        {
            if (i > 0) text.Append(", ");
            Write(r, dict.Keys[i], text);
            text.Append(": ");
            Write(r, dict.Values[i], text);
        }

        text.Append('}');
    }

    private static void Quote(Renderer r, string value, StringBuilder text)
    {
        r.Budget.Characters(value.Length);
        char quote = value.Contains('\'', StringComparison.Ordinal) && !value.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        text.Append(quote);
        foreach (int c in PythonText.CodePoints(value))
        {
            switch (c)
            {
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\\': text.Append("\\\\"); break;
                default:
                    if (c == quote) text.Append('\\').Append(quote);
                    else if (Unicodes.IsPrintable(c)) PythonText.Append(text, c);
                    else text.Append(c > 0xFFFF ? $"\\U{c:x8}" : c > 0xFF ? $"\\u{c:x4}" : $"\\x{c:x2}");
                    break;
            }
        }

        text.Append(quote);
    }
}
