using System.Collections.Concurrent;
using Heed.Engine.Runtime;
using Heed.Generation;
using Heed.Testing;

namespace Heed.Lab.Tests;

/// <summary>What trains nothing: each comes out as it was found, and with the same bits on one thread and two.</summary>
public sealed class QuickExperimentTests
{
    /// <summary>The verdicts that the documentation prints. Another one is a finding: of a fault, or about the claim.</summary>
    private static readonly Dictionary<string, Verdict> Found = new(StringComparer.Ordinal)
    {
        ["dot-products"] = Verdict.Holds,
        ["saturation"] = Verdict.HoldsIf,
        ["permuted-words"] = Verdict.HoldsIf,
        ["sinusoids"] = Verdict.Holds,
        ["attention-growth"] = Verdict.HoldsIf,
        ["recurrence-cost"] = Verdict.Holds,
        ["path-length"] = Verdict.HoldsIf,
        ["direct-attention"] = Verdict.HoldsIf,
        ["head-parameters"] = Verdict.HoldsIf,
        ["head-rank"] = Verdict.HoldsIf,
        ["collapse"] = Verdict.Holds,
        ["residual-gradient"] = Verdict.HoldsIf,
        ["norm-placement"] = Verdict.Holds,
        ["norm-scale"] = Verdict.HoldsIf,
        ["causal-mask"] = Verdict.Holds,
        ["mask-after-softmax"] = Verdict.DoesNotHold,
        ["only-the-mask"] = Verdict.DoesNotHold,
        ["span-corruption"] = Verdict.Holds,
        ["sums"] = Verdict.Holds,
        ["linear-recall"] = Verdict.DoesNotHold,
        ["parallel-tokens"] = Verdict.HoldsIf,
        ["weight-tying"] = Verdict.Holds,
        ["named-sizes"] = Verdict.HoldsIf,
    };

    /// <summary>Numbers that came out otherwise than expected; the experiment's page says why.</summary>
    private static readonly string[] Departures = ["collapse/residual_12"];

    private static readonly ConcurrentDictionary<string, ExperimentResult> Ran = new(StringComparer.Ordinal);

    public static TheoryData<string> Names => [.. Found.Keys];

    [Fact]
    public void Every_quick_experiment_has_its_verdict_here()
        => Assert.Equal(
            Experiments.Quick.Select(e => e.Name).Where(n => n is not ("contextual-vectors" or "head-ablation")).Order(),
            Found.Keys.Order());

    [Theory, MemberData(nameof(Names))]
    public void A_quick_experiment_measures_what_was_expected(string name)
    {
        ExperimentResult result = OnTwoThreads(name);
        Assert.Equal(Found[name], result.Verdict);
        Assert.All(result.Measurements.Where(m => !Departures.Contains($"{name}/{m.Expectation.Key}")), m => Assert.True(m.IsAsExpected, $"{m.Expectation.What}: {m.Median}, expected {m.Expectation.Expected}"));
        Assert.NotEmpty(result.Measurements);
    }

    [Theory, MemberData(nameof(Names))]
    public void One_thread_gives_the_same_bits_as_two(string name)
    {
        ExperimentResult two = OnTwoThreads(name), one = On(name, 1);
        Assert.Equal(two.Measurements.Select(m => BitConverter.DoubleToInt64Bits(m.Values[0])), one.Measurements.Select(m => BitConverter.DoubleToInt64Bits(m.Values[0])));
        Assert.Equal(two.Points, one.Points);
    }

    [Theory]
    [InlineData("contextual-vectors")]
    [InlineData("head-ablation")]
    public void An_experiment_that_needs_a_model_says_so(string name)
    {
        ExperimentResult result = Experiments.Run(Experiments.Named(name));
        Assert.Equal(Verdict.Undecided, result.Verdict);
        Assert.Contains("--model", result.VerdictText, StringComparison.Ordinal);
    }

    [Fact]
    public void Heads_of_the_small_model_are_silenced_one_by_one()
    {
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Root, "samples", "stories", "model"));
        ExperimentResult result = Experiments.Run(Experiments.Named("head-ablation"), new LabOptions { Seeds = [1], Model = model });
        Assert.Equal(Verdict.DoesNotHold, result.Verdict);
        Assert.Equal(16, result.Measurements.Single(m => m.Expectation.Key == "heads").Median);
        // Texts of the model's own: their loss is its entropy, near the held-out loss of its training (0.76).
        Assert.InRange(result.Measurements.Single(m => m.Expectation.Key == "loss").Median, 0.6, 0.9);
    }

    [SharedFact]
    public void Experiments_run_on_a_loaded_model()
    {
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"));
        LabOptions options = new() { Seeds = [1], Model = model };
        ExperimentResult bank = Experiments.Run(Experiments.Named("contextual-vectors"), options);
        Assert.Equal(Verdict.Holds, bank.Verdict);
        Assert.Equal("all-MiniLM-L6-v2", bank.Model);
        ExperimentResult sums = Experiments.Run(Experiments.Named("sums"), options);
        Assert.Equal(Verdict.Holds, sums.Verdict);
        Assert.Equal(6, sums.Measurements.Single(m => m.Expectation.Key == "layers").Median);
    }

    private static ExperimentResult OnTwoThreads(string name) => Ran.GetOrAdd(name, n => On(n, 2));

    private static ExperimentResult On(string name, int threads)
    {
        using ComputeContext context = new(new ComputeOptions { Threads = threads });
        using ContextScope entered = context.Enter();
        return Experiments.Run(Experiments.Named(name), new LabOptions { Seeds = [1] });
    }
}
