using Heed.Testing;

namespace Heed.Verification.Tests.Tasks;

public sealed class TaskVerificationTests
{
    private static string Folder => Path.Combine(Repository.Goldens, "pipelines");

    [Fact]
    public void Every_row_of_the_reference_is_reproduced()
    {
        string minilm = Path.Combine(Environment.GetEnvironmentVariable("HEED_SHARED") ?? "", "models", "all-MiniLM-L6-v2");
        TaskResults results = TaskVerification.Run(Folder, Directory.Exists(minilm) ? minilm : null);
        Assert.Empty(results.Results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}"));
        // Rows of the published model need $HEED_SHARED, the folder with it.
        Assert.All(results.NotRun, what => Assert.EndsWith(": all-MiniLM-L6-v2", what, StringComparison.Ordinal));
        Assert.Equal(Directory.Exists(minilm) ? 831 : 831 - results.NotRun.Count, results.Results.Count);
    }
}
