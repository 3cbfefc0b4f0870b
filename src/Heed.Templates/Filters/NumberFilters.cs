using System.Numerics;

namespace Heed.Templates;

/// <summary>Filters of numbers.</summary>
internal static class NumberFilters
{
    private static readonly string[] Decimal = ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    private static readonly string[] Binary = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

    public static object? Abs(Renderer r, Arguments arguments) => arguments.Bind("abs", 1, "x")[0] switch
    {
        Undefined u => throw u.Fail(),
        double d => Math.Abs(d),
        var value => Python.IntegerOf(value) is { } i ? BigInteger.Abs(i) : throw new TemplateFault($"bad operand type for abs(): '{Python.TypeName(value)}'"),
    };

    public static object? Int(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("int", 1, "value", "default", "base");
        object? fallback = v[1] is Missing ? BigInteger.Zero : v[1];
        switch (v[0])
        {
            case Undefined u: throw u.Fail();
            case double d: return double.IsNaN(d) ? fallback : PercentFormat.Whole(d);
            case string or MarkupText:
                string text = Python.TextOf(v[0])!;
                r.Budget.Items(text.Length);
                BigInteger radix = v[2] is Missing ? 10 : Python.Index(v[2]);
                if (radix != 0 && (radix < 2 || radix > 36)) return FromFloat(text, fallback);
                return Numbers.ParseInteger(text, (int)radix) is { } parsed ? parsed : FromFloat(text, fallback);
            default: return Python.IntegerOf(v[0]) is { } i ? i : fallback;
        }
    }

    private static object? FromFloat(string text, object? fallback)
        => Numbers.TryParseFloat(text, out double d) && double.IsFinite(d) ? new BigInteger(d) : fallback;

    public static object? Float(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("float", 1, "value", "default");
        object? fallback = v[1] is Missing ? 0.0 : v[1];
        switch (v[0])
        {
            case Undefined u: throw u.Fail();
            case double or BigInteger or bool: return Operators.ToDouble(v[0]!);
            case string or MarkupText:
                r.Budget.Items(Python.TextOf(v[0])!.Length);
                return Numbers.TryParseFloat(Python.TextOf(v[0])!, out double d) ? d : fallback;
            default: return fallback;
        }
    }

    public static object? Round(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("round", 1, "value", "precision", "method");
        BigInteger digits = v[1] is Missing ? 0 : Python.Index(v[1]);
        string method = v[2] is Missing ? "common" : Python.TextOf(v[2]) ?? "";
        if (method is not ("common" or "ceil" or "floor")) throw new TemplateFault("method must be common, ceil or floor");
        if (v[0] is not (double or BigInteger or bool)) throw new TemplateFault($"type {Python.TypeName(v[0])} doesn't define __round__ method");
        if (method == "common")
        {
            int places = (int)BigInteger.Max(-20_000, BigInteger.Min(20_000, digits));
            return v[0] is double d ? FloatText.Round(d, places) : RoundInteger(Python.IntegerOf(v[0])!.Value, places);
        }

        object? scale = Operators.Binary(r, "**", (BigInteger)10, digits);
        object? scaled = Operators.Binary(r, "*", v[0], scale);
        object whole = scaled is double f ? PercentFormat.Whole(method == "ceil" ? Math.Ceiling(f) : Math.Floor(f)) : Python.IntegerOf(scaled)!.Value;
        return Operators.Binary(r, "/", whole, scale);
    }

    private static BigInteger RoundInteger(BigInteger value, int digits)
    {
        if (digits >= 0) return value;
        BigInteger unit = BigInteger.Pow(10, -digits);
        BigInteger quotient = BigInteger.DivRem(BigInteger.Abs(value), unit, out BigInteger rest);
        int half = (rest * 2).CompareTo(unit);
        if (half > 0 || (half == 0 && !quotient.IsEven)) quotient++;
        return quotient * unit * value.Sign;
    }

    public static object? Sum(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("sum", 1, "iterable", "attribute", "start");
        object? total = v[2] is Missing ? BigInteger.Zero : v[2];
        if (Python.TextOf(total) is not null) throw new TemplateFault("sum() can't sum strings [use ''.join(seq) instead]");
        foreach (object? item in Python.Iterate(r, v[0])) total = Operators.Binary(r, "+", total, Sorting.Attribute(r, item, v[1], Missing.Value));
        return total;
    }

    public static object? FileSize(Renderer r, Arguments arguments)
    {
        object?[] v = arguments.Bind("filesizeformat", 1, "value", "binary");
        double bytes = v[0] switch
        {
            Undefined u => throw u.Fail(),
            double or BigInteger or bool => Operators.ToDouble(v[0]!),
            _ => Python.TextOf(v[0]) is { } text && Numbers.TryParseFloat(text, out double d) ? d : throw new TemplateFault("filesizeformat wants a number"),
        };
        bool binary = v[1] is not Missing && Python.IsTrue(v[1]);
        int scale = binary ? 1024 : 1000;
        if (bytes == 1) return "1 Byte";
        if (bytes < scale) return Python.IntegerText(r, PercentFormat.Whole(bytes)) + " Bytes";
        double unit = scale;
        int at = -1;
        do
        {
            unit *= scale;
            at++;
        }
        while (bytes >= unit && at < Decimal.Length - 1);
        double shown = scale * bytes / unit;
        return $"{FormatText.Real(shown, 'f', 1, false)} {(binary ? Binary : Decimal)[at]}";
    }
}
