namespace Heed.Training.Schedules;

/// <summary>A linear rise to the peak, then half a cosine down to a minimum. After the last step the cosine goes on, and the rate rises again.</summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="Warmup">Steps of the rise.</param>
/// <param name="Total">Steps of the whole run.</param>
/// <param name="MinimumRatio">Lowest rate as a part of the peak.</param>
/// <remarks>Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts; GPT-3 uses a minimum of 0.1.</remarks>
internal sealed record CosineSchedule(double Peak, long Warmup, long Total, double MinimumRatio = 0) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step)
    {
        if (step < Warmup) return Peak * Warm(step, Warmup);
        double progress = (double)(step - Warmup) / Math.Max(1, Total - Warmup);
        double factor = 0.5 * (1 + Math.Cos(Math.PI * progress));
        return Peak * Math.Max(0, (factor * (1 - MinimumRatio)) + MinimumRatio);
    }
}
