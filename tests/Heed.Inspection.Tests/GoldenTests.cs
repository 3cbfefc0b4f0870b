using Heed.Testing;
using Heed.Verification;

namespace Heed.Inspection.Tests;

/// <summary>Every quantity of the reference's folder, within its tolerances (goldens/inspection/README.md).</summary>
public sealed class GoldenTests
{
    public static TheoryData<string, int> Models => new()
    {
        { "gpt2", 0 }, { "openai-gpt", 0 }, { "llama", 0 }, { "qwen3", 0 }, { "bloom-alibi", 0 }, { "bert-mlm", 0 }, { "roberta-mlm", 0 },
        { "distilbert-mlm", 0 }, { "bert-sequence", 0 }, { "t5", 0 }, { "bart", 0 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_quantity_equals_the_reference(string model, int rows)
    {
        IReadOnlyList<VerificationResult> results = InspectionVerification.Run(Path.Combine(Repository.Goldens, "inspection", model), null, TestContext.Current.CancellationToken);
        string[] off = [.. results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}")];
        Assert.True(off.Length == 0, $"{off.Length} of {results.Count}:\n{string.Join('\n', off)}");
        Assert.Equal(rows, results.Count);
    }
}
