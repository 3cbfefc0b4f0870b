using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Testing;

namespace Heed.Verification.Tests;

/// <summary>References whose inputs cannot be right: each is refused by tensor and shape, and nothing compared with nothing is never a
/// pass.</summary>
public sealed class WrongReferenceTests
{
    // cases: g12, g13
    [Theory]
    [InlineData("gpt2", "attention_mask", new long[] { 2, 6 }, 0, "attention_mask")]
    [InlineData("gpt2", "attention_mask", new long[] { 1, 3 }, 1, "[1, 3]")]
    [InlineData("gpt2", "input_ids", new long[] { 1, 0 }, 5, "input_ids")]
    [InlineData("gpt2", "input_ids", new long[] { 0 }, 5, "input_ids")]
    [InlineData("gpt2", "input_ids", new long[] { 6 }, 5, "input_ids")]
    [InlineData("gpt2", "labels", new long[] { 2, 2 }, 5, "[2, 2]")]
    [InlineData("bert-token", "labels", new long[] { 2, 2 }, 1, "[2, 2]")]
    public void Inputs_of_a_wrong_shape_are_refused_by_tensor_and_shape(string model, string input, long[] shape, long value, string named)
    {
        using TemporaryFolder folder = Copy(model);
        long[] given = [2, 6];
        if (input != "input_ids") Change(folder, "batch0.input.input_ids", given, 5);
        Remove(folder, "batch0.input.token_type_ids");
        if (input != "attention_mask") Remove(folder, "batch0.input.attention_mask");
        Change(folder, $"batch0.input.{input}", shape, value);
        VerifyResult result = ModelVerifier.Run(folder.Path, new VerifyOptions { Training = false });
        Assert.False(result.Passed);
        Assert.NotNull(result.Error);
        Assert.Equal(ExitCode.InputRejected, result.Error.ExitCode);
        Assert.Contains(input, result.Error.Message, StringComparison.Ordinal);
        Assert.Contains(named, result.Error.Message, StringComparison.Ordinal);
    }

    // cases: g14
    [Theory]
    [InlineData("gpt2", "labels")]
    [InlineData("bert-mlm", "labels")]
    [InlineData("bert-sequence", "labels")]
    public void Labels_of_which_none_counts_are_an_error_and_no_loss_of_zero(string model, string input)
    {
        using TemporaryFolder folder = Copy(model);
        Fill(folder, $"batch0.input.{input}", -100);
        foreach (bool training in (bool[])[false, true])
        {
            VerifyResult result = ModelVerifier.Run(folder.Path, new VerifyOptions { Training = training });
            Assert.False(result.Passed);
            Assert.Contains("batch0.input.labels: no target counts", result.Error?.Message, StringComparison.Ordinal);
        }
    }

    // cases: g14
    [Fact]
    public void A_label_of_the_first_token_alone_is_no_target_of_a_decoder()
    {
        using TemporaryFolder folder = Copy("gpt2");
        Change(folder, "batch0.input.input_ids", [1, 4], 5);
        Change(folder, "batch0.input.labels", [1, 4], -100, first: 7);
        Remove(folder, "batch0.input.attention_mask");
        Assert.Contains("no target counts", ModelVerifier.Run(folder.Path).Error?.Message, StringComparison.Ordinal);
    }

    // cases: g15
    [Fact]
    public void One_whole_number_per_text_is_regression_where_a_model_has_one_output()
    {
        using TemporaryFolder folder = Copy("bert-regression");
        string config = folder.File("config.json");
        JsonObject json = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        json.Remove("problem_type");
        File.WriteAllText(config, json.ToJsonString());
        Change(folder, "batch0.input.labels", [3], 1, first: 2);
        VerifyResult result = ModelVerifier.Run(folder.Path, new VerifyOptions { Training = false, Dump = folder.File("dump") });
        Assert.Null(result.Error);
        using SafetensorsFile dump = SafetensorsFile.Open(Directory.GetFiles(folder.File("dump"), "*.safetensors").Single());
        float[] scores = dump.TryGet("batch0.output.logits", out RawTensor? logits) ? logits.ToFloats() : [];
        float[] loss = dump.TryGet("batch0.output.loss", out RawTensor? sum) ? sum.ToFloats() : [];
        double expected = (Math.Pow(scores[0] - 2, 2) + Math.Pow(scores[1] - 1, 2) + Math.Pow(scores[2] - 1, 2)) / 3;
        Assert.Equal(expected, loss[0], 1e-5 * expected);
    }

    // cases: g17
    [Fact]
    public void A_mask_of_zeros_leaves_nothing_to_compare()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Goldens, "checkpoints", "llama-bfloat16"))) File.Copy(file, folder.File(Path.GetFileName(file)));
        Fill(folder, "attention_mask", 0, "expected.safetensors", like: "input_ids");
        VerifyResult result = ModelVerifier.Run(folder.Path);
        Assert.False(result.Passed);
        Assert.Contains("attention_mask", result.Error?.Message, StringComparison.Ordinal);
    }

    private static TemporaryFolder Copy(string model)
    {
        TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Goldens, "models", model))) File.Copy(file, folder.File(Path.GetFileName(file)));
        return folder;
    }

    private static void Fill(TemporaryFolder folder, string name, long value, string file = "golden.safetensors", string? like = null)
    {
        using SafetensorsFile all = SafetensorsFile.Open(folder.File(file));
        long[] shape = all.TryGet(like ?? name, out RawTensor? old) ? old.Sizes : throw new InvalidOperationException(name);
        Rewrite(folder, all, file, name, Integers(name, shape, value, value));
    }

    private static void Change(TemporaryFolder folder, string name, long[] shape, long value, long? first = null)
    {
        const string file = "golden.safetensors";
        using SafetensorsFile all = SafetensorsFile.Open(folder.File(file));
        Rewrite(folder, all, file, name, Integers(name, shape, value, first ?? value));
    }

    private static void Remove(TemporaryFolder folder, string name)
    {
        const string file = "golden.safetensors";
        using SafetensorsFile all = SafetensorsFile.Open(folder.File(file));
        Rewrite(folder, all, file, name, null);
    }

    private static void Rewrite(TemporaryFolder folder, SafetensorsFile all, string file, string name, RawTensor? tensor)
    {
        string next = folder.File("next.safetensors");
        SafetensorsWriter.Write(next, [.. all.Tensors.Where(t => t.Name != name), .. tensor is null ? (RawTensor[])[] : [tensor]]);
        File.Move(next, folder.File(file), overwrite: true);
    }

    private static RawTensor Integers(string name, long[] shape, long value, long first)
    {
        long[] values = new long[shape.Aggregate(1L, (a, b) => a * b)];
        Array.Fill(values, value);
        if (values.Length > 0) values[0] = first;
        return RawTensor.FromBytes(name, DType.I64, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }
}
