using System.Text.Json.Nodes;
using Heed.Testing;

namespace Heed.Verification.Tests.Metrics;

public sealed class MetricVerificationTests
{
    private static string Folder => Path.Combine(Repository.Goldens, "metrics");

    [Fact]
    public void Every_row_of_the_reference_is_reproduced()
    {
        IReadOnlyList<VerificationResult> results = MetricVerification.Run(Folder);
        Assert.Equal(472, results.Count);
        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}"));
    }

    [Fact]
    public void A_number_that_departs_is_found_in_each_kind_of_row()
    {
        foreach (IGrouping<string, JsonNode> kind in File.ReadLines(Path.Combine(Folder,
            "metrics.jsonl")).Select(l => JsonNode.Parse(l)!).GroupBy(n => n["metric"]!.GetValue<string>()))
        {
            JsonNode row = kind.First();
            Assert.True(Change(row["score"]!), kind.Key);
            using TemporaryFolder folder = new();
            File.WriteAllText(folder.File("metrics.jsonl"), row.ToJsonString() + "\n");
            VerificationResult result = Assert.Single(MetricVerification.Run(folder.Path));
            Assert.False(result.Passed, kind.Key);
            Assert.StartsWith("score.", result.Detail, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"metric": "unheard", "score": {}}""", "'unheard' is no measure of this version")]
    [InlineData("""{"metric": "chrf", "predicted": ["a"], "score": {"chrf2": 100.0}}""", "the case cannot be read: ")]
    [InlineData("""{"metric": "perplexity", "documents": [], "score": {"tokens": 0, "mean_nats": null, "perplexity": null, "bits_per_token": null}}""", "score.bits_per_byte is computed, but the reference does not have it")]
    [InlineData("""{"metric": "squad", "predicted": "a", "answers": [], "score": {"exact": 1.0, "f1": 1.0}}""", "failed: There is no answer")]
    public void A_row_that_cannot_be_compared_fails_with_the_reason(string row, string detail)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("metrics.jsonl"), row + "\n");
        VerificationResult result = Assert.Single(MetricVerification.Run(folder.Path));
        Assert.False(result.Passed);
        Assert.StartsWith(detail, result.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_that_is_no_object_and_an_empty_file_are_errors_of_the_file()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("metrics.jsonl"), "[1]\n");
        Assert.Contains("line 1", Assert.Throws<InvalidFileException>(() => MetricVerification.Run(folder.Path)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(folder.File("metrics.jsonl"), "\n");
        Assert.Throws<InvalidFileException>(() => MetricVerification.Run(folder.Path));
    }

    /// <summary>Moves the first number or text of a score.</summary>
    private static bool Change(JsonNode node)
    {
        if (node is JsonArray list) return list.Any(n => n is not null && Change(n));
        if (node is JsonObject map) return map.ToArray().Any(p => p.Value is not null && Change(p.Value));
        node.ReplaceWith(node.GetValueKind() == System.Text.Json.JsonValueKind.String ? JsonValue.Create(node.GetValue<string>() + "x")
            : JsonValue.Create((node.AsValue().GetValue<double>() * 1.001) + 1e-5));
        return true;
    }
}
