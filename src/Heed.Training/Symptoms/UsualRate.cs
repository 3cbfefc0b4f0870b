using System.Globalization;
using Heed.Training.Finetuning;

namespace Heed.Training.Symptoms;

/// <summary>A rate far above what trained weights bear, seen before the first step.</summary>
internal static class UsualRate
{
    private const double Factor = 20;
    private const long Trained = 5_000_000;

    /// <summary>A finding if all weights of a trained model are to be learned at many times the usual rate; null else.</summary>
    /// <param name="config">All decided.</param>
    /// <param name="parameters">Values of the model: small ones bear more.</param>
    /// <param name="usual">The rate that would have been decided.</param>
    public static Finding? Of(FinetuningConfig config, long parameters, double usual)
    {
        bool isWhole = config.Lora == 0 && config.Freeze.Count == 0 && config.Optimizer.StartsWith("adam", StringComparison.Ordinal);
        if (!isWhole || parameters < Trained || config.LearningRate < Factor * usual) return null;
        return new Finding(RisingLoss.RateRule, "learning_rate", string.Create(CultureInfo.InvariantCulture,
                $"is {config.LearningRate:0.0e+0}, {config.LearningRate / usual:0} times the usual {usual:0.0e+0} for all weights of a "
                    + $"model of {parameters / 1e6:0.0} M parameters"),
            "At such rates a trained encoder forgets what it knew and predicts one class for every text.",
            FormattableString.Invariant($"Set --learning-rate {usual:0.0e+0}, or train an adapter: --lora 8."));
    }
}
