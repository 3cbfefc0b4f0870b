using Heed.Testing;

namespace Heed.Verification.Tests.Retrieval;

public class WordVectorCaseTests
{
    private static string Golden => Path.Combine(Repository.Goldens, "retrieval");

    [Theory]
    [InlineData("vectors", 15)]
    [InlineData("word2vec", 20)]
    public void Every_case_of_the_reference_is_met(string part, int least)
    {
        IReadOnlyList<VerificationResult> results = Results(part);
        Assert.True(results.Count >= least, $"only {results.Count} cases");
        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}"));
    }

    private static List<VerificationResult> Results(string part)
    {
        using GoldenPart golden = GoldenPart.Open(Golden, part);
        Func<GoldenCase, string?> compare = part == "vectors" ? WordVectorCases.Compare : WordTrainingCases.Compare;
        return [.. golden.Cases.Select(c => TokenizerVerification.Check(Golden, c.Name, () => compare(c)))];
    }
}
