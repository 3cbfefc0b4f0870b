using Heed.Lab.Reports;
using Heed.Testing;

namespace Heed.Lab.Tests;

/// <summary>What trains or counts memory: the short ones run here, of the others the stored results are held to their verdicts.</summary>
public sealed class TrainedExperimentTests
{
    [Theory]
    [InlineData("attention-memory")]
    [InlineData("checkpointing")]
    public void Counted_memory_comes_out_as_expected(string name)
    {
        ExperimentResult result = Experiments.Run(Experiments.Named(name), new LabOptions { Seeds = [1] });
        Assert.Equal(Verdict.Holds, result.Verdict);
        Assert.All(result.Measurements, m => Assert.True(m.IsAsExpected, $"{m.Expectation.What}: {m.Median}, expected {m.Expectation.Expected}"));
    }

    /// <summary>The verdicts that the pages print.</summary>
    [Theory]
    [InlineData("head-ablation", Verdict.DoesNotHold)]
    [InlineData("head-relations", Verdict.DoesNotHold)]
    [InlineData("induction-heads", Verdict.Holds)]
    [InlineData("induction-ablation", Verdict.Holds)]
    [InlineData("unscaled-training", Verdict.HoldsIf)]
    [InlineData("no-positions", Verdict.DoesNotHold)]
    [InlineData("extrapolation", Verdict.HoldsIf)]
    [InlineData("norm-warmup", Verdict.DoesNotHold)]
    [InlineData("future-leak", Verdict.Holds)]
    [InlineData("attention-memory", Verdict.Holds)]
    [InlineData("checkpointing", Verdict.Holds)]
    [InlineData("window-reach", Verdict.HoldsIf)]
    [InlineData("fact-storage", Verdict.DoesNotHold)]
    [InlineData("forgetting", Verdict.HoldsIf)]
    public void A_stored_result_has_its_verdict(string name, Verdict verdict)
    {
        ExperimentResult result = LabPages.Read(Path.Combine(Repository.Root, "docs", "lab")).Single(r => r.Experiment.Name == name);
        Assert.Equal(verdict, result.Verdict);
        Assert.Equal([1, 2, 3], result.Seeds);
    }
}
