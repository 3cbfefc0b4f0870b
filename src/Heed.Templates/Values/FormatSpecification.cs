using System.Globalization;
using System.Numerics;

namespace Heed.Templates;

/// <summary>Python's format specification: <c>[[fill]align][sign][#][0][width][grouping][.precision][type]</c>.</summary>
internal sealed record FormatSpecification(string Fill, char Align, char Sign, bool Alternate, BigInteger Width, char Group, BigInteger? Precision, char Type)
{
    public static FormatSpecification Parse(string text, string typeName)
    {
        int at = 0;
        string fill = " ";
        char align = '\0';
        int first = text.Length > 1 && char.IsSurrogatePair(text[0], text[1]) ? 2 : 1;
        if (text.Length > first && text[first] is '<' or '>' or '^' or '=')
        {
            fill = text[..first];
            align = text[first];
            at = first + 1;
        }
        else if (text[0] is '<' or '>' or '^' or '=')
        {
            align = text[0];
            at = 1;
        }

        char sign = At() is '+' or '-' or ' ' ? text[at++] : '\0';
        if (At() == 'z') at++;
        bool alternate = At() == '#';
        if (alternate) at++;
        if (At() == '0')
        {
            at++;
            if (align == '\0') (fill, align) = ("0", typeName is "str" or "Markup" ? '<' : '=');
        }

        BigInteger width = Number() ?? 0;
        char group = At() is ',' or '_' ? text[at++] : '\0';
        BigInteger? precision = null;
        if (At() == '.')
        {
            at++;
            precision = Number() ?? throw new TemplateFault("Format specifier missing precision");
        }

        char type = at < text.Length ? text[at++] : '\0';
        if (at < text.Length) throw new TemplateFault($"Invalid format specifier '{Printable.Shorten(text)}' for object of type '{typeName}'");
        return new FormatSpecification(fill, align, sign, alternate, width, group, precision, type);

        char At() => at < text.Length ? text[at] : '\0';

        BigInteger? Number()
        {
            int start = at;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
            if (at == start) return null;
            return at - start > 18 ? throw new TemplateFault("Too many decimal digits in format string") : long.Parse(text.AsSpan(start, at - start), CultureInfo.InvariantCulture);
        }
    }
}
