using Heed.Testing;

namespace Heed.Verification.Tests.Retrieval;

public class RetrievalVerificationTests
{
    private static string Golden => Path.Combine(Repository.Goldens, "retrieval");

    [Fact]
    public void Every_case_of_the_reference_is_met()
    {
        IReadOnlyList<VerificationResult> results = RetrievalVerification.Run(Golden);
        Assert.True(results.Count >= 92, $"only {results.Count} cases");
        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}"));
    }

    [Fact]
    public void A_case_that_departs_is_named()
    {
        using TemporaryFolder folder = new();
        foreach (string name in new[] { "bm25.json", "bm25.safetensors" }) File.Copy(Path.Combine(Golden, name), folder.File(name));
        string json = File.ReadAllText(folder.File("bm25.json"));
        File.WriteAllText(folder.File("bm25.json"), json.Replace("\"method\": \"atire\", \"k1\": 1.5, \"b\": 0.0",
            "\"method\": \"atire\", \"k1\": 1.5, \"b\": 0.1", StringComparison.Ordinal));
        VerificationResult off = Assert.Single(RetrievalVerification.Run(folder.Path), r => !r.Passed);
        Assert.Equal("bm25 atire.k1.5.b0.0", off.Case);
        Assert.Contains("scores[", off.Detail, StringComparison.Ordinal);
    }
}
