namespace Heed.Training.Schedules;

/// <summary>A linear rise to the peak, then a linear fall to 0 at the end.</summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="Warmup">Steps of the rise.</param>
/// <param name="Total">Steps of the whole run.</param>
/// <remarks>Devlin et al. 2018, §A.2.</remarks>
internal sealed record LinearSchedule(double Peak, long Warmup, long Total) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step) => Peak * (step < Warmup ? Warm(step, Warmup) : Math.Max(0, (double)(Total - step) / Math.Max(1, Total - Warmup)));
}
