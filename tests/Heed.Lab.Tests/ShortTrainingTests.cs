using Heed.Engine.Runtime;
using Heed.Generation;
using Heed.Testing;

namespace Heed.Lab.Tests;

/// <summary>What trains, with a step or two: every number is measured, and has the same bits on one thread and two.</summary>
public sealed class ShortTrainingTests
{
    [Theory]
    [InlineData("fact-storage")]
    [InlineData("fact-capacity")]
    [InlineData("fixed-vector")]
    [InlineData("label-smoothing")]
    [InlineData("objectives")]
    [InlineData("model-scaling")]
    [InlineData("position-kinds")]
    [InlineData("forgetting")]
    [InlineData("emergence")]
    public void A_short_training_measures_everything(string name) => Measure(name, null, 2);

    [SharedFact]
    public void A_short_finetuning_measures_everything()
    {
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"));
        foreach (string name in (string[])["finetuning-warmup", "attention-relevance", "dropout-left-on"]) Measure(name, model, 1);
    }

    [Theory]
    [InlineData("pretraining")]
    [InlineData("finetuning-warmup")]
    [InlineData("attention-relevance")]
    [InlineData("dropout-left-on")]
    public void What_needs_an_encoder_says_so(string name)
        => Assert.Contains("--model all-MiniLM-L6-v2", Experiments.Run(Experiments.Named(name)).VerdictText, StringComparison.Ordinal);

    private static void Measure(string name, HeedModel? model, int steps)
    {
        Experiment experiment = Experiments.Named(name);
        ExperimentResult two = On(experiment, model, steps, 2), one = On(experiment, model, steps, 1);
        Assert.Equal(experiment.Expectations.Where(e => !e.IsTime).Select(e => e.Key), two.Measurements.Select(m => m.Expectation.Key));
        Assert.Equal(Bits(two), Bits(one));
    }

    private static IEnumerable<long> Bits(ExperimentResult result)
        => result.Measurements.Select(m => BitConverter.DoubleToInt64Bits(m.Values[0]));

    private static ExperimentResult On(Experiment experiment, HeedModel? model, int steps, int threads)
    {
        using ComputeContext context = new(new ComputeOptions { Threads = threads });
        using ContextScope entered = context.Enter();
        return Experiments.Run(experiment, new LabOptions { Seeds = [1], Model = model, StepLimit = steps });
    }
}
