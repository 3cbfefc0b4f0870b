using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public sealed class ExportCommandTests
{
    [Fact]
    public async Task An_adapter_is_exported_merged_and_a_file_is_replaced_only_when_asked()
    {
        using TemporaryFolder folder = new();
        string adapter = Path.Combine(Repository.Goldens, "lora", "bert-attention"), file = folder.File("model.onnx");
        (int code, string output, string error) = await Run("export", adapter, "--out", file);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("BertForSequenceClassification", output, StringComparison.Ordinal);
        Assert.Contains("input_ids, attention_mask, token_type_ids → logits", output, StringComparison.Ordinal);
        (code, _, error) = await Run("export", adapter, "--out", file);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--overwrite", error, StringComparison.Ordinal);
        (code, _, error) = await Run("export", adapter, "--out", file, "--overwrite");
        Assert.True(code == ExitCode.Ok, error);
    }

    [Theory]
    [InlineData("bert-sequence", "model.bin", ExitCode.Usage, "does not end in .onnx")]
    [InlineData("gpt2", "model.onnx", ExitCode.InputRejected, "GPT2LMHeadModel: is not exported to ONNX; BERT, RoBERTa")]
    public async Task Another_ending_and_another_model_are_refused(string model, string name, int exit, string words)
    {
        using TemporaryFolder folder = new();
        (int code, _, string error) = await Run("export", Path.Combine(Repository.Goldens, "models", model), "--out", folder.File(name));
        Assert.Equal(exit, code);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File(name)));
    }
}
