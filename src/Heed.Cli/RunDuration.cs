using System.Globalization;

namespace Heed.Cli;

/// <summary>How long a run takes, in the unit that people would choose.</summary>
internal static class RunDuration
{
    /// <summary><c>45 s</c>, <c>12 min</c>, <c>3.5 h</c>, <c>2.1 days</c>.</summary>
    public static string Of(TimeSpan time) => time switch
    {
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds):0} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.0} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0.0} days"),
    };
}
