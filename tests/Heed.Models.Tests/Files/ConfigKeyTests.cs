using System.Text.Json.Nodes;
using Heed.Models.Files;
using Heed.Testing;

namespace Heed.Models.Tests.Files;

/// <summary>Every key of config.json is followed, refused by name, without effect, or unknown and warned of.</summary>
public sealed class ConfigKeyTests
{
    public static TheoryData<string> Models => ConfigMutationTests.Models;

    [Theory, MemberData(nameof(Models))]
    public void The_golden_models_have_no_unknown_key(string name)
    {
        ModelDescription description = ModelFolder.ReadConfig(Path.Combine(Repository.Goldens, "models", name));
        Assert.DoesNotContain(description.Keys, key => key.Use == ConfigKeyUse.Unknown);
        Assert.Contains(description.Keys, key => key is { Key: "vocab_size", Use: ConfigKeyUse.Followed });
    }

    [SharedFact]
    public void Published_models_have_no_unknown_key()
    {
        List<string> unknown = [];
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Repository.Shared!, "models"), "config.json", SearchOption.AllDirectories))
        {
            if (Path.GetFileName(Path.GetDirectoryName(file)!).StartsWith("1_", StringComparison.Ordinal)) continue;
            unknown.AddRange(ModelFolder.ReadConfigFile(file).Keys.Where(key => key.Use == ConfigKeyUse.Unknown).Select(key => $"{file}: {key.Key}"));
        }

        Assert.Empty(unknown);
    }

    [Fact]
    public void Unknown_keys_and_code_of_the_repository_are_warned_of_once()
    {
        List<string> warnings = [];
        using Model model = ModelFolder.Load(Changed("gpt2", config =>
        {
            config["attention_sinks"] = 4;
            config["auto_map"] = new JsonObject { ["AutoModel"] = "modeling.Model" };
        }), new LoadOptions { Warnings = new Reporter<string>(warnings.Add) }).Model;
        Assert.Collection(
            warnings,
            w => Assert.Contains("$.auto_map: names code in the model's repository, which is never run", w, StringComparison.Ordinal), // cases: r18
            w => Assert.Contains("the key attention_sinks is not known for a gpt2 model", w, StringComparison.Ordinal));
    }

    // cases: g1, g2, g4
    [Theory]
    [InlineData("gpt2", "n_head", "null", "$.n_head: is null")]
    [InlineData("bert-sequence", "num_attention_heads", "null", "$.num_attention_heads: is null")]
    [InlineData("llama", "num_hidden_layers", "null", "$.num_hidden_layers: is null")]
    [InlineData("gpt2", "layer_norm_epsilon", "null", "$.layer_norm_epsilon: is null")]
    [InlineData("gpt2", "activation_function", "null", "$.activation_function: is null")]
    [InlineData("gpt2", "tie_word_embeddings", "null", "$.tie_word_embeddings: is null")]
    [InlineData("gpt2", "n_positions", "null", "$.n_positions: is null")]
    [InlineData("roberta-mlm", "pad_token_id", "null", "$.pad_token_id: is null")]
    [InlineData("bert-sequence", "num_labels", "2", "$.num_labels: is 2, and id2label names 3 classes")]
    [InlineData("gpt2", "vocab_size", "77", "vocab_size 77")]
    [InlineData("t5", "tie_encoder_decoder", "true", "$.tie_encoder_decoder: is true")]
    [InlineData("bart", "encoder_layerdrop", "0.5", "$.encoder_layerdrop: is not 0")]
    [InlineData("bert-mlm", "pad_token_id", "-1", "pad_token_id")]
    [InlineData("bert-mlm", "pad_token_id", "[]", "$.pad_token_id: is an empty list")]
    [InlineData("bert-sequence", "id2label", """{"0": "a", "2": "b"}""", "$.id2label: has no class 1")]
    [InlineData("bert-mlm", "hidden_act", "\"mish\"", "$.hidden_act: is \"mish\"; one of relu, gelu")]
    [InlineData("bert-mlm", "is_decoder", "true", "$.is_decoder: is true")]
    [InlineData("bert-mlm", "position_embedding_type", "\"relative_key\"", "$.position_embedding_type: is \"relative_key\"")]
    [InlineData("gpt2", "add_cross_attention", "true", "$.add_cross_attention: is true")]
    [InlineData("gpt2", "quantization_config", "{}", "$.quantization_config: is set")]
    [InlineData("gpt2", "pruned_heads", """{"0": [1]}""", "$.pruned_heads")]
    [InlineData("llama", "partial_rotary_factor", "0.5", "$.partial_rotary_factor: is 0.5")]
    [InlineData("llama", "rope_scaling", """{"rope_type": "mrope"}""", "rope_type: is \"mrope\"")]
    public void A_null_or_a_contradiction_is_an_error_that_names_the_field(string model, string key, string value, string expected)
    {
        IModelFiles files = Changed(model, config => config[key] = JsonNode.Parse(value));
        string message = Assert.ThrowsAny<InputException>(() => ModelFolder.Load(files).Model.Dispose()).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Matches("(?i)(correct|give|choose|check|set|add|take) ", message); // cases: r18
    }

    [Theory]
    [InlineData("llama", "attention_dropout")]
    [InlineData("llama", "pretraining_tp")]
    [InlineData("llama", "rope_scaling")]
    [InlineData("llama", "bos_token_id")]
    [InlineData("bert-sequence", "classifier_dropout")]
    [InlineData("bert-sequence", "num_labels")]
    public void A_null_that_the_reference_allows_is_accepted(string model, string key)
    {
        IModelFiles files = Changed(model, config => config[key] = null);
        ModelFolder.Load(files).Model.Dispose();
    }

    // cases: g3
    [Fact]
    public void Labels_with_a_fraction_contradict_a_single_label_problem()
    {
        using Model model = ModelFolder.Load(Changed("bert-sequence", config => config["problem_type"] = "single_label_classification")).Model;
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[5, 6, 7], [8, 9, 10]]), NumberLabels = [0, 1, 1, 1, 0, 0] };
        Assert.Contains("problem_type", Assert.Throws<InputException>(() => model.Run(inputs)).Message, StringComparison.Ordinal);
    }

    private static MemoryModelFiles Changed(string model, Action<JsonObject> change)
    {
        string folder = Path.Combine(Repository.Goldens, "models", model);
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")))!.AsObject();
        change(config);
        return new MemoryModelFiles(
        [
            KeyValuePair.Create("config.json", (ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(config.ToJsonString())),
            KeyValuePair.Create("model.safetensors", (ReadOnlyMemory<byte>)File.ReadAllBytes(Path.Combine(folder, "model.safetensors"))),
        ]);
    }
}
