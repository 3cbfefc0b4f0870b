using Heed.Training.Data;
using Heed.Training.Pretraining;
using Heed.Training.Runs;

namespace Heed.Cli;

/// <summary>What <c>heed quickstart</c> decides: a small GPT-2 that learns most from a text in a few minutes on two cores, and as many
/// steps as fit into the time.</summary>
internal static class QuickstartPlan
{
    private const int LargestVocabulary = 8192;

    /// <summary>A text is read up to this number of times: beyond it a small one is only memorised.</summary>
    private const int Epochs = 8;

    /// <summary>Everything but what depends on the machine's speed.</summary>
    /// <param name="text">A file or folder; null takes the SDK's documentation.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="minutes">How long it may train: more text than can be learned from in this time is not read.</param>
    /// <exception cref="StorageException">The text does not exist.</exception>
    public static PretrainingConfig Settings(string? text, ulong seed, double minutes) => new()
    {
        Model = "gpt2-tiny",
        // Few wide layers use a processor better than many narrow ones. A large vocabulary gives most words a token of their own: each step
        // then learns from more text, which counts for more than the dearer last layer.
        Layers = 2,
        Heads = 3,
        Width = 192,
        Data = [text ?? SdkDocumentation.Name],
        MaximumCharacters = CharactersFor(minutes),
        VocabularySize = VocabularyFor(Math.Min(CharactersFor(minutes), text is null ? long.MaxValue
            : TextFiles.Find(text).Sum(f => new FileInfo(f).Length))),
        BlockLength = 128,
        BatchSize = 4,
        LearningRate = 4e-3,
        Schedule = "linear",
        WarmupSteps = 1,
        Beta2 = 0.98,
        EvaluateEvery = 0,
        EvaluateBlocks = 64,
        SaveEvery = 0,
        HeldOut = text is null ? 0.02 : 0.05,
        Seed = seed,
    };

    /// <summary>Fixes the number of steps by the measured pace, and with it warm-up, evaluations and checkpoints.</summary>
    public static PretrainingConfig Steps(PretrainingConfig config, RunTiming timing, double minutes, int trainingTokens)
        => Steps(config, Math.Min(TimePlan.Steps(timing, minutes), MostSteps(config, trainingTokens)));

    /// <summary>Steps that read a text as often as is of use.</summary>
    public static long MostSteps(PretrainingConfig config, int trainingTokens)
    {
        long once = Math.Max(1, trainingTokens / ((long)config.BatchSize * config.BlockLength * config.Accumulation));
        return Math.Max(20, once * Epochs);
    }

    /// <summary>The settings of a number of steps: warm-up, evaluations and checkpoints follow.</summary>
    public static PretrainingConfig Steps(PretrainingConfig config, long steps) => config with
    {
        Steps = steps,
        WarmupSteps = Math.Clamp(steps / 30, 1, steps),
        EvaluateEvery = TimePlan.Every(steps, TimePlan.Evaluations),
        SaveEvery = TimePlan.Every(steps, TimePlan.Checkpoints),
    };

    /// <summary>Characters that a run of this length is given: what is read takes time too. The SDK's documentation is read whole from two
    /// minutes on.</summary>
    private static long CharactersFor(double minutes) => (long)Math.Clamp(minutes * 12_000_000, 600_000, 24_000_000);

    private static int VocabularyFor(long bytes) => bytes switch
    {
        < 200_000 => 1024,
        < 1_000_000 => 2048,
        < 4_000_000 => 4096,
        _
        => LargestVocabulary
    };
}
