namespace Heed.Training.Schedules;

/// <summary>A linear rise, then several half cosines, each from the peak down to 0; 0 after the last step.</summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="Warmup">Steps of the rise.</param>
/// <param name="Total">Steps of the whole run.</param>
/// <param name="Cycles">Number of half cosines.</param>
/// <remarks>Loshchilov and Hutter 2017, arXiv:1608.03983.</remarks>
internal sealed record CosineRestartsSchedule(double Peak, long Warmup, long Total, int Cycles) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step)
    {
        if (step < Warmup) return Peak * Warm(step, Warmup);
        double progress = (double)(step - Warmup) / Math.Max(1, Total - Warmup);
        return progress >= 1 ? 0 : Peak * Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (Cycles * progress % 1))));
    }
}
