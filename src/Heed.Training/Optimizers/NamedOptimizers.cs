using Heed.Engine.Nn;
using Heed.Training.Runs;

namespace Heed.Training.Optimizers;

/// <summary>The engine's optimizers by name, with a run's settings.</summary>
internal static class NamedOptimizers
{
    /// <summary>The names that <see cref="Create"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["adamw", "adam", "nadam", "radam", "sgd", "rmsprop", "adagrad", "adafactor"];

    /// <summary>Refuses an unknown name.</summary>
    /// <exception cref="ConfigException">The message lists the names.</exception>
    public static void Check(TrainingConfig config)
    {
        if (Names.Contains(config.Optimizer)) return;
        string near = Printable.Nearest(config.Optimizer, Names) is { } nearest ? $"; did you mean \"{nearest}\"? One" : "; one";
        throw new ConfigException($"optimizer: \"{Printable.Shorten(config.Optimizer)}\" is unknown{near} of {string.Join(", ", Names)} "
            + "was expected.");
    }

    /// <summary>The optimizer of a run.</summary>
    /// <param name="config">Its name and settings.</param>
    /// <param name="parameters">What is trained.</param>
    /// <param name="rate">Factor of the rate of each parameter.</param>
    /// <exception cref="ConfigException">The name is unknown.</exception>
    public static Optimizer Create(TrainingConfig config, ParameterSet parameters, Func<Parameter, double> rate)
    {
        Check(config);
        return config.Optimizer switch
        {
            "adam" => new Adam(parameters)
            {
                Beta1 = config.Beta1,
                Beta2 = config.Beta2,
                Epsilon = config.Epsilon,
                WeightDecay = config.WeightDecay,
                RateFactor = rate,
            },
            "nadam" => new NAdam(parameters)
            {
                Beta1 = config.Beta1,
                Beta2 = config.Beta2,
                Epsilon = config.Epsilon,
                WeightDecay = config.WeightDecay,
                RateFactor = rate,
            },
            "radam" => new RAdam(parameters)
            {
                Beta1 = config.Beta1,
                Beta2 = config.Beta2,
                Epsilon = config.Epsilon,
                WeightDecay = config.WeightDecay,
                RateFactor = rate,
            },
            "sgd" => new Sgd(parameters) { Momentum = config.Momentum, WeightDecay = config.WeightDecay, RateFactor = rate },
            "rmsprop" => new RmsProp(parameters)
            {
                Alpha = config.Beta2,
                Epsilon = config.Epsilon,
                WeightDecay = config.WeightDecay,
                RateFactor = rate,
            },
            "adagrad" => new Adagrad(parameters) { Epsilon = config.Epsilon, WeightDecay = config.WeightDecay, RateFactor = rate },
            "adafactor" => new Adafactor(parameters) { WeightDecay = config.WeightDecay, RateFactor = rate },
            _ => new AdamW(parameters)
            {
                Beta1 = config.Beta1,
                Beta2 = config.Beta2,
                Epsilon = config.Epsilon,
                WeightDecay = config.WeightDecay,
                RateFactor = rate,
            },
        };
    }

    /// <summary>Values that an optimizer remembers for each value of the model.</summary>
    public static int RememberedValues(TrainingConfig config) => config.Optimizer switch
    {
        "sgd" => config.Momentum > 0 ? 1 : 0,
        "rmsprop" or "adagrad" => 1,
        "adafactor" => 0,   // a row and a column of each matrix
        _ => 2,
    };
}
