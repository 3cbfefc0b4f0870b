namespace Heed.Training.Schedules;

/// <summary>A linear rise, a plateau at the peak, and half a cosine down to a minimum, which stays.</summary>
/// <param name="Peak">Highest rate.</param>
/// <param name="Warmup">Steps of the rise, which starts at the minimum.</param>
/// <param name="Total">Steps of the whole run.</param>
/// <param name="Decay">Steps of the fall.</param>
/// <param name="MinimumRatio">Lowest rate as a part of the peak.</param>
/// <remarks>Hu et al. 2024, arXiv:2404.06395 §4.</remarks>
internal sealed record WarmupStableDecaySchedule(double Peak, long Warmup, long Total, long Decay, double MinimumRatio = 0) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step)
    {
        long stable = Total - Warmup - Decay;
        if (step < Warmup) return Peak * (MinimumRatio + ((1 - MinimumRatio) * Warm(step, Warmup)));
        if (step < Warmup + stable) return Peak;
        if (step >= Warmup + stable + Decay) return Peak * MinimumRatio;
        double progress = (double)(step - Warmup - stable) / Math.Max(1, Decay);
        return Peak * (MinimumRatio + ((1 - MinimumRatio) * 0.5 * (1 + Math.Cos(Math.PI * progress))));
    }
}
