namespace Heed.Training.Schedules;

/// <summary>A linear rise to the peak, then peak · √(warm-up / step).</summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="Warmup">Steps of the rise; 0 means 10,000 as the time scale without a rise.</param>
/// <remarks>Raffel et al. 2019, §3.1.2.</remarks>
internal sealed record InverseSquareRootSchedule(double Peak, long Warmup) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step)
    {
        if (step < Warmup) return Peak * Warm(step, Warmup);
        long scale = Warmup == 0 ? 10_000 : Warmup;
        return Peak / Math.Sqrt((double)(step + scale - Warmup) / scale);
    }
}
