using System.Globalization;
using System.Text;
using System.Text.Json;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>From a configuration and a file of pairs to a model, its figures by length and its curve; baselines as a table.</summary>
public class NewModelCommandTests
{
    [Fact]
    public async Task A_configuration_becomes_a_translator_that_is_judged_by_length_and_drawn()
    {
        using TemporaryFolder folder = new();
        StringBuilder pairs = new("source\ttarget\n");
        string[] numbers = ["one", "two", "three", "four"], zahlen = ["ein", "zwei", "drei", "vier"], things = ["dogs", "cats",
            "elephants"], dinge = ["Hunde", "Katzen", "Elefanten"];
        for (int n = 0; n < 4; n++)
            for (int t = 0; t < 3; t++) pairs.Append(CultureInfo.InvariantCulture, $"{numbers[n]} {things[t]}\t{zahlen[n]} {dinge[t]}\n");
        string data = folder.File("pairs.tsv"), model = folder.File("lstm.json"), run = folder.File("run"),
            curve = folder.File("curve.svg");
        await File.WriteAllTextAsync(data, pairs.ToString());
        await File.WriteAllTextAsync(model, """{ "model_type": "lstm-seq2seq", "hidden_size": 16, "embedding_size": 16, "attention": false, "vocab_size": 300 }""");
        (int code, string output, string error) = await Run(["finetune", "--model", model, "--task", "translation", "--train", data,
            "--dev", data, "--vocabulary-size", "280", "--steps", "6",
            "--evaluate-every", "3", "--evaluate-written", "4", "--out", run]);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("new weights, drawn by seed 1; a vocabulary of ", error, StringComparison.Ordinal);
        Assert.Contains("exact match", output, StringComparison.Ordinal);

        (code, output, error) = await Run(["eval", run, "--data", data, "--beams", "2", "--length-penalty", "0.5"]);
        Assert.True(code == ExitCode.Ok, error);
        Assert.StartsWith("12 examples: loss ", output, StringComparison.Ordinal);
        Assert.Contains("  sources of 8 to ", output, StringComparison.Ordinal);
        (code, _, error) = await Run(["eval", run, "--data", data, "--length-penalty", "2"]);
        Assert.Equal(ExitCode.Usage, code);
        Assert.StartsWith("heed eval: --length-penalty: is of beams", error, StringComparison.Ordinal);

        (code, output, error) = await Run(["plot", run, "--measure", "held_out_exact_match", "--by", "seconds", "--out", curve]);
        Assert.True(code == ExitCode.Ok, error);
        Assert.StartsWith("run: 2 points, the last ", output, StringComparison.Ordinal);
        Assert.Contains("<polyline class=\"s0\"", await File.ReadAllTextAsync(curve), StringComparison.Ordinal);
        (code, _, error) = await Run(["plot", run, "--measure", "held_out_f1", "--out", curve]);
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("no line has \"held_out_f1\"; there are ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Baselines_are_a_table_of_means_and_ranges_and_go_on_where_they_were()
    {
        using TemporaryFolder folder = new();
        StringBuilder rows = new("text,label\n");
        for (int i = 0; i < 20; i++) rows.Append(CultureInfo.InvariantCulture,
            $"{(i % 2 == 0 ? "the sun shines" : "rain falls down")} on day {i},{(i % 2 == 0 ? "good" : "bad")}\n");
        string data = folder.File("texts.csv"), target = folder.File("out");
        await File.WriteAllTextAsync(data, rows.ToString());
        string[] line = ["baselines", "--train", data, "--test", data, "--methods", "words", "--examples", "4,20", "--seeds", "2",
            "--out", target];
        (int code, string output, string error) = await Run(line);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("words               1.00 (1.00–1.00)    1.00 (1.00–1.00)", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(target, "accuracy.svg")));
        using JsonDocument first = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(target, "results.json")));
        await Run(line);
        using JsonDocument second = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(target, "results.json")));
        Assert.Equal(first.RootElement.GetRawText(), second.RootElement.GetRawText());
        Assert.Equal(4, second.RootElement.GetProperty("results").GetArrayLength());
        (code, _, error) = await Run(["baselines", "--train", data, "--test", data, "--examples", "ten", "--out", target]);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--examples: \"ten\" is no number", error, StringComparison.Ordinal);
    }
}
