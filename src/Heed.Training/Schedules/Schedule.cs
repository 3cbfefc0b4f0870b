namespace Heed.Training.Schedules;

/// <summary>The learning rate of each optimizer step.</summary>
public abstract record Schedule
{
    /// <summary>The rate of a step.</summary>
    /// <param name="step">Number of the step, from 0.</param>
    public abstract double Rate(long step);

    /// <summary>The names that <see cref="Create"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "cosine_with_min_lr", "polynomial", "inverse_sqrt", "warmup_stable_decay"];

    /// <summary>A schedule by Hugging Face's name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="peak">Highest rate.</param>
    /// <param name="warmup">Steps over which the rate rises from 0.</param>
    /// <param name="total">Steps of the whole run.</param>
    /// <param name="minimumRatio">Lowest rate as a part of the peak, where the schedule has one.</param>
    /// <exception cref="ConfigException">The name is unknown.</exception>
    public static Schedule Create(string name, double peak, long warmup, long total, double minimumRatio = 0) => name switch
    {
        "constant" => new ConstantSchedule(peak),
        "constant_with_warmup" => new ConstantSchedule(peak, warmup),
        "linear" => new LinearSchedule(peak, warmup, total),
        "cosine" => new CosineSchedule(peak, warmup, total),
        "cosine_with_restarts" => new CosineRestartsSchedule(peak, warmup, total, 1),
        "cosine_with_min_lr" => new CosineSchedule(peak, warmup, total, minimumRatio),
        "polynomial" => new PolynomialSchedule(peak, warmup, total, 1, peak * minimumRatio),
        "inverse_sqrt" => new InverseSquareRootSchedule(peak, warmup),
        "warmup_stable_decay" => new WarmupStableDecaySchedule(peak, warmup, total, Math.Max(1, total / 10), minimumRatio),
        _ => throw new ConfigException($"schedule: \"{Printable.Shorten(name)}\" is unknown; one of {string.Join(", ", Names)} was expected."),
    };

    /// <summary>The schedule of the Transformer of 2017: factor · D^−0.5 · min(step^−0.5, step · warmup^−1.5).</summary>
    /// <param name="width">D, width of the residual stream.</param>
    /// <param name="warmup">Steps over which the rate rises.</param>
    /// <param name="factor">Multiplies every rate.</param>
    /// <remarks>Vaswani et al. 2017, §5.3.</remarks>
    public static Schedule Noam(int width, long warmup = 4000, double factor = 1) => new NoamSchedule(width, warmup, factor);

    /// <summary>t / warmup while the rate rises: 0 at step 0.</summary>
    protected static double Warm(long step, long warmup) => (double)step / Math.Max(1, warmup);
}
