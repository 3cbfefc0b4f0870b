using System.Globalization;
using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Functions that every template sees.</summary>
internal static class Globals
{
    private const int LargestRange = 100_000;

    private static readonly string[] Days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

    private static readonly string[] Months =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    private static readonly FunctionValue[] All =
    [
        new("range", Range, isType: true),
        new("dict", Dict, isType: true),
        new("namespace", Namespace, isType: true),
        new("cycler", (_, a) => a.Named.Count > 0 ? throw new TemplateFault("Cycler() takes no keyword arguments")
            : a.Positional.Count == 0 ? throw new TemplateFault("at least one item has to be provided") : new CyclerValue([.. a.Positional]), isType: true),
        new("joiner", (_, a) => new JoinerValue(a.Bind("Joiner", 0, "sep")[0] is var sep and not Missing ? sep : ", "), isType: true),
        new("lipsum", Lipsum),
        new("raise_exception", RaiseException),
        new("strftime_now", (r, a) => FormatTime(r, Text(a.Bind("strftime_now", 1, "format")[0]), r.Now())),
    ];

    public static void AddTo(Scope scope)
    {
        foreach (FunctionValue function in All) scope.Set(function.Name, function);
        scope.Set("self", SelfReference.Value);
    }

    public static TemplateFault Underscore(string name)
        => new($"Chat templates cannot store underscore-prefixed attributes on a namespace, but got '{name}'. Please rename the attribute.");

    private static string Text(object? value) => Python.TextOf(value) ?? throw new TemplateFault($"a string was expected, not {Python.TypeName(value)}");

    private static RangeValue Range(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Plain("range", 1, 3);
        BigInteger start = v[1] is Missing ? 0 : Python.Index(v[0]);
        BigInteger stop = Python.Index(v[1] is Missing ? v[0] : v[1]);
        BigInteger step = v[2] is Missing ? 1 : Python.Index(v[2]);
        if (step.IsZero) throw new TemplateFault("range() arg 3 must not be zero");
        RangeValue range = new(start, stop, step);
        return range.Count > LargestRange ? throw new TemplateFault($"Range too big. The sandbox blocks ranges larger than {LargestRange} items.") : range;
    }

    private static DictValue Dict(Renderer r, Arguments arguments)
    {
        if (arguments.Positional.Count > 1) throw new TemplateFault($"dict expected at most 1 argument, got {arguments.Positional.Count}");
        if (arguments.Positional is [Undefined missing]) throw missing.Fail();   // dict looks for "keys" on it
        DictValue dict = arguments.Positional.Count == 0 ? new DictValue() : Pairs(r, arguments.Positional[0]);
        foreach ((string name, object? value) in arguments.Named) dict.Set(name, value);
        return dict;
    }

    /// <summary>A dict, or a list of pairs, as a new dict.</summary>
    private static DictValue Pairs(Renderer r, object? source)
    {
        if (source is NamespaceValue space) source = space.Attributes;
        if (source is DictValue from)
        {
            r.Budget.Items(from.Count);
            return from.Copy();
        }

        DictValue dict = new();
        foreach (object? item in Python.Iterate(r, source))
        {
            if (!Python.IsIterable(item)) throw new TemplateFault("cannot convert dictionary update sequence element to a sequence");
            List<object?> pair = Python.ToList(r, item);
            if (pair.Count != 2) throw new TemplateFault($"dictionary update sequence element has length {pair.Count}; 2 is required");
            dict.Set(Python.HashKey(pair[0]), pair[0], pair[1]);
            if (dict.Count > RenderBudget.MaximumItems) r.Budget.NewList(dict.Count);
        }

        return dict;
    }

    public static object? FromKeys(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Plain("fromkeys", 1, 2);
        DictValue dict = new();
        foreach (object? key in Python.Iterate(r, v[0]))
        {
            r.Budget.Items(RenderBudget.EntrySteps);
            dict.Set(Python.HashKey(key), key, v[1] is Missing ? null : v[1]);
        }

        return dict;
    }

    private static NamespaceValue Namespace(Renderer r, Arguments arguments)
    {
        DictValue attributes = Dict(r, arguments);
        foreach (object? key in attributes.Keys) if (Python.TextOf(key) is { } name && name.StartsWith('_')) throw Underscore(name);
        return new NamespaceValue(attributes);
    }

    private static object? RaiseException(Renderer r, Arguments arguments)
    {
        object? message = arguments.Bind("raise_exception", 1, "message")[0];
        throw new ChatTemplateRaisedException(r.Template.Name, r.Line, Python.Str(r, message));
    }

    /// <summary>Filler text; the reference's is random, this one is always the same.</summary>
    private static object? Lipsum(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("lipsum", 0, "n", "html", "min", "max");
        BigInteger count = v[0] is Missing ? 5 : Python.Index(v[0]);
        bool html = v[1] is Missing || Python.IsTrue(v[1]);
        const string Sentence = "Lorem ipsum dolor sit amet consectetuer adipiscing elit.";
        string paragraph = html ? $"<p>{Sentence}</p>" : Sentence;
        string separator = html ? "\n" : "\n\n";
        if (count.Sign <= 0) return html ? new MarkupText("") : "";
        r.Budget.NewText(count * (paragraph.Length + separator.Length));
        string text = string.Join(separator, Enumerable.Repeat(paragraph, (int)count));
        return html ? new MarkupText(text) : text;
    }

    /// <summary><c>strftime</c> in the C locale.</summary>
    private static string FormatTime(Renderer r, string format, DateTimeOffset now)
    {
        r.Budget.NewText((BigInteger)format.Length * 16);
        StringBuilder text = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 >= format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            int at = i + 1;
            char flag = format[at] is '-' or '_' or '0' or '^' or '#' && at + 1 < format.Length ? format[at++] : '\0';
            string? part = TimePart(format[at], flag, now);
            text.Append(part is null ? format[i..(at + 1)] : flag == '^' ? part.ToUpperInvariant() : part);
            i = at;
        }

        return text.ToString();
    }

    private static string? TimePart(char code, char flag, DateTimeOffset t)
    {
        int day = (int)t.DayOfWeek;
        int hour12 = t.Hour % 12 == 0 ? 12 : t.Hour % 12;
        return code switch
        {
            'a' => Days[day][..3],
            'A' => Days[day],
            'b' or 'h' => Months[t.Month - 1][..3],
            'B' => Months[t.Month - 1],
            'c' => $"{Days[day][..3]} {Months[t.Month - 1][..3]} {Pad(t.Day, 2, '_')} {Clock(t)} {Pad(t.Year, 1)}",
            'C' => Pad(t.Year / 100, 2, flag),
            'd' => Pad(t.Day, 2, flag),
            'D' or 'x' => $"{Pad(t.Month, 2)}/{Pad(t.Day, 2)}/{Pad(t.Year % 100, 2)}",
            'e' => Pad(t.Day, 2, flag == '\0' ? '_' : flag),
            'f' => Pad((int)(t.Ticks % TimeSpan.TicksPerSecond / 10), 6),
            'F' => $"{Pad(t.Year, 1)}-{Pad(t.Month, 2)}-{Pad(t.Day, 2)}",
            'g' => Pad(ISOWeek.GetYear(t.DateTime) % 100, 2, flag),
            'G' => Pad(ISOWeek.GetYear(t.DateTime), 1),
            'H' => Pad(t.Hour, 2, flag),
            'I' => Pad(hour12, 2, flag),
            'j' => Pad(t.DayOfYear, 3, flag),
            'k' => Pad(t.Hour, 2, flag == '\0' ? '_' : flag),
            'l' => Pad(hour12, 2, flag == '\0' ? '_' : flag),
            'm' => Pad(t.Month, 2, flag),
            'M' => Pad(t.Minute, 2, flag),
            'n' => "\n",
            'p' => flag == '#' ? t.Hour < 12 ? "am" : "pm" : t.Hour < 12 ? "AM" : "PM",
            'P' => t.Hour < 12 ? "am" : "pm",
            'r' => $"{Pad(hour12, 2)}:{Pad(t.Minute, 2)}:{Pad(t.Second, 2)} {(t.Hour < 12 ? "AM" : "PM")}",
            'R' => $"{Pad(t.Hour, 2)}:{Pad(t.Minute, 2)}",
            's' => t.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            'S' => Pad(t.Second, 2, flag),
            't' => "\t",
            'T' or 'X' => Clock(t),
            'u' => Pad(day == 0 ? 7 : day, 1),
            'U' => Pad((t.DayOfYear + 6 - day) / 7, 2, flag),
            'V' => Pad(ISOWeek.GetWeekOfYear(t.DateTime), 2, flag),
            'w' => Pad(day, 1),
            'W' => Pad((t.DayOfYear + 6 - ((day + 6) % 7)) / 7, 2, flag),
            'y' => Pad(t.Year % 100, 2, flag),
            'Y' => Pad(t.Year, 1),
            'z' or 'Z' => "",
            '%' => "%",
            _ => null,
        };
    }

    private static string Clock(DateTimeOffset t) => $"{Pad(t.Hour, 2)}:{Pad(t.Minute, 2)}:{Pad(t.Second, 2)}";

    private static string Pad(int value, int width, char flag = '\0')
    {
        string text = value.ToString(CultureInfo.InvariantCulture);
        return flag == '-' ? text : text.PadLeft(width, flag == '_' ? ' ' : '0');
    }
}
