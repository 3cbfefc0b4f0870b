using System.Text.Json.Nodes;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary><c>heed fewshot</c>.</summary>
public class FewShotCommandTests
{
    private static readonly string Decoder = Path.Combine(Repository.Goldens, "pipelines", "models", "gpt2-text");
    private static readonly string Inference = Path.Combine(Repository.Goldens, "pipelines", "models", "bert-nli");

    [Fact]
    public async Task Texts_get_a_line_each_and_the_accuracy_where_labels_are_known()
    {
        using TemporaryFolder folder = new();
        (int code, string output, string error) = await Run("fewshot", Decoder, "--examples", Labelled(folder), "--input",
            Labelled(folder), "--limit", "3");
        Assert.True(code == ExitCode.Ok, error);
        JsonNode[] lines = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!)];
        Assert.Equal(3, lines.Length);
        Assert.All(lines, l => Assert.Equal(2, l["predictions"]!.AsArray().Count));
        Assert.Equal(2, lines[0]["line"]!.GetValue<int>());
        Assert.Equal(1, lines[0]["plain"]!.AsArray().Sum(p => p!["score"]!.GetValue<double>()), 1e-5);
        Assert.Contains("2 examples; accuracy ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_curve_has_right_and_shuffled_labels_and_ends_where_the_window_does()
    {
        using TemporaryFolder folder = new();
        (int code, string output, string error) = await Run("fewshot", Decoder, "--examples", Labelled(folder), "--input", Labelled(folder),
            "--limit", "4", "--curve", "--seeds", "2", "--json");
        Assert.True(code == ExitCode.Ok, error);
        JsonArray points = JsonNode.Parse(output)!["curve"]!.AsArray();
        Assert.Equal(0, points[0]!["per_label"]!.GetValue<int>());
        Assert.False(points[1]!["shuffled"]!.GetValue<bool>());
        Assert.True(points[2]!["shuffled"]!.GetValue<bool>());
        Assert.All(points, p => Assert.InRange(p!["accuracy"]!["median"]!.GetValue<double>(), 0, 1));
        Assert.Contains("too many", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_of_inference_takes_labels_and_no_examples()
    {
        using TemporaryFolder folder = new();
        string texts = folder.File("texts.txt");
        File.WriteAllLines(texts, ["Where is my parcel?", "Refund me!"]);
        (int code, string output, string error) = await Run("fewshot", Inference, "--input", texts, "--labels", "delivery,amount",
            "--json");
        Assert.True(code == ExitCode.Ok, error);
        JsonNode json = JsonNode.Parse(output)!;
        Assert.Equal(2, json["texts"]!.AsArray().Count);
        Assert.Null(json["accuracy"]);
        (code, _, error) = await Run("fewshot", Inference, "--input", texts, "--labels", "delivery,amount", "--shots", "2");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("reads no examples", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_that_is_too_long_is_refused_with_its_line()
    {
        using TemporaryFolder folder = new();
        (int code, string output, string error) = await Run("fewshot", Decoder, "--examples", Labelled(folder), "--input",
            Labelled(folder), "--shots", "40");
        Assert.Equal(ExitCode.OverBudget, code);
        Assert.Empty(output);
        Assert.Contains(" too many. ", error, StringComparison.Ordinal);
        (code, _, error) = await Run("fewshot", Decoder, "--examples", Labelled(folder), "--input", Labelled(folder), "--shots", "2",
            "--per-label", "2");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--per-label", error, StringComparison.Ordinal);
    }

    private static string Labelled(TemporaryFolder folder)
    {
        string path = folder.File("labelled.csv");
        File.WriteAllLines(path, ["text,label", .. Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? $"the parcel {i} is "
            + $"late,delivery" : $"the sum {i} is wrong,amount")]);
        return path;
    }
}
