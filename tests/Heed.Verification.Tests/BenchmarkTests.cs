using Heed.Testing;
using Heed.Verification.Benchmarks;

namespace Heed.Verification.Tests;

/// <summary>The works of heed bench: their names, what is asked for, and that the small ones give true figures.</summary>
public class BenchmarkTests
{
    [Fact]
    public void Each_work_has_a_name_of_its_own_and_each_ratio_two_works()
    {
        string[] names = [.. WorkList.All.Select(w => w.Name)];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.All(WorkList.Ratios, r =>
        {
            Assert.Contains(r.Above, names);
            Assert.Contains(r.Below, names);
        });
    }

    [Fact]
    public void A_name_selects_its_group_and_an_unknown_one_is_refused()
    {
        Assert.All(BenchmarkSuite.Select(["encode/minilm"]), w => Assert.StartsWith("encode/minilm/", w.Name, StringComparison.Ordinal));
        Assert.Equal(3, BenchmarkSuite.Select(["encode/minilm"]).Count);
        Assert.DoesNotContain(BenchmarkSuite.Select([]), w => w.OnlyIfNamed);
        InputException error = Assert.Throws<InputException>(() => BenchmarkSuite.Select(["encode/mini"]));
        Assert.Contains("\"encode/mini\" is unknown", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Operations_are_the_useful_ones()
    {
        // BERT-base: 85,054,464 values without biases and norms in its products are 84,934,656; attention sees all pairs.
        Assert.Equal(
            (2.0 * 84_934_656 * 1024) + (8 * 12 * 4.0 * 768 * 128 * 128),
            BenchmarkModels.EncoderOperations(BenchmarkModels.BertBase, Enumerable.Repeat(128, 8)));
        Assert.Equal(2048, BenchmarkSuite.Select(["padded/mixed-8-128"]).Single().Prepare().With(step => step.Units));
    }

    [Fact]
    public void A_small_work_is_measured_and_profiled()
    {
        BenchmarkWork work = BenchmarkSuite.Select(["encode/minilm/1x32"]).Single();
        BenchmarkResult result = Assert.Single(BenchmarkSuite.Run([work], 0.01, TestContext.Current.CancellationToken));
        Assert.True(result.Best >= result.Median && result.Median > 0 && result.Repetitions >= 3);
        Assert.True(result.OfPeak > 0 && result.OfBandwidth is null && result.ResidentBytes > 0);
        BenchmarkProfile profile = BenchmarkSuite.Profile(work, 0.01);
        // Six layers with four projections each beside the two of the feed-forward part.
        Assert.Equal(24.0, profile.Ops.Single(op => op.Name == "product 32×384→384").Calls / (double)profile.Steps);
    }
}

internal static class Disposables
{
    /// <summary>A figure of what is disposed afterwards.</summary>
    public static TResult With<T, TResult>(this T disposable, Func<T, TResult> read)
        where T : IDisposable
    {
        using (disposable) return read(disposable);
    }
}
