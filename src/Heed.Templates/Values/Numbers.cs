using System.Globalization;
using System.Numerics;
using System.Text;

namespace Heed.Templates;

/// <summary>Python's numbers as text.</summary>
internal static class Numbers
{
    /// <summary>Digits that an integer may have as text.</summary>
    public const int MaximumDigits = 4300;

    /// <summary>Value of a hexadecimal or letter digit, 99 for other characters.</summary>
    public static int DigitValue(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'z' => c - 'a' + 10,
        >= 'A' and <= 'Z' => c - 'A' + 10,
        _ => 99,
    };

    /// <summary>Reads digits of a radix; false where a decimal one has more than <see cref="MaximumDigits"/>, or another one is too large
    /// for a template.</summary>
    public static bool TryParseDigits(string digits, int radix, out BigInteger value)
    {
        value = default;
        if (digits.Length > (radix == 10 ? MaximumDigits : RenderBudget.MaximumIntegerBits / 6)) return false;
        if (radix == 10) return BigInteger.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        foreach (char c in digits) value = (value * radix) + DigitValue(c);
        return true;
    }

    public static string Text(BigInteger value)
    {
        // log10(2) · bits bounds the digits, so that only numbers near the limit are written to find out.
        if (value.GetBitLength() > 14_290) throw TooLong();
        string text = value.ToString(CultureInfo.InvariantCulture);
        return text.Length - (value.Sign < 0 ? 1 : 0) > MaximumDigits ? throw TooLong() : text;
    }

    /// <summary>Python's <c>repr</c> of a float: the shortest digits that read back as it.</summary>
    public static string Text(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        string round = value.ToString("R", CultureInfo.InvariantCulture);
        (bool negative, string digits, int exponent) = Parts(round);
        StringBuilder result = new();
        if (negative) result.Append('-');
        if (exponent is < -4 or >= 16)
        {
            result.Append(digits[0]);
            if (digits.Length > 1) result.Append('.').Append(digits, 1, digits.Length - 1);
            result.Append(exponent < 0 ? "e-" : "e+").Append(Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture));
        }
        else if (exponent < 0)
        {
            result.Append("0.").Append('0', -exponent - 1).Append(digits);
        }
        else if (digits.Length <= exponent + 1)
        {
            result.Append(digits).Append('0', exponent + 1 - digits.Length).Append(".0");
        }
        else
        {
            result.Append(digits, 0, exponent + 1).Append('.').Append(digits, exponent + 1, digits.Length - exponent - 1);
        }

        return result.ToString();
    }

    /// <summary>Sign, significant digits without zeros at the ends, and the power of ten of the first digit.</summary>
    private static (bool Negative, string Digits, int Exponent) Parts(string round)
    {
        bool negative = round[0] == '-';
        if (negative) round = round[1..];
        int e = round.IndexOf('E', StringComparison.Ordinal);
        int exponent = e < 0 ? 0 : int.Parse(round.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (e >= 0) round = round[..e];
        int point = round.IndexOf('.', StringComparison.Ordinal);
        exponent += (point < 0 ? round.Length : point) - 1;
        string digits = round.Replace(".", "", StringComparison.Ordinal);
        int zeros = 0;
        while (zeros < digits.Length - 1 && digits[zeros] == '0') zeros++;
        digits = digits[zeros..];
        exponent -= zeros;
        digits = digits.TrimEnd('0');
        return digits.Length == 0 ? (negative, "0", 0) : (negative, digits, exponent);
    }

    /// <summary>Reads what Python's <c>float()</c> reads.</summary>
    public static bool TryParseFloat(string text, out double value)
    {
        value = 0;
        string? plain = Plain(text);
        if (plain is null || plain.Length == 0) return false;
        string bare = plain[0] is '+' or '-' ? plain[1..] : plain;
        double sign = plain[0] == '-' ? -1 : 1;
        switch (bare.ToLowerInvariant())
        {
            case "inf" or "infinity": value = sign * double.PositiveInfinity; return true;
            case "nan": value = double.NaN; return true;
        }

        if (bare.Length == 0 || bare[0] is '+' or '-') return false;
        return double.TryParse(plain, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Reads what Python's <c>int(text, radix)</c> reads; null where it is no integer, or too long a one.</summary>
    public static BigInteger? ParseInteger(string text, int radix)
    {
        string? plain = Plain(text);
        if (plain is null) return null;
        int at = plain.Length > 0 && plain[0] is '+' or '-' ? 1 : 0;
        bool negative = at == 1 && plain[0] == '-';
        if (plain.Length > at + 1 && plain[at] == '0')
        {
            int named = char.ToLowerInvariant(plain[at + 1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 };
            if (named != 0 && (radix == named || radix == 0))
            {
                radix = named;
                at += 2;
            }
        }

        bool guessed = radix == 0;
        if (guessed) radix = 10;
        string digits = plain[at..];
        if (digits.Length == 0 || (guessed && digits[0] == '0' && digits.Trim('0').Length > 0)) return null;
        foreach (char c in digits) if (DigitValue(c) >= radix) return null;
        return TryParseDigits(digits, radix, out BigInteger value) ? negative ? -value : value : null;
    }

    /// <summary>ASCII digits for all decimal ones, white space off the ends, underscores between digits dropped; null where one stands
    /// elsewhere.</summary>
    private static string? Plain(string text)
    {
        StringBuilder result = new(text.Length);
        text = PythonText.Strip(text, null);
        for (int i = 0; i < text.Length; i++)
        {
            int code = i + 1 < text.Length && char.IsSurrogatePair(text, i) ? char.ConvertToUtf32(text, i) : text[i];
            if (code > 0xFFFF) i++;
            if (code == '_')
            {
                if (i == 0 || i + 1 >= text.Length || DigitValue(Last(result)) == 99 || DigitValue(text[i + 1]) == 99) return null;
                continue;
            }

            int digit = Unicodes.DecimalValue(code);
            if (digit >= 0) result.Append((char)('0' + digit));
            else if (code < 128) result.Append((char)code);
            else return null;
        }

        return result.ToString();
    }

    private static char Last(StringBuilder text) => text.Length > 0 ? text[^1] : ' ';

    private static TemplateFault TooLong() => new($"Exceeds the limit ({MaximumDigits} digits) for integer string conversion");
}
