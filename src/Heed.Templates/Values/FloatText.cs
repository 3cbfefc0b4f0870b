using System.Globalization;
using System.Numerics;

namespace Heed.Templates;

/// <summary>Floats with a given number of digits, rounded from their exact value, halves to even.</summary>
internal static class FloatText
{
    /// <summary>Digits after the point that a double can have; further ones are zeros.</summary>
    private const int MostDigits = 1080;

    /// <summary><c>%f</c> of a finite value that is not negative.</summary>
    public static string Fixed(double value, int precision)
    {
        int exact = Math.Min(precision, MostDigits);
        string digits = Scaled(value, exact).ToString(CultureInfo.InvariantCulture).PadLeft(exact + 1, '0');
        string text = exact == 0 ? digits : digits[..^exact] + "." + digits[^exact..];
        return precision > exact ? text + new string('0', precision - exact) : text;
    }

    /// <summary><c>%e</c> of a finite value that is not negative.</summary>
    public static string Exponent(double value, int precision)
    {
        (string digits, int exponent) = Significant(value, Math.Min(precision, MostDigits) + 1);
        digits = digits.PadRight(precision + 1, '0');
        return Scientific(digits, exponent);
    }

    /// <summary><c>%g</c> of a finite value that is not negative; <paramref name="keepZeros"/> for <c>#</c>.</summary>
    public static string General(double value, int precision, bool keepZeros)
    {
        if (precision == 0) precision = 1;
        (string digits, int exponent) = Significant(value, Math.Min(precision, MostDigits));
        if (keepZeros) digits = digits.PadRight(precision, '0');
        bool scientific = exponent < -4 || exponent >= precision;
        if (!keepZeros) digits = digits.TrimEnd('0');
        if (digits.Length == 0) digits = "0";
        if (scientific) return Scientific(digits, exponent);
        if (exponent < 0) return "0." + new string('0', -exponent - 1) + digits;
        if (digits.Length <= exponent + 1) return digits + new string('0', exponent + 1 - digits.Length) + (keepZeros ? "." : "");
        return digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }

    /// <summary>Python's <c>round(value, digits)</c>.</summary>
    public static double Round(double value, int digits)
    {
        if (!double.IsFinite(value) || value == 0 || digits > 330) return value;
        if (digits < -310) return Math.CopySign(0, value);
        BigInteger scaled = Scaled(Math.Abs(value), digits);
        double result = double.Parse(FormattableString.Invariant($"{scaled}E{-digits}"), NumberStyles.AllowExponent, CultureInfo.InvariantCulture);
        if (double.IsInfinity(result)) throw new TemplateFault("rounded value too large to represent");
        return Math.CopySign(result, value);
    }

    private static string Scientific(string digits, int exponent)
        => digits[..1] + (digits.Length > 1 ? "." + digits[1..] : "") + (exponent < 0 ? "e-" : "e+") + Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);

    private static (string Digits, int Exponent) Significant(double value, int count)
    {
        if (value == 0) return (new string('0', count), 0);
        int exponent = (int)Math.Floor(Math.Log10(value));
        while (true)
        {
            string digits = Scaled(value, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length == count) return (digits, exponent);
            exponent += digits.Length > count ? 1 : -1;
        }
    }

    /// <summary>value · 10^digits as the nearest integer.</summary>
    private static BigInteger Scaled(double value, int digits)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int power = (int)((bits >> 52) & 0x7FF);
        BigInteger top = (bits & 0xFFFFFFFFFFFFFL) | (power == 0 ? 0 : 1L << 52);
        power = Math.Max(power, 1) - 1075;
        BigInteger bottom = BigInteger.One;
        if (power > 0) top <<= power;
        else bottom <<= -power;
        if (digits > 0) top *= BigInteger.Pow(10, digits);
        else bottom *= BigInteger.Pow(10, -digits);
        BigInteger quotient = BigInteger.DivRem(top, bottom, out BigInteger rest);
        int half = (rest * 2).CompareTo(bottom);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
