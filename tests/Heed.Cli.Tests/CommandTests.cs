using System.Diagnostics;
using System.Text.Json;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class CommandTests
{
    [Fact]
    public async Task Help_names_every_command_of_the_door()
    {
        (int code, string output, _) = await Run("--help");
        Assert.Equal(ExitCode.Ok, code);
        foreach (string command in (string[])["quickstart", "pretrain", "tokenizer", "tokenize", "generate", "eval", "info", "bench", "env", "verify", "convert", "pull", "list", "rm"])
            Assert.Contains(command, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("pretrain")]
    [InlineData("info --batch many gpt2")]
    [InlineData("convert a b --dtype f64")]
    public async Task A_wrong_command_line_is_one_line_and_exit_code_2(string line)
    {
        (int code, string output, string error) = await Run(line.Split(' '));
        Assert.Equal(ExitCode.Usage, code);
        Assert.Empty(output);
        Assert.StartsWith("heed", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCode.InputOutput, "generate", "/nowhere/model", "x")]
    [InlineData(ExitCode.InputOutput, "tokenize", "/nowhere/model", "x")]
    [InlineData(ExitCode.InputOutput, "info", "/nowhere/model")]
    [InlineData(ExitCode.InputOutput, "verify", "/nowhere")]
    [InlineData(ExitCode.InputOutput, "convert", "/nowhere", "/tmp/never-written")]
    [InlineData(ExitCode.InputRejected, "bench", "coffee")]
    [InlineData(ExitCode.InputRejected, "rm", "nobody/nothing")]
    public async Task User_errors_are_one_sentence_with_their_own_code(int expected, params string[] args)
    {
        (int code, _, string error) = await Run(args);
        Assert.Equal(expected, code);
        Assert.DoesNotContain("internal error", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Contains(args[1], error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt2", 124_439_808)]
    [InlineData("gpt3", 174_604_259_328)]
    [InlineData("llama-7b", 6_738_415_616)]
    public async Task Info_counts_parameters_without_weights(string preset, long parameters)
    {
        (int code, string output, _) = await Run("info", preset, "--json");
        Assert.Equal(ExitCode.Ok, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(parameters, json.RootElement.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public async Task Env_prints_json_and_nothing_else()
    {
        (int code, string output, string error) = await Run("env", "--json");
        Assert.Equal(ExitCode.Ok, code);
        Assert.Empty(error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.True(json.RootElement.GetProperty("threads").GetInt32() >= 1);
    }

    [Fact]
    public async Task Verify_passes_on_goldens_and_says_exit_code_7_where_a_weight_is_wrong()
    {
        using TemporaryFolder folder = new();
        string golden = Path.Combine(Repository.Goldens, "models", "gpt2");
        Assert.Equal(ExitCode.Ok, (await Run("verify", golden, "--dump", folder.File("dump"))).Code);
        Assert.True(File.Exists(folder.File("dump/gpt2.safetensors")) && File.Exists(folder.File("dump/gpt2.json")));
        string damaged = folder.File("gpt2");
        Directory.CreateDirectory(damaged);
        foreach (string file in Directory.GetFiles(golden)) File.Copy(file, Path.Combine(damaged, Path.GetFileName(file)));
        byte[] weights = File.ReadAllBytes(Path.Combine(damaged, "model.safetensors"));
        weights[^2] ^= 0x10;
        File.WriteAllBytes(Path.Combine(damaged, "model.safetensors"), weights);
        (int code, string output, _) = await Run("verify", damaged, "--json");
        Assert.Equal(ExitCode.Numerical, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(1, json.RootElement.GetProperty("failed").GetInt32());
    }

    [Fact]
    public async Task Verify_runs_tokenizer_folders()
    {
        (int code, string output, _) = await Run("verify", "--tokenizer", Path.Combine(Repository.Goldens, "tokenizers", "wordlevel"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("agree with the reference", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_reads_lines_of_json_for_pipelines()
    {
        string model = Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small");
        (int code, string output, _) = await Run(["tokenize", model, "--jsonl"], "{\"text\":\"Hello\"}\n{\"text\":\"a\",\"pair\":\"b\",\"add_special_tokens\":false}\n");
        Assert.Equal(ExitCode.Ok, code);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        foreach (string line in lines)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            Assert.Equal(json.RootElement.GetProperty("ids").GetArrayLength(), json.RootElement.GetProperty("offsets").GetArrayLength());
        }

        Assert.Equal(ExitCode.InputRejected, (await Run(["tokenize", model, "--jsonl"], "{\"txt\":1}\n")).Code);
    }

    [Fact]
    public async Task A_small_run_goes_the_whole_road_and_back()
    {
        using TemporaryFolder folder = new();
        string text = Text(folder);
        string run = folder.File("run"), model = Path.Combine(run, "model");
        (int code, _, string error) = await Run(Pretrain(text, run, 30));
        Assert.True(code == ExitCode.Ok, error);

        (code, string output, error) = await Run("generate", model, "the cat", "--greedy", "--max-new-tokens", "5", "--json");
        Assert.True(code == ExitCode.Ok, error);
        using (JsonDocument json = JsonDocument.Parse(output)) Assert.True(json.RootElement.GetProperty("tokens").GetInt32() is > 0 and <= 5);
        (code, output, error) = await Run("eval", model, "--text", text, "--json");
        Assert.True(code == ExitCode.Ok, error);
        using (JsonDocument json = JsonDocument.Parse(output)) Assert.True(json.RootElement.GetProperty("bits_per_byte").GetDouble() is > 0 and < 8);
        Assert.Equal(ExitCode.Ok, (await Run("tokenize", model, "the dog", "--count")).Code);
        Assert.Equal(ExitCode.Ok, (await Run("info", model)).Code);
        (code, _, error) = await Run("convert", model, folder.File("half"), "--dtype", "bf16");
        Assert.True(code == ExitCode.Ok, error);
        Assert.True(new FileInfo(folder.File("half/model.safetensors")).Length < new FileInfo(Path.Combine(model, "model.safetensors")).Length * 0.6);
        Assert.Equal(ExitCode.Ok, (await Run("generate", folder.File("half"), "the cat", "--greedy", "--max-new-tokens", "3")).Code);
    }

    [Fact]
    public Task Killed_at_two_moments_every_resume_ends_with_the_same_weights() => KillAndResume(2);

    [LongFact]
    public Task Killed_at_twenty_moments_every_resume_ends_with_the_same_weights() => KillAndResume(20);

    /// <summary>Each time a run of its own is killed somewhere between its first step and its end; going on must end with the bits of the run that nobody killed.</summary>
    private static async Task KillAndResume(int kills)
    {
        using TemporaryFolder folder = new();
        string text = Text(folder), whole = folder.File("whole");
        Stopwatch clock = new();
        (int code, string error) = await Killed(Pretrain(text, whole, 150), () => Began(whole), clock, null);
        Assert.True(code == 0, error);
        TimeSpan training = clock.Elapsed;
        Random random = new(11);
        int unfinished = 0;
        for (int i = 0; i < kills; i++)
        {
            string run = folder.File($"killed{i}");
            TimeSpan moment = training * (0.8 * random.NextDouble());
            await Killed(Pretrain(text, run, 150), () => Began(run), clock, moment);
            if (!File.Exists(Path.Combine(run, "model", "model.safetensors"))) unfinished++;
            (code, _, error) = await Run(Pretrain(text, run, 150));
            Assert.True(code == ExitCode.Ok, $"killed after {moment}: {error}");
            Assert.Equal(Sum(whole), Sum(run));
            Assert.Empty(Directory.EnumerateFileSystemEntries(run, "*" + DurableFile.TemporaryEnding, SearchOption.AllDirectories));
        }

        Assert.True(unfinished * 2 >= kills, $"only {unfinished} of {kills} runs were killed before their end");
    }

    private static bool Began(string run)
    {
        FileInfo log = new(Path.Combine(run, "log.jsonl"));
        return log.Exists && log.Length > 0;
    }
}
