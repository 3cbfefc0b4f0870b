using System.Text.Json;
using Heed.Testing;
using Heed.Training.Logging;
using Heed.Training.Pretraining;
using Heed.Training.Runs;
using Heed.Training.Tasks;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>What <c>heed pretrain</c> makes of options, files and folders.</summary>
public class PretrainCommandTests
{
    [Theory]
    [InlineData("--steps", "0", "--steps: is 0; an integer from 1 was expected.")]
    [InlineData("--steps", "", "--steps: is \"\"; an integer from 1 was expected.")]
    [InlineData("--batch-size", "many", "--batch-size: is \"many\"; an integer from 1 was expected.")]
    [InlineData("--learning-rate", "-1", "--learning-rate: is -1; a number from 0 to 10 was expected.")]
    [InlineData("--warmup-steps", "1001", "--warmup-steps: is 1001, more than the 1000 steps of the run")]
    [InlineData("--heads", "3", "--heads: is 3, and the preset's width 128 is not a multiple of it")]
    [InlineData("--model", "gpt9", "--model: \"gpt9\" is no preset")]
    [InlineData("--schedule", "steep", "--schedule: \"steep\" is unknown")]
    [InlineData("--objective", "mask", "--objective: is \"mask\"; one of causal, masked, replaced, distill, span, denoise was expected.")]
    [InlineData("--objective", "masked", "--objective: is masked, and \"gpt2-tiny\" is GPT2LMHeadModel, which does not learn objective masked; set objective to causal")]
    [InlineData("--whole-words", "true", "--whole-words: belongs to objective masked")]
    [InlineData("--data", "", "--data: is empty")]
    [InlineData("--out", "", "--out: is empty; name the folder of the run")]
    public async Task A_wrong_option_is_a_wrong_command_line_and_makes_no_folder(string option, string value, string expected)
    {
        using TemporaryFolder folder = new();
        Dictionary<string, string> args = new(StringComparer.Ordinal) { ["--data"] = Text(folder), ["--out"] = folder.File("run") };
        args[option] = value;
        (int code, string output, string error) = await Run(["pretrain", .. args.SelectMany(a => (string[])[a.Key, a.Value])]);
        Assert.True(code == ExitCode.Usage, $"{code} {error}");
        Assert.Empty(output);
        Assert.Contains("heed pretrain: " + expected, error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(Directory.Exists(folder.File("run")));
    }

    [Theory]
    [InlineData("""{"steps": 0}""", "$.steps: is 0; an integer from 1 was expected")]
    [InlineData("""{"width": 10, "heads": 3}""", "width: is 10, which is not a multiple of the 3 heads. Set width to 9 or 12")]
    [InlineData("""{"warmup_steps": 30, "steps": 20}""", "warmup_steps: is 30, more than the 20 steps")]
    public async Task A_wrong_value_of_a_file_names_the_file(string json, string expected)
    {
        using TemporaryFolder folder = new();
        string file = folder.File("settings.json");
        File.WriteAllText(file, json);
        (int code, _, string error) = await Run("pretrain", "--config", file, "--data", Text(folder), "--out", folder.File("run"));
        Assert.True(code == ExitCode.InputRejected, $"{code} {error}");
        Assert.Contains($"heed pretrain: {file}: {expected}", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("run")));
    }

    [Fact]
    public async Task Absurd_sizes_end_with_exit_code_4_and_the_bytes()
    {
        using TemporaryFolder folder = new();
        foreach (string sizes in (string[])["--width 1000000000 --heads 1", "--block-length 2147483647", "--vocabulary-size 2147483647", "--layers 2147483647"])
        {
            (int code, _, string error) = await Run(["pretrain", "--data", Text(folder), "--out", folder.File("run"), .. sizes.Split(' ')]);
            Assert.True(code == ExitCode.OverBudget, $"{sizes}: {code} {error}");
            Assert.Matches("[0-9.]+ [TP]iB", error);
        }

        Assert.False(Directory.Exists(folder.File("run")));
    }

    [Fact]
    public async Task Minutes_fix_the_steps_of_a_run_which_then_resumes_by_the_same_command()
    {
        using TemporaryFolder folder = new();
        string[] args = ["pretrain", "--data", Text(folder), "--out", folder.File("run"), "--layers", "1", "--heads", "2", "--width", "16",
            "--vocabulary-size", "300", "--block-length", "16", "--batch-size", "2", "--minutes", "0.002"];
        (int code, _, string error) = await Run([.. args, "--steps", "5"]);
        Assert.True(code == ExitCode.Usage && error.Contains("--minutes: is given beside --steps", StringComparison.Ordinal), error);
        (code, _, error) = await Run(args);
        Assert.True(code == 0, $"{code} {error}");
        PretrainingConfig planned = PretrainingConfig.FromFile(folder.File("run/run.json"));
        Assert.True(planned.Steps >= 20, $"{planned.Steps}");
        Assert.Equal((planned.Steps + 7) / 8, planned.EvaluateEvery);
        (code, _, error) = await Run(args);
        Assert.True(code == 0, $"{code} {error}");
        Assert.Contains("--minutes changes nothing", error, StringComparison.Ordinal);
        Assert.Equal(planned.Steps, PretrainingConfig.FromFile(folder.File("run/run.json")).Steps);
    }

    [Fact]
    public async Task A_generator_and_a_teacher_have_options_of_their_own()
    {
        using TemporaryFolder folder = new();
        string[] small = ["pretrain", "--data", Text(folder), "--vocabulary-size", "400", "--block-length", "16", "--batch-size", "2", "--steps", "2"];
        string[] sizes = ["--layers", "2", "--heads", "2", "--width", "16"];
        (int code, _, string error) = await Run([.. small, .. sizes, "--model", "electra-small", "--out", folder.File("electra"),
            "--generator-size", "0.5", "--replaced-weight", "40"]);
        Assert.True(code == 0, $"{code} {error}");
        PretrainingConfig electra = PretrainingConfig.FromFile(folder.File("electra/run.json"));
        Assert.Equal((0.5, 40), (electra.GeneratorSize, electra.ReplacedWeight));
        Assert.True(File.Exists(folder.File("electra/model/generator/model.safetensors")));

        (code, _, error) = await Run([.. small, .. sizes, "--model", "bert-base", "--out", folder.File("teacher"), "--next-sentence"]);
        Assert.True(code == 0, $"{code} {error}");
        Assert.Contains("next sentence accuracy", error, StringComparison.Ordinal);
        (code, _, error) = await Run([.. small, "--teacher", folder.File("teacher/model"), "--out", folder.File("student"), "--temperature", "3",
            "--soft-weight", "4", "--masked-weight", "1", "--cosine-weight", "0.5", "--squared-weight", "0.25", "--soft-targets-masked"]);
        Assert.True(code == 0, $"{code} {error}");
        PretrainingConfig student = PretrainingConfig.FromFile(folder.File("student/run.json"));
        Assert.Equal(("distill", "half-of-teacher", folder.File("teacher/model")), (student.Objective, student.Model, student.Teacher));
        Assert.Equal((3, 4, 1), (student.Temperature, student.SoftWeight, student.MaskedWeight));
        Assert.Equal((0.5, 0.25, true), (student.CosineWeight, student.SquaredWeight, student.SoftTargetsMasked));
    }

    [Theory]
    [InlineData("bert-base", "masked", "MaskedLanguageModel")]
    [InlineData("t5-small", "span", "SequenceToSequenceModel")]
    [InlineData("bart-base", "denoise", "SequenceToSequenceModel")]
    public async Task Each_objective_trains_its_model_and_is_in_the_help(string model, string objective, string expected)
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        (int code, string output, string error) = await Run("pretrain", "--data", Text(folder), "--out", run, "--model", model, "--objective", objective, "--layers", "1",
            "--heads", "2", "--width", "16", "--vocabulary-size", "400", "--block-length", "16", "--batch-size", "2", "--steps", "2", "--json",
            "--mean-span-length", objective == "masked" ? "null" : "2.5");
        Assert.True(code == 0, $"{code} {error}");
        using JsonDocument end = JsonDocument.Parse(output);
        Assert.Equal(JsonValueKind.Number, end.RootElement.GetProperty("held_out_loss").ValueKind);
        Assert.Equal(JsonValueKind.Null, end.RootElement.GetProperty("held_out_bits_per_byte").ValueKind);
        PretrainingConfig written = PretrainingConfig.FromFile(Path.Combine(run, "run.json"));
        Assert.Equal((objective, objective == "masked" ? null : 2.5), (written.Objective, written.MeanSpanLength));
        using Heed.Generation.HeedModel opened = Heed.Generation.HeedModel.Open(Path.Combine(run, "model"));
        Assert.Equal(expected, opened.Model.GetType().Name);
        (_, string help, _) = await Run("pretrain", "--help");
        Assert.Contains(objective, help, StringComparison.Ordinal);
        Assert.Contains("--objective", help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_folder_alone_goes_on_with_its_run()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        // 40 steps and no word of a warm-up; the switch needs no value.
        string[] line = ["pretrain", "--data", Text(folder), "--out", run, "--layers", "1", "--heads", "2", "--width", "16", "--vocabulary-size", "270", "--block-length", "8", "--batch-size", "2", "--steps", "40", "--gradient-checkpointing", "--held-out", "0.3"];
        (int code, _, string error) = await Run(line);
        Assert.True(code == ExitCode.Ok, error);
        PretrainingConfig settings = PretrainingConfig.FromFile(Path.Combine(run, "run.json"));
        Assert.Equal((4, true), (settings.WarmupSteps, settings.GradientCheckpointing));
        string weights = Sum(run), log = File.ReadAllText(Path.Combine(run, "log.jsonl"));

        (code, string output, error) = await Run("pretrain", "--out", run, "--json");
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal("finished", json.RootElement.GetProperty("end").GetString());
        Assert.Equal(40, json.RootElement.GetProperty("saved_step").GetInt64());
        Assert.True(json.RootElement.GetProperty("held_out_loss").GetDouble() > 0);
        Assert.Equal((weights, log), (Sum(run), File.ReadAllText(Path.Combine(run, "log.jsonl"))));
        Assert.Single(Directory.GetFiles(Path.Combine(run, "tensorboard")));

        // What is not given stays as it was; what is given otherwise is refused.
        (code, _, error) = await Run("pretrain", "--out", run, "--keep", "5");
        Assert.True(code == ExitCode.Ok, error);
        Assert.Equal(5, PretrainingConfig.FromFile(Path.Combine(run, "run.json")).Keep);
        (code, _, error) = await Run("pretrain", "--out", run, "--width", "32");
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("width (was 16, is 32)", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_stopped_before_its_first_checkpoint_still_knows_its_data()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        (int code, _, string error) = await Run(Pretrain(Text(folder), run, 5));
        Assert.True(code == ExitCode.Ok, error);
        Directory.Delete(Path.Combine(run, "checkpoints"), recursive: true);
        Directory.Delete(Path.Combine(run, "model"), recursive: true);
        (code, _, error) = await Run("pretrain", "--out", run, "--steps", "6");
        Assert.True(code == ExitCode.Ok, error);
        PretrainingConfig written = PretrainingConfig.FromFile(Path.Combine(run, "run.json"));
        Assert.Equal((6, 16), (written.Steps, written.Width));
        Assert.EndsWith("text.jsonl", Assert.Single(written.Data), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_without_a_run_needs_data()
    {
        using TemporaryFolder folder = new();
        (int code, _, string error) = await Run("pretrain", "--out", folder.File("run"));
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--data: is empty; name at least one text file or folder", error, StringComparison.Ordinal);
        (code, _, error) = await Run("pretrain", "--out", folder.File("run"), "--data", folder.File("nothing"), "--steps", "40", "--warmup-steps", "50");
        Assert.Equal(ExitCode.InputOutput, code);
        Assert.Contains("nothing: does not exist", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("run")));
    }

    [Fact]
    public async Task An_early_stop_says_where_and_why_and_what_is_saved()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        string[] line = [.. Pretrain(Text(folder), run, 200), "--patience", "2"];
        line[Array.IndexOf(line, "--evaluate-every") + 1] = "2";
        line[Array.IndexOf(line, "--learning-rate") + 1] = "1";
        (int code, string output, string error) = await Run(line);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Matches("^Stopped early at step [0-9]+ of 200: the held-out loss has not fallen for 2 evaluations; saved step [0-9]+\\.\n", output);
        (code, output, error) = await Run([.. line, "--json"]);
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal("stopped_early", json.RootElement.GetProperty("end").GetString());
        Assert.Equal(json.RootElement.GetProperty("step").GetInt64() - 4, json.RootElement.GetProperty("saved_step").GetInt64());
    }
}
