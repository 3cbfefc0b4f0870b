using Heed.Testing;
using Heed.Verification;

namespace Heed.Inspection.Tests;

/// <summary>Every quantity of the reference's folder, within its tolerances (goldens/inspection/README.md).</summary>
public sealed class GoldenTests
{
    public static TheoryData<string, int> Models => new()
    {
        { "gpt2", 185 }, { "openai-gpt", 115 }, { "llama", 189 }, { "qwen3", 221 }, { "bloom-alibi", 193 }, { "bert-mlm", 199 },
            { "roberta-mlm", 199 },
        { "distilbert-mlm", 197 }, { "bert-sequence", 187 }, { "t5", 468 }, { "bart", 502 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_quantity_equals_the_reference(string model, int rows)
    {
        IReadOnlyList<VerificationResult> results =
            InspectionVerification.Run(Path.Combine(Repository.Goldens, "inspection", model), null, TestContext.Current.CancellationToken);
        string[] off = [.. results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}")];
        Assert.True(off.Length == 0, $"{off.Length} of {results.Count}:\n{string.Join('\n', off)}");
        Assert.Equal(rows, results.Count);
    }
}
