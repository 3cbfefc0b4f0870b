namespace Heed.Training.Schedules;

/// <summary>The peak, after a linear rise where there is a warm-up.</summary>
/// <param name="Peak">The rate.</param>
/// <param name="Warmup">Steps over which it rises from 0.</param>
internal sealed record ConstantSchedule(double Peak, long Warmup = 0) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step) => step < Warmup ? Peak * Warm(step, Warmup) : Peak;
}
