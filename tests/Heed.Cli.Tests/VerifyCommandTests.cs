using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary><c>heed verify</c>: what is looked at before the work, and what a damaged weight leaves.</summary>
public class VerifyCommandTests
{
    private static readonly string Gpt2 = Path.Combine(Repository.Goldens, "models", "gpt2");

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    [Fact]
    public async Task A_dump_that_cannot_be_written_is_refused_before_the_work()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("file"), "mine");
        foreach (string place in (string[])["file", "file/inner"])
        {
            (int code, string output, string error) = await Run("verify", Gpt2, "--dump", folder.File(place));
            Assert.Equal((ExitCode.InputOutput, ""), (code, output));
            Assert.Contains(folder.File(place), error, StringComparison.Ordinal);
        }

        Assert.Equal("mine", File.ReadAllText(folder.File("file")));
    }

    [Fact]
    public async Task Two_folders_of_one_name_are_not_dumped_into_one_file()
    {
        using TemporaryFolder folder = new();
        string second = folder.File("other/gpt2");
        Copy(Gpt2, second);
        (int code, string output, string error) = await Run("verify", Gpt2, second, "--dump", folder.File("dump"), "--no-training");
        Assert.Equal((ExitCode.Usage, ""), (code, output));
        Assert.Contains(Gpt2, error, StringComparison.Ordinal);
        Assert.Contains(second, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("dump")));
    }

    [Fact]
    public async Task Weights_that_are_no_numbers_are_named_and_the_rest_is_compared_and_dumped()
    {
        using TemporaryFolder folder = new();
        string damaged = folder.File("gpt2");
        Copy(Gpt2, damaged);
        byte[] weights = File.ReadAllBytes(Path.Combine(damaged, "model.safetensors"));
        BitConverter.GetBytes(float.NaN).CopyTo(weights, weights.Length - 4);
        File.WriteAllBytes(Path.Combine(damaged, "model.safetensors"), weights);
        string last;
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(damaged, "model.safetensors"))) last = file.Tensors[^1].Name;

        (int code, string output, string error) = await Run("verify", damaged, "--dump", folder.File("dump"), "--json");
        Assert.Equal(ExitCode.Numerical, code);
        Assert.Contains($"'{last}'", error, StringComparison.Ordinal);
        Assert.DoesNotContain("heed verify'", error + output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(output);
        string[] failed = [.. json.RootElement.GetProperty("cases")[0].GetProperty("failed").EnumerateArray().Select(f => f.GetProperty("name").GetString()!)];
        foreach (string part in (string[])["batch0.output.logits", "generate.0.output_ids", "train.loss.9", "trained."]) Assert.Contains(failed, name => name.StartsWith(part, StringComparison.Ordinal));
        using (SafetensorsFile dump = SafetensorsFile.Open(folder.File("dump/gpt2.safetensors"))) Assert.True(dump.TryGet("batch0.output.logits", out _));
        Assert.True(File.Exists(folder.File("dump/gpt2.json")));

        (code, output, _) = await Run("verify", damaged, "--strict");
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains(last, output, StringComparison.Ordinal);
    }

    // cases: g19
    [Fact]
    public async Task Tensors_that_do_not_fit_are_named_with_sizes_and_what_can_be_done()
    {
        using TemporaryFolder folder = new();
        string fewer = folder.File("fewer"), nameless = folder.File("nameless"), llama = Path.Combine(Repository.Goldens, "models", "llama");
        Copy(llama, fewer);
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(fewer, "config.json")))!;
        config["num_hidden_layers"] = 1;
        File.WriteAllText(Path.Combine(fewer, "config.json"), config.ToJsonString());
        Copy(llama, nameless);
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(llama, "model.safetensors")))
            SafetensorsWriter.Write(Path.Combine(nameless, "model.safetensors"), [.. file.Tensors, RawTensor.FromFloats("", [1], new float[] { 1 })]);
        foreach ((string path, string named) in ((string, string)[])[(fewer, "num_hidden_layers 1"), (nameless, "1 tensor is unexpected: one without a name")])
        {
            (int code, string output, string error) = await Run("verify", path);
            Assert.Equal(ExitCode.InputRejected, code);
            Assert.Contains(named, output + error, StringComparison.Ordinal);
            Assert.Contains("Correct config.json, or write the weights again without what does not belong", output + error, StringComparison.Ordinal);
            Assert.DoesNotContain("LoadOptions", output + error, StringComparison.Ordinal);
            Assert.Contains(named, (await Run("eval", path, "--text", path)).Error + (await Run("generate", path, "a")).Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_was_computed_before_an_error_is_dumped()
    {
        using TemporaryFolder folder = new();
        string damaged = folder.File("gpt2");
        Copy(Gpt2, damaged);
        string record = Path.Combine(damaged, "golden.json");
        File.WriteAllText(record, File.ReadAllText(record).Replace("\"AdamW\"", "\"Lion\"", StringComparison.Ordinal));
        Assert.Equal(ExitCode.InputRejected, (await Run("verify", damaged, "--dump", folder.File("dump"))).Code);
        using SafetensorsFile dump = SafetensorsFile.Open(folder.File("dump/gpt2.safetensors"));
        Assert.True(dump.TryGet("batch0.output.logits", out _));
    }

    [Fact]
    public async Task Embeddings_ask_for_their_model()
    {
        (int code, string output, string error) = await Run("verify", Path.Combine(Repository.Goldens, "embeddings"));
        Assert.Equal((ExitCode.Usage, ""), (code, output));
        Assert.Contains("--model", error, StringComparison.Ordinal);
        (code, _, error) = await Run("verify", Path.Combine(Repository.Goldens, "embeddings"), "--model", "nobody/nothing");
        Assert.Equal(ExitCode.InputOutput, code);
        Assert.Contains("heed pull nobody/nothing", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_of_tasks_are_compared_one_by_one_and_a_departing_one_ends_with_7()
    {
        string source = Path.Combine(Repository.Goldens, "pipelines");
        using TemporaryFolder folder = new();
        Copy(Path.Combine(source, "models", "bert-mlm"), folder.File("tasks/models/bert-mlm"));
        string right = File.ReadLines(Path.Combine(source, "fill-mask.jsonl")).First();
        const string Published = """{"task": "fill-mask", "model": "published", "inputs": "", "output": []}""";
        File.WriteAllText(folder.File("tasks/fill-mask.jsonl"), right + "\n" + Published + "\n");
        (int code, string output, _) = await Run("verify", folder.File("tasks"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("1 of 1 rows of tasks agree with the reference; 1 were not run", output, StringComparison.Ordinal);

        File.WriteAllText(folder.File("tasks/fill-mask.jsonl"), right.Replace("\"token\":149", "\"token\":150", StringComparison.Ordinal) + "\n");
        (code, output, _) = await Run("verify", folder.Path);   // found by the search too
        Assert.Equal(ExitCode.Numerical, code);
        Assert.Contains("fill-mask (fill-mask, line 1): output[0][0].token is 149, not 150", output, StringComparison.Ordinal);
        Assert.Contains("0 of 1 rows of tasks agree", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_of_measures_are_compared_one_by_one_and_a_departing_one_ends_with_7()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("measures"));
        const string Right = """{"metric": "squad", "predicted": "the cat", "answers": ["a cat"], "score": {"exact": 1.0, "f1": 1.0}}""";
        File.WriteAllText(folder.File("measures/metrics.jsonl"), Right + "\n" + Right + "\n");
        (int code, string output, _) = await Run("verify", folder.File("measures"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("2 of 2 rows of measures agree", output, StringComparison.Ordinal);

        File.WriteAllText(folder.File("measures/metrics.jsonl"), Right + "\n" + Right.Replace("1.0}", "0.99}", StringComparison.Ordinal) + "\n");
        (code, output, _) = await Run("verify", folder.Path);   // found by the search too
        Assert.Equal(ExitCode.Numerical, code);
        Assert.Contains("squad (line 2): score.f1 is 1, not 0.99", output, StringComparison.Ordinal);

        (code, output, _) = await Run("verify", folder.Path, "--json");
        Assert.Equal(ExitCode.Numerical, code);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement measures = Assert.Single(json.RootElement.GetProperty("measures").EnumerateArray());
        Assert.Equal("squad (line 2)", measures.GetProperty("failed")[0].GetProperty("case").GetString());

        File.WriteAllText(folder.File("measures/metrics.jsonl"), "{\n");
        (code, _, string error) = await Run("verify", folder.File("measures"));
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("line 1", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_of_many_kinds_is_searched_and_other_kinds_are_passed_over()
    {
        using TemporaryFolder folder = new();
        Copy(Gpt2, folder.File("models/gpt2"));
        Directory.CreateDirectory(folder.File("finetune/task"));
        File.WriteAllText(folder.File("finetune/golden.json"), "{}");
        Directory.CreateDirectory(folder.File("gguf/q4"));
        File.WriteAllText(folder.File("gguf/q4/model.gguf"), "");
        Directory.CreateDirectory(folder.File("embeddings"));
        File.WriteAllText(folder.File("embeddings/embeddings.safetensors"), "");
        (int code, string output, string error) = await Run("verify", folder.Path, "--no-training");
        Assert.True(code == ExitCode.Ok, output + error);
        Assert.Contains("1 of 1 cases agree", output, StringComparison.Ordinal);
        foreach (string other in (string[])["finetune", "gguf", "embeddings"]) Assert.Contains($"pass over  {folder.File(other)}  ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--dump", "x")]
    [InlineData("--model", "x")]
    [InlineData("--no-training")]
    [InlineData("--strict")]
    public async Task Options_that_do_nothing_for_tokenizers_are_refused(params string[] options)
    {
        (int code, string output, string error) = await Run(["verify", "--tokenizer", Path.Combine(Repository.Goldens, "tokenizers", "wordlevel"), .. options]);
        Assert.Equal((ExitCode.Usage, ""), (code, output));
        Assert.Contains(options[0], error, StringComparison.Ordinal);
    }
}
