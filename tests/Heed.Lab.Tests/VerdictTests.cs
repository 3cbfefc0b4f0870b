using Heed.Lab.Reports;
using Heed.Testing;

namespace Heed.Lab.Tests;

/// <summary>The verdict comes from bounds and values alone; results and pages say the same.</summary>
public sealed class VerdictTests
{
    private static readonly Experiment Any = Experiments.Named("dot-products");

    [Theory]
    [InlineData(Bearing.Supports, 1, 1, Verdict.Holds)]
    [InlineData(Bearing.Supports, 9, 9, Verdict.DoesNotHold)]
    [InlineData(Bearing.Supports, 1, 9, Verdict.Undecided)]
    [InlineData(Bearing.Refutes, 1, 1, Verdict.DoesNotHold)]
    [InlineData(Bearing.Refutes, 9, 9, Verdict.Holds)]
    [InlineData(Bearing.Limits, 1, 1, Verdict.HoldsIf)]
    [InlineData(Bearing.Limits, 9, 9, Verdict.Holds)]
    [InlineData(Bearing.Limits, 9, 1, Verdict.Undecided)]
    [InlineData(Bearing.Informs, 1, 1, Verdict.Undecided)]
    [InlineData(Bearing.Supports, double.NaN, double.NaN, Verdict.DoesNotHold)]
    public void A_verdict_follows_from_bounds(Bearing bearing, double first, double second, Verdict expected)
    {
        Measurement measured = new(Expectation.Between("x", "x", 0, 2, bearing), [first, second]);
        Assert.Equal(expected, new ExperimentResult(Any, [1, 2], [measured]).Verdict);
    }

    [Fact]
    public void A_number_that_only_informs_decides_nothing()
    {
        Measurement needed = new(Expectation.AtLeast("a", "a", 1), [2, 3]), other = new(Expectation.AtLeast("b", "b", 1, Bearing.Informs), [0, 3]);
        Assert.Equal(Verdict.Holds, new ExperimentResult(Any, [1, 2], [needed, other]).Verdict);
    }

    [Fact]
    public void The_median_counts_what_diverged_as_largest()
    {
        Assert.Equal(3, new Measurement(Expectation.Note("x", "x"), [double.NaN, 1, 3]).Median);
        Assert.True(double.IsNaN(new Measurement(Expectation.Note("x", "x"), [double.NaN, double.NaN, 3]).Median));
    }

    [Fact]
    public void Every_experiment_says_beforehand_what_it_claims_and_expects()
    {
        Assert.Equal(Experiments.All.Count, Experiments.All.Select(e => e.Number).Distinct().Count());
        Assert.Equal(Experiments.All.Count, Experiments.All.Select(e => e.Name).Distinct().Count());
        foreach (Experiment e in Experiments.All)
        {
            Assert.All((string[])[e.Name, e.Claim, e.Form, e.Measure, e.Refutation, e.Source], t => Assert.False(string.IsNullOrWhiteSpace(t), e.Name));
            Assert.Contains(e.Expectations, x => x.Bearing != Bearing.Informs);
            Assert.Equal(e.Expectations.Any(x => x.Bearing == Bearing.Limits), e.Condition.Length > 0);
            Assert.Equal(e.Expectations.Count, e.Expectations.Select(x => x.Key).Distinct().Count());
        }
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_nearest()
        => Assert.Contains("\"saturation\"", Assert.Throws<UsageException>(() => Experiments.Named("saturatoin")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_result_survives_its_file()
    {
        using TemporaryFolder folder = new();
        ExperimentResult result = Experiments.Run(Experiments.Named("mask-after-softmax"), new LabOptions { Seeds = [1, 2] });
        ResultFile.Save(folder.Path, result);
        ExperimentResult read = ResultFile.Read(folder.File("24-mask-after-softmax.json"));
        Assert.Equal(result.Measurements.Select(m => (m.Expectation, m.Values[0], m.Values[1])), read.Measurements.Select(m => (m.Expectation, m.Values[0], m.Values[1])));
        Assert.Equal(result.Points, read.Points);
        Assert.Equal(result.VerdictText, read.VerdictText);
        File.WriteAllText(folder.File("other.json"), """{"name": "nothing"}""");
        Assert.Contains("other.json", Assert.Throws<InvalidFileException>(() => ResultFile.Read(folder.File("other.json"))).Message, StringComparison.Ordinal);
    }

    /// <summary>docs/lab is what <c>heed lab report docs/lab</c> writes from docs/lab/results; nobody edits it by hand.</summary>
    [Fact]
    public void The_pages_are_those_of_the_results()
    {
        string folder = Path.Combine(Repository.Root, "docs", "lab");
        IReadOnlyDictionary<string, string> pages = LabPages.Of(LabPages.Read(folder));
        foreach ((string name, string text) in pages) Assert.Equal(text, File.ReadAllText(Path.Combine(folder, name)).ReplaceLineEndings("\n"));
        string[] there = [.. Directory.GetFiles(folder, "*.*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f).Replace('\\', '/'))];
        Assert.Equal(pages.Keys.Order(StringComparer.Ordinal), there.Where(f => !f.StartsWith("results/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    /// <summary>The quick ones are all there; each result's own verdict is what its values say.</summary>
    [Fact]
    public void Every_quick_experiment_has_a_result()
    {
        IReadOnlyList<ExperimentResult> results = LabPages.Read(Path.Combine(Repository.Root, "docs", "lab"));
        Assert.Empty(Experiments.Quick.Select(e => e.Name).Except(results.Select(r => r.Experiment.Name)));
        Assert.All(results, r => Assert.True(r.Seeds.Count >= 3, r.Experiment.Name));
    }
}
