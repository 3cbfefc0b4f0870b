using System.Globalization;
using System.Text.Json;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Testing;
using Heed.Tokenizers;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class EvalTests
{
    [Fact]
    public async Task Every_token_but_the_first_is_evaluated_in_blocks_of_any_length()
    {
        using TemporaryFolder folder = new();
        string model = SmallModels.Gpt2(folder), text = folder.File("text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 30).Select(i => $"The café {i} is open. ")));
        int tokens = Tokenizer.FromFolder(model).Encode(File.ReadAllText(text), addSpecialTokens: false).Count;
        foreach (int length in (int[])[0, 1, 7, 50])
        {
            JsonElement report = await Eval(model, text, "--length", length.ToString(CultureInfo.InvariantCulture), "--threads", ComputeContext.Current.Threads.ToString(CultureInfo.InvariantCulture));
            Assert.Equal((tokens - 1, tokens, new FileInfo(text).Length), (report.GetProperty("tokens").GetInt32(), report.GetProperty("text_tokens").GetInt32(), report.GetProperty("bytes").GetInt64()));
            double bits = report.GetProperty("loss").GetDouble() / Math.Log(2) * tokens / new FileInfo(text).Length;
            Assert.Equal(bits, report.GetProperty("bits_per_byte").GetDouble(), 1e-12);
        }

        Assert.Equal(14, (await Eval(model, text, "--length", "7", "--blocks", "2")).GetProperty("tokens").GetInt32());
    }

    [Fact]
    public async Task What_cannot_be_evaluated_is_refused_by_option_and_name()
    {
        using TemporaryFolder folder = new();
        string model = SmallModels.Gpt2(folder), empty = folder.File("empty.txt"), text = folder.File("text.txt");
        File.WriteAllText(empty, " \n");
        File.WriteAllText(text, "Some text that is long enough.");
        (int code, _, string error) = await Run("eval", model, "--text", empty);
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains($"--data: {empty} holds no text", error, StringComparison.Ordinal);
        (code, _, error) = await Run("eval", model, "--data", text, "--length", "161");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--length: is 161", error, StringComparison.Ordinal);
        Assert.Contains("from 1 to 160", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_loss_that_is_no_number_is_exit_code_7()
    {
        using TemporaryFolder folder = new();
        string model = SmallModels.Damaged(folder), text = folder.File("text.txt");
        File.WriteAllText(text, "Some text that is long enough.");
        foreach (string[] json in (string[][])[[], ["--json"]])
        {
            (int code, string output, string error) = await Run(["eval", model, "--text", text, .. json]);
            Assert.Equal((ExitCode.Numerical, ""), (code, output));
            Assert.Contains("is NaN", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_perplexity_beyond_all_numbers_is_null_and_short()
    {
        using TemporaryFolder folder = new();
        string model = SmallModels.Gpt2(folder, scale: 10_000), text = folder.File("text.txt");
        File.WriteAllText(text, "Some text that is long enough.");
        JsonElement report = await Eval(model, text);
        Assert.True(report.GetProperty("loss").GetDouble() > 710, report.ToString());
        Assert.Equal(JsonValueKind.Null, report.GetProperty("perplexity").ValueKind);
        Assert.Contains("perplexity above 1e308,", (await Run("eval", model, "--text", text)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_are_held_as_asked_for_and_info_reports_the_memory()
    {
        using TemporaryFolder folder = new();
        string model = SmallModels.Gpt2(folder), text = folder.File("text.txt");
        File.WriteAllText(text, "Some text that is long enough to be evaluated twice.");
        double stored = (await Eval(model, text)).GetProperty("loss").GetDouble(), rounded = (await Eval(model, text, "--dtype", "q8_0")).GetProperty("loss").GetDouble();
        Assert.Equal(stored, (await Eval(model, text, "--dtype", "f32")).GetProperty("loss").GetDouble());
        Assert.NotEqual(stored, rounded);
        Assert.Equal(stored, rounded, 0.02);

        (int code, string output, string error) = await Run("generate", model, "Some", "--greedy", "--max-new-tokens", "3", "--dtype", "q8_0");
        Assert.True(code == ExitCode.Ok && output.StartsWith("Some", StringComparison.Ordinal), error);
        (code, output, error) = await Run("generate", model, "Some", "--greedy", "--max-new-tokens", "3", "--dtype", "q4_0");
        Assert.True(code == ExitCode.Ok && output.StartsWith("Some", StringComparison.Ordinal), error);
        (code, _, error) = await Run("generate", model, "Some", "--dtype", "q3_0");
        Assert.Equal(ExitCode.Usage, code);
        foreach (string part in (string[])["q3_0", "f32", "bf16", "f16", "q8_0", "q4_0", "q4_k", "q6_k"]) Assert.Contains(part, error, StringComparison.Ordinal);

        JsonElement info = JsonDocument.Parse((await Run("info", model, "--json")).Output).RootElement, held = info.GetProperty("held_bytes");
        long values = info.GetProperty("weight_bytes").GetInt64();
        Assert.Equal(values, held.GetProperty("f32").GetInt64());
        Assert.InRange(held.GetProperty("bf16").GetInt64(), values / 2, values * 0.53);
        // The width of 16 fills half a block: 34 bytes for 16 values.
        Assert.True(held.GetProperty("q8_0").GetInt64() > held.GetProperty("bf16").GetInt64());
        Assert.Contains("q8_0", (await Run("info", "gpt2")).Output, StringComparison.Ordinal);
    }

    private static async Task<JsonElement> Eval(string model, string text, params string[] options)
    {
        (int code, string output, string error) = await Run(["eval", model, "--text", text, "--json", .. options]);
        Assert.True(code == ExitCode.Ok, error);
        return JsonDocument.Parse(output).RootElement.Clone();
    }
}
