using System.Numerics;

namespace Heed.Templates;

/// <summary>Python's arithmetic and Jinja's <c>~</c>.</summary>
internal static class Operators
{
    public static object? Binary(Renderer r, string op, object? a, object? b)
    {
        r.Budget.Step();
        if (op == "%" && Python.TextOf(a) is not null) return PercentFormat.Apply(r, a!, b);
        if (a is Undefined u) throw u.Fail();
        if (b is Undefined v) throw v.Fail();
        switch (op)
        {
            case "+":
                if (Join(r, a, b) is { } joined) return joined;
                break;
            case "*":
                if (Repeat(r, a, b) is { } repeated) return repeated;
                break;
        }

        if (a is double or BigInteger or bool && b is double or BigInteger or bool)
        {
            return a is double || b is double ? Floats(op, ToDouble(a), ToDouble(b)) : Integers(r, op, Python.IntegerOf(a)!.Value, Python.IntegerOf(b)!.Value);
        }

        if (op == "+" && a is string or MarkupText or ListValue or TupleValue)
            throw new TemplateFault($"can only concatenate {Python.TypeName(a)} (not \"{Python.TypeName(b)}\") to {Python.TypeName(a)}");
        throw new TemplateFault($"unsupported operand type(s) for {op}: '{Python.TypeName(a)}' and '{Python.TypeName(b)}'");
    }

    public static object Unary(Renderer r, char op, object? value)
    {
        r.Budget.Step();
        if (value is Undefined u) throw u.Fail();
        if (value is double d) return op == '-' ? -d : d;
        return Python.IntegerOf(value) is { } i ? op == '-' ? -i : i : throw new TemplateFault($"bad operand type for unary {op}: '{Python.TypeName(value)}'");
    }

    /// <summary><c>~</c>: the texts of all parts; under autoescape a marked text, with the unmarked parts escaped if one is
    /// marked.</summary>
    public static object Concat(Renderer r, object?[] parts, bool escape)
    {
        bool marked = false;
        string[] texts = new string[parts.Length];
        long size = 0;
        if (escape) foreach (object? part in parts) marked |= part is MarkupText;
        for (int i = 0; i < parts.Length; i++)
        {
            string text = Python.Str(r, parts[i]);
            texts[i] = marked && parts[i] is not MarkupText ? PythonText.Escape(r.Budget, text) : text;
            size += texts[i].Length;
        }

        r.Budget.NewText(size);
        string joined = string.Concat(texts);
        return marked ? new MarkupText(joined) : joined;
    }

    private static object? Join(Renderer r, object? a, object? b)
    {
        if (Python.TextOf(a) is { } x && Python.TextOf(b) is { } y)
        {
            bool marked = a is MarkupText || b is MarkupText;
            if (marked && a is not MarkupText) x = PythonText.Escape(r.Budget, x);
            if (marked && b is not MarkupText) y = PythonText.Escape(r.Budget, y);
            r.Budget.NewText((BigInteger)x.Length + y.Length);
            return marked ? new MarkupText(x + y) : x + y;
        }

        if (a is ListValue l && b is ListValue m)
        {
            r.Budget.NewList((BigInteger)l.Items.Count + m.Items.Count);
            return new ListValue([.. l.Items, .. m.Items]);
        }

        if (a is TupleValue t && b is TupleValue s)
        {
            r.Budget.NewList((BigInteger)t.Items.Length + s.Items.Length);
            return new TupleValue([.. t.Items, .. s.Items]);
        }

        return null;
    }

    private static object? Repeat(Renderer r, object? a, object? b)
    {
        bool first = a is string or MarkupText or ListValue or TupleValue;
        object? sequence = first ? a : b;
        if (sequence is not (string or MarkupText or ListValue or TupleValue) || Python.IntegerOf(first ? b : a) is not { } times) return null;
        if (times.Sign < 0) times = 0;
        if (Python.TextOf(sequence) is { } text)
        {
            r.Budget.NewText(times * text.Length);
            string result = text.Length == 0 ? "" : new System.Text.StringBuilder().Insert(0, text, (int)times).ToString();
            return sequence is MarkupText ? new MarkupText(result) : result;
        }

        IReadOnlyList<object?> items = Python.Items(sequence);
        r.Budget.NewList(times * items.Count);
        List<object?> list = new(items.Count * (int)(items.Count == 0 ? 0 : times));
        if (items.Count > 0) for (int i = 0; i < (int)times; i++) list.AddRange(items);
        return sequence is ListValue ? new ListValue(list) : new TupleValue([.. list]);
    }

    private static object Integers(Renderer r, string op, BigInteger a, BigInteger b)
    {
        long bits = Math.Max(a.GetBitLength(), b.GetBitLength());
        switch (op)
        {
            case "+" or "-":
                r.Budget.NewInteger(bits);
                return op == "+" ? a + b : a - b;
            case "*":
                r.Budget.NewInteger(a.GetBitLength() + b.GetBitLength());
                return a * b;
            case "/":
                if (b.IsZero) throw new TemplateFault("division by zero");
                r.Budget.NewInteger(bits);
                return Quotient(a, b);
            case "//":
            case "%":
                if (b.IsZero) throw new TemplateFault(op == "%" ? "integer modulo by zero" : "integer division or modulo by zero");
                r.Budget.NewInteger(bits);
                BigInteger quotient = BigInteger.DivRem(a, b, out BigInteger rest);
                bool down = !rest.IsZero && rest.Sign != b.Sign;
                return op == "%" ? (down ? rest + b : rest) : down ? quotient - 1 : quotient;
            default:
                if (b.Sign < 0) return Floats("**", ToDouble(a), ToDouble(b));
                if (a.IsZero || a.IsOne || a == BigInteger.MinusOne) return b.IsZero ? BigInteger.One : a == BigInteger.MinusOne && b.IsEven ? BigInteger.One : a;
                r.Budget.NewInteger((double)b * BigInteger.Log(BigInteger.Abs(a), 2));
                return BigInteger.Pow(a, (int)b);
        }
    }

    private static object Floats(string op, double a, double b)
    {
        switch (op)
        {
            case "+": return a + b;
            case "-": return a - b;
            case "*": return a * b;
            case "/": return b == 0 ? throw new TemplateFault("float division by zero") : a / b;
            case "**":
                if (a == 0 && b < 0) throw new TemplateFault("0.0 cannot be raised to a negative power");
                if (a < 0 && double.IsFinite(a) && double.IsFinite(b) && b != Math.Floor(b)) throw new TemplateFault("complex numbers are not supported");
                double power = a == 1 || b == 0 ? 1 : Math.Pow(a, b);
                return double.IsInfinity(power) && double.IsFinite(a) && double.IsFinite(b) ? throw new TemplateFault("Numerical result out of range") : power;
        }

        if (b == 0) throw new TemplateFault(op == "%" ? "float modulo" : "float floor division by zero");
        double rest = a % b;
        double quotient = (a - rest) / b;
        if (rest != 0)
        {
            if (b < 0 != rest < 0)
            {
                rest += b;
                quotient -= 1;
            }
        }
        else
        {
            rest = Math.CopySign(0, b);
        }

        if (op == "%") return rest;
        if (quotient == 0) return Math.CopySign(0, a / b);
        double floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    public static double ToDouble(object value)
    {
        if (value is double d) return d;
        BigInteger integer = Python.IntegerOf(value)!.Value;
        double result = Nearest(integer);
        return double.IsInfinity(result) ? throw new TemplateFault("int too large to convert to float") : result;
    }

    /// <summary>The nearest double, halves to even.</summary>
    private static double Nearest(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue) return (long)value;
        BigInteger size = BigInteger.Abs(value);
        int shift = (int)size.GetBitLength() - 63;
        if (shift <= 0) return value.Sign * (double)(ulong)size;
        ulong top = (ulong)(size >> shift);
        if (!(size & ((BigInteger.One << shift) - 1)).IsZero) top |= 1;
        return value.Sign * Math.ScaleB((double)top, shift);
    }

    /// <summary>The nearest double to a quotient of integers.</summary>
    private static double Quotient(BigInteger a, BigInteger b)
    {
        if (a.GetBitLength() <= 53 && b.GetBitLength() <= 53) return (double)a / (double)b;
        if (a.IsZero) return 0;
        BigInteger x = BigInteger.Abs(a);
        BigInteger y = BigInteger.Abs(b);
        int shift = (int)(x.GetBitLength() - y.GetBitLength()) - 62;
        if (shift < 0) x <<= -shift;
        else y <<= shift;
        BigInteger quotient = BigInteger.DivRem(x, y, out BigInteger rest);
        if (!rest.IsZero) quotient |= 1;
        double result = Math.ScaleB(Nearest(quotient), shift);
        if (double.IsInfinity(result)) throw new TemplateFault("integer division result too large for a float");
        return a.Sign == b.Sign ? result : -result;
    }
}
