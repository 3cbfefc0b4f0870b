using System.Text.Json;
using System.Text.Json.Nodes;
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
        Assert.Equal(831, results.Results.Count + results.NotRun.Count);
        // Four rows are of a published model, which is not in this repository.
        Assert.Equal(Directory.Exists(minilm) ? 0 : 4, results.NotRun.Count);
        Assert.All(results.NotRun, what => Assert.EndsWith(": all-MiniLM-L6-v2", what, StringComparison.Ordinal));
    }

    [Fact]
    public void A_value_that_departs_is_found_in_each_kind_of_row()
    {
        HashSet<string> kinds = new(StringComparer.Ordinal);
        using TemporaryFolder folder = new();
        Directory.CreateSymbolicLink(folder.File("models"), Path.Combine(Folder, "models"));
        foreach (string file in Directory.EnumerateFiles(Folder, "*.jsonl", SearchOption.AllDirectories))
        {
            foreach (JsonNode row in File.ReadLines(file).Select(l => JsonNode.Parse(l)!))
            {
                if (row["model"]?.GetValue<string>() == "all-MiniLM-L6-v2" || !kinds.Add(row["task"]!.GetValue<string>())) continue;
                string changed = Change(row);
                File.WriteAllText(folder.File("rows.jsonl"), row.ToJsonString() + "\n");
                VerificationResult result = Assert.Single(TaskVerification.Run(folder.Path).Results);
                Assert.False(result.Passed, $"{result.Case}: {changed}");
                Assert.StartsWith(changed, result.Detail, StringComparison.Ordinal);
            }
        }

        Assert.True(kinds.Count >= 29, $"{kinds.Count}");
    }

    [Theory]
    [InlineData("""{"task": "unheard", "model": "bert-mlm"}""", "'unheard' is no task of this version")]
    [InlineData("""{"task": "fill-mask", "model": "bert-mlm", "inputs": "no mask", "settings": {}, "output": []}""", "failed: The text has no [MASK]")]
    [InlineData("""{"task": "fill-mask", "model": "bert-disputes", "inputs": "a [MASK]", "settings": {}, "output": []}""", "failed: ")]
    [InlineData("""{"task": "fill-mask", "model": "bert-mlm"}""", "the case cannot be read: ")]
    [InlineData("""{"task": "fill-mask", "model": "../bert-mlm", "inputs": "a [MASK]", "output": []}""", "the case cannot be read: '../bert-mlm' is no name of a model")]
    public void A_row_that_cannot_be_compared_fails_with_the_reason(string row, string detail)
    {
        using TemporaryFolder folder = new();
        Directory.CreateSymbolicLink(folder.File("models"), Path.Combine(Folder, "models"));
        File.WriteAllText(folder.File("rows.jsonl"), row + "\n");
        VerificationResult result = Assert.Single(TaskVerification.Run(folder.Path).Results);
        Assert.False(result.Passed);
        Assert.StartsWith(detail, result.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_whose_model_is_not_at_hand_is_counted_and_a_line_that_is_no_object_is_an_error()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("models"));
        File.WriteAllText(folder.File("fill-mask.jsonl"), """{"task": "fill-mask", "model": "published", "inputs": "", "output": []}""" + "\n");
        Assert.True(TaskVerification.IsRows(folder.Path));
        TaskResults results = TaskVerification.Run(folder.Path);
        Assert.Empty(results.Results);
        Assert.Equal("fill-mask (fill-mask, line 1): published", Assert.Single(results.NotRun));
        File.WriteAllText(folder.File("fill-mask.jsonl"), "[1]\n");
        Assert.Contains("line 1", Assert.Throws<InvalidFileException>(() => TaskVerification.Run(folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(folder.File("fill-mask.jsonl"), "\n");
        Assert.Throws<InvalidFileException>(() => TaskVerification.Run(folder.Path));
    }

    /// <summary>Moves a number or text of what the reference gave; returns its place.</summary>
    private static string Change(JsonNode row)
    {
        foreach (string name in (string[])["output", "features", "blocks", "labels", "words", "batch", "tokens_length"])
        {
            if (row[name] is not { } given) continue;
            Assert.True(Move(given));
            return name;
        }

        throw new InvalidOperationException("The row has nothing to change.");
    }

    private static bool Move(JsonNode node)
    {
        if (node is JsonArray list) return list.Any(n => n is not null && Move(n));
        if (node is JsonObject map) return map.ToArray().Any(p => p.Value is not null && Move(p.Value));
        if (node.GetValueKind() is JsonValueKind.True or JsonValueKind.False) return false;
        node.ReplaceWith(node.GetValueKind() == JsonValueKind.String ? JsonValue.Create(node.GetValue<string>() + "x")
            : JsonValue.Create((node.AsValue().GetValue<double>() * 1.01) + 1e-3));
        return true;
    }
}
