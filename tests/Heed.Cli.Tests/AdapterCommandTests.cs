using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary>Commands over the folder of an adapter.</summary>
public class AdapterCommandTests
{
    private static string Golden(string name) => Path.Combine(Repository.Goldens, "lora", name);

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    [Fact]
    public async Task Info_lists_base_rank_modules_and_parameters()
    {
        (int code, string output, string error) = await Run("info", Golden("llama-patterns"));
        Assert.Equal((ExitCode.Ok, ""), (code, error));
        foreach (string said in (string[])["LoRA adapter", "../../models/llama", "rank                4, alpha 8", "1,852", "model.layers.*.self_attn.v_proj  × 2  rank 2"])
            Assert.Contains(said, output, StringComparison.Ordinal);
        (_, output, _) = await Run("info", Golden("gpt2-dora"), "--json");
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal("DoRA", json.GetProperty("kind").GetString());
        Assert.Equal(4, json.GetProperty("adapted").GetProperty("transformer.h.0.attn.c_attn").GetInt32());
    }

    [Fact]
    public async Task Info_needs_no_base()
    {
        using TemporaryFolder folder = new();
        Copy(Golden("gpt2-attention"), folder.File("adapter"));
        (int code, string output, string error) = await Run("info", folder.File("adapter"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("trained parameters  1,152", output, StringComparison.Ordinal);
        Assert.Contains("base_model_name_or_path", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt2-embedding")]
    [InlineData("llama-dora")]
    public async Task A_merged_adapter_is_a_model_with_the_adapter_s_logits(string name)
    {
        using TemporaryFolder folder = new();
        (int code, string output, string error) = await Run("merge", Golden(name), "--out", folder.File("merged"));
        Assert.Equal((ExitCode.Ok, ""), (code, error));
        Assert.Equal(name == "gpt2-embedding", output.Contains("tie_word_embeddings", StringComparison.Ordinal));

        // The reference's logits with the adapter are those of the merged folder.
        using (SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(Golden(name), "golden.safetensors")))
        {
            SafetensorsWriter.Write(folder.File("merged/golden.safetensors"), [
                .. golden.Tensors.Where(t => t.Name.StartsWith("input.", StringComparison.Ordinal)).Select(t => t.Rename("batch0." + t.Name)),
                golden["logits"].Rename("batch0.output.logits")]);
            JsonObject noise = new() { ["batch0.output.logits"] = JsonNode.Parse(File.ReadAllText(Path.Combine(Golden(name), "noise.json")))!["logits"]!.DeepClone() };
            File.WriteAllText(folder.File("merged/noise.json"), noise.ToJsonString());
            File.WriteAllText(folder.File("merged/golden.json"), "{}");
        }

        (code, output, _) = await Run("verify", folder.File("merged"));
        Assert.True(code == ExitCode.Ok, output);
        Assert.DoesNotContain("adapter_config.json", Directory.GetFiles(folder.File("merged")).Select(f => Path.GetFileName(f)));

        (code, _, error) = await Run("merge", Golden(name), "--out", folder.File("merged"));
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--overwrite", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_adapter_is_not_merged_and_an_adapter_not_converted()
    {
        using TemporaryFolder folder = new();
        (int code, _, string error) = await Run("merge", Path.Combine(Repository.Goldens, "models", "gpt2"), "--out", folder.File("x"));
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("is no adapter", error, StringComparison.Ordinal);
        (code, _, error) = await Run("convert", Golden("gpt2-attention"), folder.File("x"));
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("heed merge", error, StringComparison.Ordinal);
        (code, _, error) = await Run("merge", Golden("gpt2-attention"), "--out", folder.File("x"), "--base", folder.File("nowhere"));
        Assert.Equal(ExitCode.InputOutput, code);
        Assert.False(Directory.Exists(folder.File("x")));
    }

    [Fact]
    public async Task Verify_searches_adapters_and_ends_with_7_where_one_departs()
    {
        using TemporaryFolder folder = new();
        foreach (string name in (string[])["gpt2-attention", "llama-attention"])
        {
            Copy(Golden(name), folder.File("all/" + name));
            string file = folder.File($"all/{name}/adapter_config.json");
            JsonObject config = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
            config["base_model_name_or_path"] = Path.GetFullPath(Path.Combine(Golden(name), (string)config["base_model_name_or_path"]!));
            if (name == "llama-attention") config["lora_alpha"] = 9;
            File.WriteAllText(file, config.ToJsonString());
        }

        (int code, string output, _) = await Run("verify", folder.File("all"));
        Assert.Equal(ExitCode.Numerical, code);
        Assert.Contains("1 of 2 cases agree", output, StringComparison.Ordinal);
    }
}
