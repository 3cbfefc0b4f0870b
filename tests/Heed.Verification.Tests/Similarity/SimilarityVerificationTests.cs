using Heed.Testing;

namespace Heed.Verification.Tests.Similarity;

public class SimilarityVerificationTests
{
    private static string Golden => Path.Combine(Repository.Goldens, "similarity");

    [Fact]
    public void Every_case_of_the_reference_is_met()
    {
        IReadOnlyList<VerificationResult> results = SimilarityVerification.Run(Golden);
        Assert.True(results.Count >= 193, $"only {results.Count} cases");
        Assert.Equal(5, results.Count(r => r.Case.StartsWith("pretraining ", StringComparison.Ordinal)));
        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}"));
    }

    [Fact]
    public void A_case_that_departs_is_named()
    {
        using TemporaryFolder folder = new();
        foreach (string name in new[] { "losses.json", "losses.safetensors" }) File.Copy(Path.Combine(Golden, name), folder.File(name));
        string json = File.ReadAllText(folder.File("losses.json"));
        File.WriteAllText(folder.File("losses.json"), json.Replace("\"mnrl.cosine20\": {\"similarity\": \"cosine\", \"scale\": "
            + "20", "\"mnrl.cosine20\": {\"similarity\": \"cosine\", \"scale\": 21", StringComparison.Ordinal));
        VerificationResult off = Assert.Single(SimilarityVerification.Run(folder.Path), r => !r.Passed);
        Assert.Equal("losses mnrl.cosine20", off.Case);
        Assert.Contains("output is", off.Detail, StringComparison.Ordinal);
    }
}
