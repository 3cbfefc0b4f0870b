namespace Heed.Training.Schedules;

/// <summary>A linear rise, then a polynomial fall to a final rate, which stays.</summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="Warmup">Steps of the rise.</param>
/// <param name="Total">Steps of the whole run.</param>
/// <param name="Power">Exponent of what is left of the run.</param>
/// <param name="End">Final rate.</param>
internal sealed record PolynomialSchedule(double Peak, long Warmup, long Total, double Power = 1, double End = 1e-7) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step)
    {
        if (step < Warmup) return Peak * Warm(step, Warmup);
        if (step > Total) return End;
        double left = 1 - ((double)(step - Warmup) / Math.Max(1, Total - Warmup));
        return ((Peak - End) * Math.Pow(left, Power)) + End;
    }
}
