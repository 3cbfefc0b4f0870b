using System.Globalization;

namespace Heed.Lab;

/// <summary>How an expected number bears on the claim of its experiment.</summary>
public enum Bearing
{
    /// <summary>The claim needs it: outside its bounds the claim does not hold.</summary>
    Supports,

    /// <summary>Within its bounds it shows where the claim ends: the claim holds under a condition only.</summary>
    Limits,

    /// <summary>Within its bounds the claim does not hold.</summary>
    Refutes,

    /// <summary>It is reported beside its expectation and decides nothing.</summary>
    Informs,
}

/// <summary>A number that an experiment measures, and the bounds expected before it ran.</summary>
/// <param name="Key">Its name in results, such as <c>share_64</c>.</param>
/// <param name="What">What is measured, for people.</param>
/// <param name="Expected">The expectation, for people.</param>
/// <param name="Low">Smallest value expected; −∞ if there is none.</param>
/// <param name="High">Largest value expected; ∞ if there is none.</param>
/// <param name="Bearing">How it bears on the claim.</param>
public sealed record Expectation(string Key, string What, string Expected, double Low, double High, Bearing Bearing)
{
    /// <summary>True for a time: it differs from run to run, is measured only if asked for, and decides nothing.</summary>
    public bool IsTime { get; init; }

    /// <summary>Whether a value lies within the bounds; NaN does not.</summary>
    public bool Contains(double value) => value >= Low && value <= High;

    internal static Expectation Exactly(string key, string what, double value, Bearing bearing = Bearing.Supports)
        => new(key, what, "exactly " + LabNumber.Text(value), value, value, bearing);

    internal static Expectation Near(string key, string what, double value, double tolerance, Bearing bearing = Bearing.Supports)
        => new(key, what, $"{LabNumber.Text(value)} ± {LabNumber.Text(tolerance)}", value - tolerance, value + tolerance, bearing);

    internal static Expectation Within(string key, string what, double value, double percent, Bearing bearing = Bearing.Supports)
        => new(key, what, $"{LabNumber.Text(value)} ± {LabNumber.Text(percent)} %", value * (1 - (percent / 100)), value * (1 + (
            percent / 100)),
            bearing);

    /// <summary>Within a factor of a value above 0.</summary>
    internal static Expectation About(string key, string what, double value, double factor, Bearing bearing = Bearing.Supports)
        => new(key, what, $"about {LabNumber.Text(value)} (factor {LabNumber.Text(factor)})", value / factor, value * factor, bearing);

    internal static Expectation AtMost(string key, string what, double high, Bearing bearing = Bearing.Supports)
        => new(key, what, "at most " + LabNumber.Text(high), double.NegativeInfinity, high, bearing);

    internal static Expectation AtLeast(string key, string what, double low, Bearing bearing = Bearing.Supports)
        => new(key, what, "at least " + LabNumber.Text(low), low, double.PositiveInfinity, bearing);

    internal static Expectation Between(string key, string what, double low, double high, Bearing bearing = Bearing.Supports)
        => new(key, what, $"{LabNumber.Text(low)} to {LabNumber.Text(high)}", low, high, bearing);

    /// <summary>A time: reported, never judged.</summary>
    internal static Expectation Time(string key, string what, string expected)
        => new(key, what, expected, double.NegativeInfinity, double.PositiveInfinity, Bearing.Informs) { IsTime = true };

    /// <summary>A number without an expectation.</summary>
    internal static Expectation Note(string key, string what)
        => new(key, what, "", double.NegativeInfinity, double.PositiveInfinity, Bearing.Informs);
}

/// <summary>Numbers as pages and tables show them.</summary>
internal static class LabNumber
{
    /// <summary>Whole numbers in full, others with four digits that count.</summary>
    public static string Text(double value)
    {
        if (double.IsNaN(value)) return "not finite";
        if (double.IsInfinity(value)) return value > 0 ? "∞" : "−∞";
        if (value == Math.Floor(value) && Math.Abs(value) < 1e15) return value.ToString("N0", CultureInfo.InvariantCulture).Replace('-',
            '−');
        double size = Math.Abs(value);
        string text = size is >= 1e-3 and < 1e6
            ? value.ToString(size >= 1000 ? "N1" : "G4", CultureInfo.InvariantCulture)
            : value.ToString("0.##e0", CultureInfo.InvariantCulture);
        return text.Replace('-', '−');
    }
}
