namespace Heed.Training.Schedules;

/// <summary>width^−½ · min(t^−½, t · warm-up^−1.5), with t counted from 1: the 2017 Transformer's.</summary>
/// <param name="Width">D.</param>
/// <param name="Warmup">Steps of the rise.</param>
/// <param name="Factor">Multiplies the whole.</param>
/// <remarks>Vaswani et al. 2017, §5.3.</remarks>
internal sealed record NoamSchedule(int Width, long Warmup = 4000, double Factor = 1) : Schedule
{
    /// <inheritdoc/>
    public override double Rate(long step)
    {
        double t = step + 1;
        return Factor / Math.Sqrt(Width) * Math.Min(1 / Math.Sqrt(t), t * Math.Pow(Warmup, -1.5));
    }
}
