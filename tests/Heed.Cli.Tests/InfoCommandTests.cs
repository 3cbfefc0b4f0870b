using System.Text.Json;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

/// <summary><c>heed info</c>: numbers that cannot be, folders whose weights do not fit, and what is stored.</summary>
public class InfoCommandTests
{
    private static string Golden(string form, string name) => Path.Combine(Repository.Goldens, form, name);

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in (string[])["config.json", "model.safetensors"]) File.Copy(Path.Combine(from, file), Path.Combine(to, file));
    }

    [Theory]
    [InlineData("--length", "-1")]
    [InlineData("--length", "0")]
    [InlineData("--length", "1025")]
    [InlineData("--batch", "0")]
    [InlineData("--batch", "2147483647")]
    [InlineData("--depth", "-1")]
    public async Task Impossible_numbers_are_refused_with_their_range(string option, string value)
    {
        (int code, string output, string error) = await Run("info", "gpt2", option, value);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Empty(output);
        Assert.Contains(option + ": is ", error, StringComparison.Ordinal);
        Assert.Contains("from 1 to ", error, StringComparison.Ordinal);
    }

    // cases: r19
    [Fact]
    public async Task A_weight_file_is_listed_and_checked()
    {
        (int code, string output, string error) = await Run("info", Path.Combine(Golden("models", "gpt2"), "model.safetensors"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.Empty(error);
        Assert.Contains("transformer.wte.weight", output, StringComparison.Ordinal);
        Assert.Contains("the file is whole", output, StringComparison.Ordinal);
        (code, output, _) = await Run("info", "--json", Path.Combine(Golden("checkpoints", "llama-sharded"), "model.safetensors.index.json"));
        Assert.Equal(ExitCode.Ok, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.NotEqual(0, json.RootElement.GetProperty("tensors").GetArrayLength());
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("x.safetensors"), "{}");
        (code, _, error) = await Run("info", folder.File("x.safetensors"));
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("header length", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_of_vectors_is_described_without_a_config()
    {
        string folder = Path.Combine(Repository.Goldens, "similarity", "folders", "static");
        (int code, string output, string error) = await Run("info", folder);
        Assert.True(code == ExitCode.Ok, error);
        foreach (string part in (string[])["StaticEmbedding", "parameters", "table", "dimensions", "similarity"]) Assert.Contains(part, output, StringComparison.Ordinal);
        (code, output, _) = await Run("info", folder, "--json");
        Assert.Equal(ExitCode.Ok, code);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(json.RootElement.GetProperty("parameters").GetInt64(), json.RootElement.GetProperty("vocabulary").GetInt64() * json.RootElement.GetProperty("dimensions").GetInt64());
    }

    [Fact]
    public async Task A_model_in_a_folder_of_its_own_below_modules_json_is_found()
    {
        using TemporaryFolder folder = new();
        string from = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean-normalize-old");
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            bool model = Path.GetDirectoryName(file) == from && Path.GetFileName(file) is not ("modules.json" or "config_sentence_transformers.json");
            string to = folder.File(Path.Combine(model ? "0_Transformer" : "", Path.GetRelativePath(from, file)));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        File.WriteAllText(folder.File("modules.json"), File.ReadAllText(folder.File("modules.json")).Replace("\"path\": \"\"", "\"path\": \"0_Transformer\"", StringComparison.Ordinal));
        (int code, string output, string error) = await Run("info", folder.Path);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("BertModel (bert)", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_scoring_of_pairs_reads_is_not_warned_of()
        => Assert.DoesNotContain("sbert_ce", (await Run("info", Path.Combine(Repository.Goldens, "similarity", "folders", "cross-encoder-labels-old"))).Error, StringComparison.Ordinal);

    [Fact]
    public async Task Keys_are_printed_in_groups_and_unknown_ones_warned_of()
    {
        using TemporaryFolder folder = new();
        Copy(Golden("models", "gpt2"), folder.Path);
        System.Text.Json.Nodes.JsonObject config = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!.AsObject();
        config["add_cross_attention"] = false;
        config["strange_key"] = 3;
        config["use_cache"] = true;
        config["num_beams"] = 1;
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
        (int code, string output, string error) = await Run("info", "--json", folder.Path);
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("strange_key", error, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement keys = json.RootElement.GetProperty("keys").GetProperty("config.json");
        string[] In(string group) => [.. keys.GetProperty(group).EnumerateArray().Select(key => key.GetString()!)];
        Assert.Contains("n_head", In("followed"));
        Assert.Contains("num_beams", In("followed"));
        Assert.Contains("add_cross_attention", In("refused_unless_off"));
        Assert.Contains("use_cache", In("without_effect"));
        Assert.Equal(["strange_key"], In("unknown"));
        (_, output, _) = await Run("info", folder.Path);
        Assert.Contains("keys of config.json", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_memory_than_can_be_counted_is_refused()
    {
        (int code, _, string error) = await Run("info", "llama-7b", "--batch", "1000000", "--length", "2147483647");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("8 EiB", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_length_is_the_models_own_where_it_is_short()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), """{"model_type":"custom-decoder","vocab_size":20,"hidden_size":8,"num_hidden_layers":9000,"num_attention_heads":2,"max_position_embeddings":48}""");
        (int code, string output, string error) = await Run("info", folder.File("config.json"));
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("1 × 48 tokens", output, StringComparison.Ordinal);
        Assert.Contains("0 … 8999", output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse((await Run("info", "gpt2", "--json")).Output);
        Assert.Equal(512, json.RootElement.GetProperty("length").GetInt32());
    }

    [Fact]
    public async Task A_folder_says_how_its_weights_are_stored()
    {
        using JsonDocument json = JsonDocument.Parse((await Run("info", Golden("checkpoints", "llama-bfloat16"), "--json")).Output);
        JsonElement stored = json.RootElement.GetProperty("stored_bytes");
        Assert.Equal(json.RootElement.GetProperty("weight_bytes").GetInt64() / 2, stored.GetProperty("BF16").GetInt64());
        (_, string output, _) = await Run("info", Golden("checkpoints", "gpt2-pickle"));
        Assert.Matches("weights, as stored .* F32", output);
    }

    [Fact]
    public async Task A_folder_whose_weights_do_not_fit_is_refused_as_loading_refuses_it()
    {
        using TemporaryFolder folder = new();
        string golden = Golden("models", "gpt2"), weights = folder.File("a/model.safetensors"), config = folder.File("a/config.json");
        Copy(golden, folder.File("a"));
        byte[] whole = File.ReadAllBytes(weights);
        File.WriteAllBytes(weights, whole[..^100]);
        (int code, string output, string error) = await Run("info", folder.File("a"));
        Assert.Equal((ExitCode.InputRejected, ""), (code, output));
        Assert.Contains("model.safetensors", error, StringComparison.Ordinal);

        File.WriteAllBytes(weights, whole);
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"n_layer\": 2", "\"n_layer\": 3", StringComparison.Ordinal));
        (code, output, error) = await Run("info", folder.File("a"));
        Assert.Equal((ExitCode.InputRejected, ""), (code, output));
        Assert.Contains("missing", error, StringComparison.Ordinal);
        Assert.Contains("h.2.", error, StringComparison.Ordinal);

        File.Delete(weights);
        (code, output, error) = await Run("info", folder.File("a"));
        Assert.Equal(ExitCode.Ok, code);
        Assert.Contains("holds no weights", error, StringComparison.Ordinal);
        Assert.DoesNotContain("as stored", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recurrent_models_have_states_and_no_cache_of_keys()
    {
        (_, string output, _) = await Run("info", "lstm-lm-medium");
        Assert.Contains("states of the layers", output, StringComparison.Ordinal);
        Assert.DoesNotContain("key-value cache", output, StringComparison.Ordinal);
        Assert.Contains("26.5 M", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_settings_beside_a_tokenizer_are_listed_in_their_groups()
    {
        string folder = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");
        (int code, string output, _) = await Run("info", folder);
        Assert.Equal(ExitCode.Ok, code);
        string keys = output[output.IndexOf("keys of tokenizer_config.json", StringComparison.Ordinal)..];
        Assert.Contains("do_lower_case", keys[..keys.IndexOf("without effect", StringComparison.Ordinal)], StringComparison.Ordinal);
        Assert.Contains("model_max_length", keys[keys.IndexOf("without effect", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }
}
