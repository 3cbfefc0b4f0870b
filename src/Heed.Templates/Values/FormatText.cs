using System.Globalization;
using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Python's <c>text.format(…)</c>; fields pass the sandbox's check of attributes.</summary>
internal static class FormatText
{
    public static object Apply(Renderer r, string format, bool marked, List<object?>? positional, List<KeyValuePair<string, object?>> named)
    {
        StringBuilder result = new();
        int auto = 0;
        Write(r, format, marked, positional, named, result, ref auto, 0);
        return result.ToString();
    }

    public static List<KeyValuePair<string, object?>> Fields(object? mapping)
    {
        if (mapping is not DictValue dict) throw new TemplateFault($"format_map() argument must be a mapping, not {Python.TypeName(mapping)}");
        List<KeyValuePair<string, object?>> fields = [];
        for (int i = 0; i < dict.Count; i++) if (Python.TextOf(dict.Keys[i]) is { } key) fields.Add(new(key, dict.Values[i]));
        return fields;
    }

    private static void Write(Renderer r, string format, bool marked, List<object?>? positional, List<KeyValuePair<string, object?>> named, StringBuilder result, ref int auto, int depth)
    {
        if (depth > 2) throw new TemplateFault("Max string recursion exceeded");
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
            {
                StringMethods.Append(r, result, c.ToString());
                i++;
                continue;
            }

            if (c == '}') throw new TemplateFault("Single '}' encountered in format string");
            if (c != '{')
            {
                int end = format.AsSpan(i).IndexOfAny('{', '}');
                StringMethods.Append(r, result, end < 0 ? format[i..] : format[i..(i + end)]);
                if (end < 0) return;
                i += end - 1;
                continue;
            }

            int close = Close(format, i);
            string field = format[(i + 1)..close];
            i = close;
            int colon = Split(field, out char conversion, out string name);
            object? value = Field(r, name, positional, named, ref auto);
            StringBuilder spec = new();
            if (colon >= 0) Write(r, field[(colon + 1)..], false, positional, named, spec, ref auto, depth + 1);
            bool converted = conversion != '\0';
            if (converted) value = conversion switch
            {
                's' => Python.Str(r, value),
                'r' => Representation.Of(r, value),
                'a' => JsonText.Ascii(Representation.Of(r, value)),
                _ => throw new TemplateFault($"Unknown conversion specifier '{conversion}'"),
            };
            string text = Format(r, value, spec.ToString());
            StringMethods.Append(r, result, marked && value is not MarkupText ? PythonText.Escape(r.Budget, text) : text);
        }
    }

    private static int Close(string format, int open)
    {
        int depth = 0;
        bool bracket = false;
        for (int i = open; i < format.Length; i++)
        {
            char c = format[i];
            if (c == '[') bracket = true;
            else if (c == ']') bracket = false;
            if (bracket) continue;
            if (c == '{') depth++;
            else if (c == '}' && --depth == 0) return i;
        }

        throw new TemplateFault("expected '}' before end of string");
    }

    /// <summary>Place of the colon before the specification, −1 without one.</summary>
    private static int Split(string field, out char conversion, out string name)
    {
        conversion = '\0';
        bool bracket = false;
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '[') bracket = true;
            else if (field[i] == ']') bracket = false;
            if (bracket || field[i] is not (':' or '!')) continue;
            name = field[..i];
            if (field[i] == ':') return i;
            if (i + 1 >= field.Length) throw new TemplateFault("end of string while looking for conversion specifier");
            conversion = field[i + 1];
            if (i + 2 == field.Length) return -1;
            return field[i + 2] == ':' ? i + 2 : throw new TemplateFault("expected ':' after conversion specifier");
        }

        name = field;
        return -1;
    }

    private static object? Field(Renderer r, string name, List<object?>? positional, List<KeyValuePair<string, object?>> named, ref int auto)
    {
        int end = name.AsSpan().IndexOfAny('.', '[');
        string first = end < 0 ? name : name[..end];
        object? value;
        if (first.Length == 0 || first.All(char.IsAsciiDigit))
        {
            if (positional is null) throw new TemplateFault("Format string contains positional fields");
            if (first.Length == 0 ? auto < 0 : auto > 0) throw new TemplateFault("cannot switch between manual field specification and automatic field numbering");
            int at = first.Length == 0 ? auto++ : first.Length > 9 ? int.MaxValue : int.Parse(first, CultureInfo.InvariantCulture);
            if (first.Length > 0) auto = -1;
            value = at < positional.Count ? positional[at] : throw new TemplateFault("Replacement index out of range for positional args tuple");
        }
        else
        {
            int found = named.FindIndex(n => n.Key == first);
            value = found >= 0 ? named[found].Value : throw new TemplateFault($"'{first}'");
        }

        while (end >= 0 && end < name.Length)
        {
            r.Budget.Step();
            if (name[end] == '.')
            {
                int next = name.AsSpan(end + 1).IndexOfAny('.', '[');
                string attribute = next < 0 ? name[(end + 1)..] : name[(end + 1)..(end + 1 + next)];
                if (attribute.Length == 0) throw new TemplateFault("Empty attribute in format string");
                value = Attributes.ByDot(r, value, attribute);
                end = next < 0 ? -1 : end + 1 + next;
            }
            else if (name[end] == '[')
            {
                int close = name.IndexOf(']', end);
                if (close < 0) throw new TemplateFault("Missing ']' in format string");
                string key = name[(end + 1)..close];
                if (key.Length == 0) throw new TemplateFault("Empty attribute in format string");
                value = Attributes.ByIndex(r, value, key.All(char.IsAsciiDigit) && key.Length < 18 ? (BigInteger)long.Parse(key, CultureInfo.InvariantCulture) : key);
                end = close + 1;
            }
            else
            {
                throw new TemplateFault("Only '.' or '[' may follow ']' in format field specifier");
            }
        }

        return value;
    }

    /// <summary>Python's <c>format(value, specification)</c>.</summary>
    public static string Format(Renderer r, object? value, string text)
    {
        if (text.Length == 0) return Python.Str(r, value);
        if (value is not (string or MarkupText or bool or BigInteger or double))
            throw new TemplateFault($"unsupported format string passed to {Python.TypeName(value)}.__format__");
        FormatSpecification spec = FormatSpecification.Parse(text, Python.TypeName(value));
        r.Budget.NewText(spec.Width + (spec.Precision ?? 0));
        string body;
        string sign = "";
        if (Python.TextOf(value) is { } s)
        {
            if (spec.Type is not ('\0' or 's')) throw Unknown();
            if (spec.Sign != '\0' || spec.Alternate || spec.Group != '\0' || spec.Align == '=') throw new TemplateFault("Sign, '#', ',' and '=' are not allowed in string format specifier");
            body = spec.Precision is { } cut && cut < s.Length ? PythonText.Range(s, 0, (int)BigInteger.Min(cut, PythonText.Length(s))) : s;
            return Pad(body, "", spec, '<');
        }

        if (value is bool b && spec.Type is '\0' or 's') return Format(r, (BigInteger)((bool)value ? 1 : 0), text);
        if (Python.IntegerOf(value) is { } integer && spec.Type is '\0' or 'd' or 'b' or 'o' or 'x' or 'X' or 'n' or 'c')
        {
            if (spec.Precision is not null) throw new TemplateFault("Precision not allowed in integer format specifier");
            if (spec.Type == 'c') return Pad(Unicodes.Text((int)BigInteger.Min(0x10FFFF, BigInteger.Max(0, integer))), "", spec, '<');
            char type = spec.Type is '\0' or 'n' ? 'd' : spec.Type;
            body = Digits(r, BigInteger.Abs(integer), type);
            sign = SignOf(integer.Sign < 0, spec.Sign) + (spec.Alternate && type != 'd' ? "0" + type : "");
            if (spec.Group == ',' && type != 'd') throw new TemplateFault($"Cannot specify ',' with '{type}'.");
            if (spec.Group != '\0') body = Grouped(body, sign.Length, spec, type == 'd' ? 3 : 4);
            return Pad(body, sign, spec, '>');
        }

        double real = Operators.ToDouble(value!);
        if (spec.Type is not ('\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%')) throw Unknown();
        char kind = char.ToLowerInvariant(spec.Type);
        if (kind == '%') real *= 100;
        body = kind == '\0'
            ? spec.Precision is { } p ? Short(Math.Abs(real), (int)p) : Numbers.Text(Math.Abs(real))
            : Real(Math.Abs(real), kind == '%' ? 'f' : kind == 'n' ? 'g' : kind, (int)(spec.Precision ?? 6), spec.Alternate);
        if (spec.Type is 'E' or 'F' or 'G') body = body.ToUpperInvariant();
        if (kind == '%') body += "%";
        sign = SignOf(double.IsNegative(real) && !double.IsNaN(real), spec.Sign);
        if (spec.Group != '\0') body = Grouped(body, sign.Length, spec, 3);
        return Pad(body, sign, spec, '>');

        TemplateFault Unknown() => new($"Unknown format code '{spec.Type}' for object of type '{Python.TypeName(value)}'");
    }

    private static string Short(double value, int precision)
    {
        string text = Real(value, 'g', precision, false);
        return text.AsSpan().IndexOfAny(".en") >= 0 ? text : text + ".0";
    }

    public static string Digits(Renderer r, BigInteger value, char type)
    {
        if (type is 'd' or 'i' or 'u') return Python.IntegerText(r, value);
        r.Budget.Items((value.GetBitLength() / 4) + 1);
        if (value.IsZero) return "0";
        if (type is 'x' or 'X') return value.ToString(type == 'x' ? "x" : "X", CultureInfo.InvariantCulture).TrimStart('0');
        string binary = value.ToString("b", CultureInfo.InvariantCulture).TrimStart('0');
        if (type == 'b') return binary;
        binary = binary.PadLeft((binary.Length + 2) / 3 * 3, '0');
        return string.Create(binary.Length / 3, binary, (span, bits) =>
        {
            for (int i = 0; i < span.Length; i++) span[i] = (char)('0' + ((bits[3 * i] - '0') * 4) + ((bits[(3 * i) + 1] - '0') * 2) + (bits[(3 * i) + 2] - '0'));
        });
    }

    /// <summary>A float without its sign in the style e, f or g.</summary>
    public static string Real(double value, char style, int precision, bool alternate)
    {
        if (!double.IsFinite(value)) return double.IsNaN(value) ? "nan" : "inf";
        string text = style switch
        {
            'f' => FloatText.Fixed(value, precision),
            'e' => FloatText.Exponent(value, precision),
            _ => FloatText.General(value, precision, alternate),
        };
        if (!alternate || precision != 0 || style == 'g') return text;
        return style == 'f' ? text + "." : text.Insert(1, ".");
    }

    private static string SignOf(bool negative, char sign) => negative ? "-" : sign is '+' or ' ' ? sign.ToString() : "";

    /// <summary>Separators between groups of digits; zeros that fill the width are grouped too.</summary>
    private static string Grouped(string body, int signLength, FormatSpecification spec, int size)
    {
        int end = size == 4 ? -1 : body.AsSpan().IndexOfAny(".eE%");
        string tail = end < 0 ? "" : body[end..];
        if (end >= 0) body = body[..end];
        if (!char.IsAsciiHexDigit(body[0])) return body + tail;
        if (spec is { Fill: "0", Align: '=' })
        {
            int wanted = (int)spec.Width - signLength - tail.Length;
            int digits = Math.Max(body.Length, (int)((long)wanted * size / (size + 1)));
            while (digits + ((digits - 1) / size) < wanted) digits++;
            body = body.PadLeft(digits, '0');
        }

        StringBuilder result = new();
        for (int i = 0; i < body.Length; i++)
        {
            if (i > 0 && (body.Length - i) % size == 0) result.Append(spec.Group);
            result.Append(body[i]);
        }

        return result + tail;
    }

    private static string Pad(string body, string sign, FormatSpecification spec, char normal)
    {
        BigInteger missing = spec.Width - PythonText.Length(body) - sign.Length;
        if (missing.Sign <= 0) return sign + body;
        int count = (int)missing;
        char align = spec.Align == '\0' ? normal : spec.Align;
        return align switch
        {
            '<' => sign + body + StringMethods.Fill(spec.Fill, count),
            '>' => StringMethods.Fill(spec.Fill, count) + sign + body,
            '^' => StringMethods.Fill(spec.Fill, count / 2) + sign + body + StringMethods.Fill(spec.Fill, count - (count / 2)),
            _ => sign + StringMethods.Fill(spec.Fill, count) + body,
        };
    }
}
