using System.Diagnostics;
using System.Text.Json;
using Heed.Checkpoints;
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
    public async Task Weights_that_are_no_numbers_are_warned_of_and_refused_by_strict()
    {
        using TemporaryFolder folder = new();
        string golden = Path.Combine(Repository.Goldens, "models", "gpt2");
        foreach (string file in (string[])["config.json", "model.safetensors", "generation_config.json"]) File.Copy(Path.Combine(golden, file), folder.File(file));
        byte[] weights = File.ReadAllBytes(folder.File("model.safetensors"));
        BitConverter.GetBytes(float.NaN).CopyTo(weights, weights.Length - 4);
        File.WriteAllBytes(folder.File("model.safetensors"), weights);
        // Without a tokenizer nothing is generated; what counts is how far it came.
        (_, _, string error) = await Run("generate", folder.Path, "a", "--max-new-tokens", "1");
        Assert.Contains("1 of", error, StringComparison.Ordinal);
        Assert.Contains("values is NaN", error, StringComparison.Ordinal);
        Assert.Contains("tokenizer", error, StringComparison.Ordinal);
        (int code, _, error) = await Run("generate", folder.Path, "a", "--strict");
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("values is NaN", error, StringComparison.Ordinal);
        Assert.DoesNotContain("tokenizer", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_tells_a_wrong_folder_from_a_wrong_value()
    {
        using TemporaryFolder folder = new();
        string golden = Path.Combine(Repository.Goldens, "models", "gpt2"), damaged = folder.File("gpt2");
        Directory.CreateDirectory(damaged);
        foreach (string file in Directory.GetFiles(golden)) File.Copy(file, Path.Combine(damaged, Path.GetFileName(file)));
        string config = Path.Combine(damaged, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"n_head\": 3", "\"n_head\": 5", StringComparison.Ordinal));
        (int code, string output, _) = await Run("verify", damaged);
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("n_head", output, StringComparison.Ordinal);
        File.Delete(config);
        // A case without its configuration is told, not passed over.
        Assert.NotEqual(ExitCode.Ok, (await Run("verify", folder.Path)).Code);
        Assert.Equal(ExitCode.InputRejected, (await Run("verify", Directory.CreateDirectory(folder.File("empty")).FullName)).Code);
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
    public async Task Lines_that_are_no_text_are_refused_and_windows_are_shown()
    {
        string model = Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small");
        using MemoryStream broken = new([.. "{\"text\":\"a\"}\n"u8, 0xFF, (byte)'\n']);
        (int code, _, string error) = await Run(["tokenize", model, "--jsonl"], broken);
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("not UTF-8", error, StringComparison.Ordinal);
        foreach (string line in (string[])["[1]", "{", "{\"text\":1}", "{\"text\":\"a\",\"pair\":2}", "{\"text\":\"a\",\"add_special_tokens\":null}", "{\"text\":\"\\ud800\"}"])
            Assert.Equal(ExitCode.InputRejected, (await Run(["tokenize", model, "--jsonl"], line + "\n")).Code);

        using TemporaryFolder folder = new();
        Heed.Tokenizers.Tokenizer.FromFolder(model).WithTruncation(new Heed.Tokenizers.TruncationOptions(2)).Save(folder.File("tokenizer.json"));
        (code, string output, _) = await Run(["tokenize", folder.Path, "--jsonl", "--offsets", "code-points"], "{\"text\":\"😀 a b c d\"}\n");
        Assert.Equal(ExitCode.Ok, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.True(json.RootElement.GetProperty("overflowing").GetArrayLength() > 1);
        Assert.Equal(2, json.RootElement.GetProperty("sequence_ids").GetArrayLength());
    }

    [Fact]
    public async Task Training_takes_the_settings_of_its_model_and_no_others()
    {
        using TemporaryFolder folder = new();
        string text = folder.File("a.txt"), made = folder.File("t.json");
        File.WriteAllText(text, string.Concat(Enumerable.Repeat("the cat sees the dog and the dog sees the cat\n", 50)));
        foreach (string[] options in (string[][])
            [
                ["bpe", "--min-frequency", "3", "--initial-alphabet", "Ω", "--max-token-length", "5"], ["wordpiece", "--limit-alphabet", "20", "--initial-alphabet", "Ω"],
                ["unigram", "--max-piece-length", "4", "--shrinking-factor", "0.8", "--sub-iterations", "1", "--seed-size", "500", "--initial-alphabet", "Ω"], ["wordlevel", "--min-frequency", "2"],
            ])
        {
            (int code, _, string error) = await Run(["tokenizer", "train", text, "--out", made, "--vocab-size", "300", "--pipeline", "whitespace", "--model", .. options]);
            Assert.True(code == ExitCode.Ok, error);
            if (options[0] != "wordlevel") Assert.NotNull(Heed.Tokenizers.Tokenizer.FromFile(made).TokenToId("Ω"));
        }

        foreach (string[] options in (string[][])[["unigram", "--min-frequency", "3"], ["wordlevel", "--limit-alphabet", "9"], ["bpe", "--seed-size", "9"]])
        {
            (int code, _, string error) = await Run(["tokenizer", "train", text, "--out", made, "--model", .. options]);
            Assert.Equal(ExitCode.Usage, code);
            Assert.Contains(options[1], error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("sentencepiece-bpe/spiece.model")]
    [InlineData("bert-uncased/vocab.txt")]
    [InlineData("gpt2-small/vocab.json")]
    [InlineData("gpt2-small")]
    public async Task Tokenizer_files_of_every_form_are_shown_described_compared_and_converted(string name)
    {
        string model = Path.Combine(Repository.Goldens, "tokenizers", name);
        using TemporaryFolder folder = new();
        string made = folder.File("tokenizer.json"), text = folder.File("a.txt");
        File.WriteAllText(text, "The quick brown fox.\n");
        Assert.Equal(ExitCode.Ok, (await Run("tokenize", model, "The quick")).Code);
        Assert.Equal(ExitCode.Ok, (await Run("tokenizer", "info", model)).Code);
        (int code, _, string error) = await Run("tokenizer", "convert", model, made);
        Assert.True(code == ExitCode.Ok, error);
        (code, string output, error) = await Run("tokenizer", "compare", model, made, "--text", text, "--json");
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(json.RootElement[0].GetProperty("tokens").GetInt64(), json.RootElement[1].GetProperty("tokens").GetInt64());
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
    public async Task A_conversion_warns_of_values_that_are_not_finite_and_ends_with_7_when_strict()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File("model.safetensors"), [RawTensor.FromFloats("big", [2], new[] { 70000f, 1f })]);
        (int code, string output, string error) = await Run("convert", folder.Path, folder.File("half"), "--dtype", "f16", "--json");
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("warning: ", error, StringComparison.Ordinal);
        Assert.Contains("tensor 'big': 1 of 2 values", error, StringComparison.Ordinal);
        using (JsonDocument json = JsonDocument.Parse(output)) Assert.Equal(1, json.RootElement.GetProperty("not_finite")[0].GetProperty("overflowed").GetInt64());
        (code, _, error) = await Run("convert", folder.Path, folder.File("strict"), "--dtype", "f16", "--strict");
        Assert.Equal(ExitCode.Numerical, code);
        Assert.Contains("tensor 'big'", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("strict")));
        (code, _, error) = await Run("convert", folder.Path, folder.File("half"), "--dtype", "bf16");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--overwrite", error, StringComparison.Ordinal);
        (code, _, error) = await Run("convert", folder.Path, folder.File("half"), "--dtype", "bf16", "--overwrite");
        Assert.True(code == ExitCode.Ok && error.Length == 0, error);
    }

    [Fact]
    public Task Killed_at_two_moments_every_resume_ends_with_the_same_weights() => KillAndResume(2);

    [LongFact]
    public Task Killed_at_twenty_moments_every_resume_ends_with_the_same_weights() => KillAndResume(20);

    /// <summary>Each time a run of its own is killed somewhere between its first step and its end; going on must end with the bits of the
    /// run that nobody killed.</summary>
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
