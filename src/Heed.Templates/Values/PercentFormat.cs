using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Python's <c>text % values</c>.</summary>
internal static class PercentFormat
{
    public static object Apply(Renderer r, object format, object? values)
    {
        string text = Python.TextOf(format)!;
        bool marked = format is MarkupText;
        r.Budget.Characters(text.Length);
        IReadOnlyList<object?> list = values is TupleValue tuple ? tuple.Items : [values];
        StringBuilder result = new();
        int used = 0;
        bool byName = false;
        for (int i = 0; i < text.Length; i++)
        {
            int next = text.IndexOf('%', i);
            if (next != i)
            {
                int end = next < 0 ? text.Length : next;
                StringMethods.Append(r, result, text[i..end]);
                i = end;
                if (next < 0) break;
            }

            i++;
            object? named = Missing.Value;
            if (i < text.Length && text[i] == '(')
            {
                int close = CloseOf(text, i);
                if (values is not DictValue dict) throw new TemplateFault("format requires a mapping");
                string key = text[(i + 1)..close];
                if (!dict.TryGet(key, out named)) throw new TemplateFault($"'{key}'");
                byName = true;
                i = close + 1;
            }

            Specification spec = new();
            for (; i < text.Length && text[i] is '-' or '+' or ' ' or '#' or '0'; i++) spec.Flag(text[i]);
            spec.Width = Number(ref i) ?? 0;
            if (spec.Width.Sign < 0)
            {
                spec.Left = true;
                spec.Width = -spec.Width;
            }

            if (i < text.Length && text[i] == '.')
            {
                i++;
                spec.Precision = BigInteger.Max(0, Number(ref i) ?? 0);
            }

            while (i < text.Length && text[i] is 'h' or 'l' or 'L') i++;
            if (i >= text.Length) throw new TemplateFault("incomplete format");
            r.Budget.NewText(spec.Width + (spec.Precision ?? 0));
            if (text[i] == '%')
            {
                StringMethods.Append(r, result, "%");
                continue;
            }

            object? value = named is Missing ? Take() : named;
            StringMethods.Append(r, result, One(r, text[i], spec, value, marked));
        }

        if (!byName && used < list.Count && values is not (DictValue or ListValue or RangeValue or Undefined)) throw new TemplateFault("not all arguments converted during string formatting");
        return marked ? new MarkupText(result.ToString()) : result.ToString();

        object? Take() => used < list.Count ? list[used++] : throw new TemplateFault("not enough arguments for format string");

        BigInteger? Number(ref int at)
        {
            if (at < text.Length && text[at] == '*')
            {
                at++;
                return Python.IntegerOf(Take()) ?? throw new TemplateFault("* wants int");
            }

            int start = at;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
            if (at == start) return null;
            return at - start > 18 ? long.MaxValue : long.Parse(text.AsSpan(start, at - start), System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    private static int CloseOf(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            if (text[i] == '(') depth++;
            else if (text[i] == ')' && --depth == 0) return i;
        }

        throw new TemplateFault("incomplete format key");
    }

    private static string One(Renderer r, char code, Specification spec, object? value, bool marked)
    {
        string body;
        string sign = "";
        string prefix = "";
        switch (code)
        {
            case 's' or 'r' or 'a':
                body = code == 's' ? Python.Str(r, value) : Representation.Of(r, value);
                if (marked && value is not MarkupText) body = PythonText.Escape(r.Budget, body);
                if (code == 'a') body = JsonText.Ascii(body);
                if (spec.Precision is { } cut && cut < body.Length) body = PythonText.Range(body, 0, (int)BigInteger.Min(cut, PythonText.Length(body)));
                return Pad(body, "", spec with { Zero = false });
            case 'c':
                body = Python.TextOf(value) is { } c && PythonText.Length(c) == 1 ? c
                    : Python.IntegerOf(value) is { } point && point.Sign >= 0 && point <= 0x10FFFF ? Unicodes.Text((int)point) : throw new TemplateFault("%c requires int or char");
                return Pad(body, "", spec with { Zero = false });
            case 'd' or 'i' or 'u' or 'o' or 'x' or 'X':
                BigInteger number = Python.IntegerOf(value) ?? (value is double f && code is 'd' or 'i' or 'u' ? Whole((double)value!)
                    : throw (value is Undefined u ? u.Fail() : new TemplateFault($"%{code} format: a {(code is 'd' or 'i' or 'u' ? "real number" : "integer")} is required, not {Python.TypeName(value)}")));
                body = FormatText.Digits(r, BigInteger.Abs(number), code);
                if (spec.Precision is { } digits && digits > body.Length) body = body.PadLeft((int)digits, '0');
                if (spec.Alternate && code is 'o' or 'x' or 'X') prefix = "0" + code;
                sign = number.Sign < 0 ? "-" : spec.Plus ? "+" : spec.Blank ? " " : "";
                return Pad(body, sign + prefix, spec);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                if (value is Undefined undefined) throw undefined.Fail();
                if (value is not (double or BigInteger or bool)) throw new TemplateFault($"must be real number, not {Python.TypeName(value)}");
                double real = Operators.ToDouble(value);
                body = FormatText.Real(Math.Abs(real), char.ToLowerInvariant(code), (int)(spec.Precision ?? 6), spec.Alternate);
                if (char.IsAsciiLetterUpper(code)) body = body.ToUpperInvariant();
                sign = double.IsNegative(real) && !double.IsNaN(real) ? "-" : spec.Plus ? "+" : spec.Blank ? " " : "";
                return Pad(body, sign, double.IsFinite(real) ? spec : spec with { Zero = false });
            default:
                throw new TemplateFault($"unsupported format character '{code}'");
        }
    }

    public static BigInteger Whole(double value)
        => double.IsFinite(value) ? new BigInteger(value) : throw new TemplateFault($"cannot convert float {(double.IsNaN(value) ? "NaN" : "infinity")} to integer");

    private static string Pad(string body, string sign, Specification spec)
    {
        BigInteger missing = spec.Width - PythonText.Length(body) - sign.Length;
        if (missing.Sign <= 0) return sign + body;
        if (spec.Left) return sign + body + new string(' ', (int)missing);
        return spec.Zero ? sign + new string('0', (int)missing) + body : new string(' ', (int)missing) + sign + body;
    }

    private sealed record Specification
    {
        public bool Left { get; set; }

        public bool Plus { get; set; }

        public bool Blank { get; set; }

        public bool Alternate { get; set; }

        public bool Zero { get; set; }

        public BigInteger Width { get; set; }

        public BigInteger? Precision { get; set; }

        public void Flag(char flag)
        {
            switch (flag)
            {
                case '-': Left = true; break;
                case '+': Plus = true; break;
                case ' ': Blank = true; break;
                case '#': Alternate = true; break;
                default: Zero = true; break;
            }
        }
    }
}
