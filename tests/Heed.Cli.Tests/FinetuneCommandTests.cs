using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Testing;
using Heed.Training.Data;
using Heed.Training.Finetuning;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>What <c>heed finetune</c> and <c>heed eval --data</c> make of options, files and folders.</summary>
public class FinetuneCommandTests
{
    private static readonly string Encoder = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");

    [Theory]
    [InlineData("--steps", "-1", "--steps: is -1; an integer from 0 was expected.")]
    [InlineData("--model", "", "--model: is empty; name the model folder")]
    [InlineData("--train", "", "--train: is empty; name the file or folder")]
    [InlineData("--task", "classify", "--task: is \"classify\"; one of classification")]
    [InlineData("--columns", "text:a", "--columns: \"text:a\" is not WHAT=NAME")]
    [InlineData("--class-weights", "x=2", "--class-weights: \"x=2\" is no NAME=WEIGHT of a label; labels are no, yes.")]
    [InlineData("--maximum-length", "100000", "--maximum-length: is 100000, and the model in")]
    [InlineData("--freeze", "nothing*", "--freeze: No parameter of the model matches 'nothing*'")]
    [InlineData("--freeze", "*", "--freeze: Everything is frozen")]
    [InlineData("--dora", "true", "--dora: is a setting of an adapter, and none is trained. Set lora to its rank")]
    [InlineData("--out", "", "--out: is empty; name the folder")]
    public async Task A_wrong_option_is_a_wrong_command_line_and_makes_no_folder(string option, string value, string expected)
    {
        using TemporaryFolder folder = new();
        Dictionary<string, string> args = new(StringComparer.Ordinal)
        {
            ["--model"] = Encoder,
            ["--train"] = Labelled(folder),
            ["--out"] = folder.File("model"),
            [option] = value,
        };
        (int code, string output, string error) = await Run(["finetune", .. args.SelectMany(a => (string[])[a.Key, a.Value])]);
        Assert.True(code == ExitCode.Usage, $"{code} {error}");
        Assert.Empty(output);
        Assert.Contains("heed finetune: " + expected, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("model")));
    }

    [Fact]
    public async Task A_dry_run_says_what_would_be_done_and_leaves_nothing_trained()
    {
        using TemporaryFolder folder = new();
        (int code, _, string error) = await Run("finetune", "--model", Encoder, "--train", Labelled(folder), "--out", folder.File("model"), "--dry-run");
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("Task: classification", error, StringComparison.Ordinal);
        Assert.Contains("labels: no 18, yes 18", error, StringComparison.Ordinal);
        Assert.Contains("examples are held out for evaluation", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("model")));
    }

    [Fact]
    public async Task Minutes_fix_steps_and_epochs_and_say_so()
    {
        using TemporaryFolder folder = new();
        string[] args = ["finetune", "--model", Encoder, "--train", Labelled(folder), "--out", folder.File("model"), "--minutes", "0.01"];
        (int code, _, string error) = await Run([.. args, "--epochs", "2"]);
        Assert.True(code == ExitCode.Usage && error.Contains("--minutes: is given beside --epochs", StringComparison.Ordinal), error);
        (code, _, error) = await Run(args);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("steps: as planned for the time that was given", error, StringComparison.Ordinal);
        Assert.DoesNotContain("more passes", error, StringComparison.Ordinal);
        FinetuningConfig planned = FinetuningConfig.FromFile(folder.File("model/run/run.json"));
        // Three batches an epoch, twenty epochs at most.
        Assert.InRange(planned.Steps, 20, 60);
        Assert.Equal(planned.Steps / 3.0, planned.Epochs, 1e-9);
        (code, _, error) = await Run(args);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("--minutes changes nothing", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_finished_run_is_resumed_judged_and_says_so_when_it_is_over()
    {
        using TemporaryFolder folder = new();
        string data = Labelled(folder), model = folder.File("model");
        string[] args = ["finetune", "--model", Encoder, "--train", data, "--test", data, "--out", model, "--steps", "20", "--learning-rate", "5e-3"];
        (int code, string output, string error) = await Run(args);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("reopened and evaluated again, the same figures", output, StringComparison.Ordinal);
        Assert.Contains("On the test data: loss", output, StringComparison.Ordinal);
        (code, output, error) = await Run("finetune", "--out", model);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("This run is finished", error, StringComparison.Ordinal);

        string predictions = folder.File("predictions.jsonl");
        (code, output, error) = await Run("eval", model, "--data", data, "--predictions", predictions, "--json");
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(40, json.RootElement.GetProperty("examples").GetInt32());
        double accuracy = json.RootElement.GetProperty("measures").GetProperty("accuracy").GetDouble();
        string[] lines = File.ReadAllLines(predictions);
        Assert.Equal(accuracy, lines.Count(l => JsonNode.Parse(l) is { } p && p["expected"]!.ToString() == p["predicted"]!.ToString()) / 40.0, 12);
    }

    [Fact]
    public async Task Few_texts_become_a_folder_that_is_judged_and_predicts_the_same()
    {
        using TemporaryFolder folder = new();
        string data = Labelled(folder), model = folder.File("model");
        (int code, string output, string error) = await Run("finetune", "--model", Encoder, "--train", data, "--dev", "none", "--few-shot",
            "true", "--steps", "10", "--learning-rate", "2e-3", "--out", model);
        Assert.True(code == ExitCode.Ok, error);
        (code, output, error) = await Run("eval", model, "--data", data, "--json");
        Assert.True(code == ExitCode.Ok, error);
        double accuracy = JsonNode.Parse(output)!["measures"]!["accuracy"]!.GetValue<double>();

        (code, output, error) = await Run("predict", model, "--file", data);
        Assert.True(code == ExitCode.Ok, error);
        string[] predicted = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonNode.Parse(l)!["predictions"]![0]!["label"]!.GetValue<string>())];
        IReadOnlyList<string> labels = [.. ExampleReader.Classification(data, new DataOptions()).Examples.Select(e => e.Labels[0])];
        Assert.Equal(accuracy, predicted.Zip(labels).Count(p => p.First == p.Second) / 40.0, 12);
        (code, _, error) = await Run("predict", model, "a text", "--pair", "another");
        Assert.True(code == ExitCode.Usage && error.Contains("classifies texts by their vectors", StringComparison.Ordinal), error);
    }

    [Fact]
    public async Task Several_seeds_give_mean_and_deviation_and_the_best_is_kept()
    {
        using TemporaryFolder folder = new();
        string model = folder.File("model");
        (int code, string output, string error) = await Run("finetune", "--model", Encoder, "--train", Labelled(folder), "--out", model,
            "--steps", "6", "--learning-rate", "3e-3", "--seeds", "2", "--json");
        Assert.True(code == ExitCode.Ok, error);
        JsonNode json = JsonNode.Parse(output)!;
        double[] values = [.. ((JsonArray)json["loss"]!["values"]!).Select(v => v!.GetValue<double>())];
        Assert.Equal(2, values.Length);
        Assert.NotEqual(values[0], values[1]);
        Assert.Equal(values.Average(), json["loss"]!["mean"]!.GetValue<double>(), 12);
        Assert.Equal(Math.Abs(values[0] - values[1]) / Math.Sqrt(2), json["loss"]!["deviation"]!.GetValue<double>(), 12);
        string best = Path.Combine(model, "seeds", json["best"]!.ToString());
        Assert.Equal(File.ReadAllBytes(Path.Combine(best, "model.safetensors")), File.ReadAllBytes(Path.Combine(model, "model.safetensors")));
        Assert.True(File.Exists(Path.Combine(model, "seeds.json")));
    }

    [Fact]
    public async Task Every_field_of_a_runs_settings_is_an_option_and_a_key_of_run_json()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(typeof(FinetuningConfig).GetProperties().Length, FinetuningFields.All.Count);
        (int code, string help, _) = await Run("finetune", "--help");
        Assert.Equal(ExitCode.Ok, code);
        Assert.All(FinetuningFields.All, f => Assert.Contains(f.Option, help, StringComparison.Ordinal));
    }

    /// <summary>A file of forty labelled texts.</summary>
    internal static string Labelled(TemporaryFolder folder)
    {
        string path = folder.File("labelled.csv");
        File.WriteAllLines(path, ["text,label", .. Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? $"good day {i},yes" : $"bad night {i},no")]);
        return path;
    }
}
