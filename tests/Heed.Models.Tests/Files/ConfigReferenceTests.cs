using System.Text;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Testing;

namespace Heed.Models.Tests.Files;

/// <summary>Configurations with which the reference is known to do something particular: docs/reference-behaviour.md lists them.</summary>
public sealed class ConfigReferenceTests
{
    [Theory]
    [InlineData("bert-mlm", "layer_norm_eps", "\"small\"", "layer_norm_eps")]
    [InlineData("bert-mlm", "hidden_size", "36.0", "hidden_size")]
    [InlineData("bert-mlm", "hidden_size", "null", "hidden_size")]
    [InlineData("bert-mlm", "hidden_act", "\"GELU\"", "hidden_act")]
    [InlineData("bert-mlm", "hidden_act", "\"zzz\"", "hidden_act")]
    [InlineData("bert-mlm", "hidden_act", "null", "hidden_act")]
    [InlineData("bert-mlm", "tie_word_embeddings", "null", "tie_word_embeddings")]
    [InlineData("bert-mlm", "model_type", "null", "model_type")]
    [InlineData("bert-mlm", "model_type", "\"zzz\"", "model_type")]
    [InlineData("bert-mlm", "architectures", "[\"GPT2LMHeadModel\"]", "architectures[0]")]
    [InlineData("bert-mlm", "num_hidden_layers", "1", "num_hidden_layers 1")]
    [InlineData("bert-mlm", "num_hidden_layers", "9", "num_hidden_layers 9")]
    [InlineData("bert-mlm", "vocab_size", "7", "vocab_size 7")]
    [InlineData("bert-mlm", "vocab_size", "700", "vocab_size 700")]
    [InlineData("bert-mlm", "pad_token_id", "5000", "pad_token_id")]
    [InlineData("roberta-mlm", "pad_token_id", "null", "pad_token_id")]
    [InlineData("gpt2", "n_head", "5", "n_head")]
    [InlineData("gpt2", "quantization_config", """{"quant_method": "zzz"}""", "quantization_config")]
    [InlineData("llama", "num_attention_heads", "5", "num_attention_heads")]
    [InlineData("llama", "rope_parameters", """{"rope_type": "mrope"}""", "rope_type")]
    [InlineData("llama", "rms_norm_eps", "0", "rms_norm_eps")]
    [InlineData("llama", "rope_scaling", "\"linear\"", "rope_scaling")]
    [InlineData("llama", "rope_theta", "Infinity", "config.json")]
    public void A_configuration_that_fits_nothing_is_refused_by_name(string model, string key, string value, string named)
    {
        IModelFiles files = Changed(model, json => json.Insert(json.IndexOf('{', StringComparison.Ordinal) + 1, $"\"{key}\": {value},"), key);
        string message = Assert.ThrowsAny<InputException>(() => ModelFolder.Load(files).Model.Dispose()).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt2", "architectures", "null")]
    [InlineData("bert-mlm", "type_vocab_size", "2")]
    [InlineData("bert-mlm", "attention_probs_dropout_prob", "0")]
    [InlineData("bert-mlm", "hidden_dropout_prob", "0")]
    [InlineData("bert-mlm", "no_such_key", "[1]")]
    [InlineData("bert-mlm", "auto_map", """{"AutoModel": "code.Model"}""")]
    [InlineData("bert-mlm", "dtype", "\"zzz\"")]
    [InlineData("bert-mlm", "torch_dtype", "\"float16\"")]
    [InlineData("bert-mlm", "label2id", """{"x": 9}""")]
    [InlineData("gpt2", "pad_token_id", "5000")]
    [InlineData("gpt2", "n_ctx", "3")]
    [InlineData("llama", "pretraining_tp", "null")]
    [InlineData("llama", "attention_dropout", "null")]
    [InlineData("llama", "eos_token_id", "null")]
    [InlineData("llama", "rope_scaling", "null")]
    [InlineData("llama", "rope_scaling", "{}")]
    public void A_configuration_whose_oddity_changes_nothing_gives_the_same_result(string model, string key, string value)
    {
        IModelFiles files = Changed(model, json => json.Insert(json.IndexOf('{', StringComparison.Ordinal) + 1, $"\"{key}\": {value},"), key);
        Assert.Equal(Logits(Changed(model, json => json)), Logits(files));
    }

    [Theory]
    [InlineData("mish")]
    [InlineData("relu2")]
    [InlineData("relu6")]
    [InlineData("gelu_10")]
    [InlineData("leaky_relu")]
    [InlineData("laplace")]
    [InlineData("hardswish")]
    [InlineData("linear")]
    [InlineData("sqrtsoftplus")]
    public void Activations_that_no_published_model_here_has_are_refused_by_name(string word)
        => Assert.Contains(word, Assert.Throws<InvalidFileException>(() => Read($$"""{"model_type": "bert", "hidden_act": "{{word}}"}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void Fields_that_are_left_out_have_the_architectures_values()
    {
        BertConfig bert = (BertConfig)Read("""{"model_type": "bert"}""");
        Assert.Equal((1e-12f, Activation.Gelu, 2), (bert.NormEpsilon, bert.Activation, bert.Segments));
        Assert.Equal(["LABEL_0", "LABEL_1"], bert.Labels);
        LlamaConfig llama = (LlamaConfig)Read("""{"model_type": "llama", "num_attention_heads": 8, "hidden_size": 64, "num_key_value_heads": null, "head_dim": null, "rms_norm_eps": 1}""");
        Assert.Equal((8, 8, 1f), (llama.KeyHeads, llama.HeadWidth, llama.NormEpsilon));
        Assert.False(llama.TiedOutput);
        Assert.True(((Gpt2Config)Read("""{"model_type": "gpt2"}""")).TiedOutput);
        Assert.Equal(77, ((Gpt2Config)Read("""{"model_type": "gpt2", "n_ctx": 77}""")).ContextLength);
    }

    [Theory]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4.0}")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 4.0}")]
    [InlineData("\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 4.0, \"rope_theta\": 10000.0}")]
    public void Every_form_of_scaled_positions_is_read(string field)
    {
        LlamaConfig config = (LlamaConfig)Read($$"""{"model_type": "llama", {{field}}}""");
        Assert.Equal((RopeScalingKind.Linear, 4d, 10000d), (config.Scaling!.Kind, config.Scaling.Factor, config.Theta));
        string ones = string.Join(", ", Enumerable.Repeat("1.0", 64));
        LlamaConfig older = (LlamaConfig)Read($$"""{"model_type": "llama", "rope_scaling": {"type": "su", "short_factor": [{{ones}}], "long_factor": [{{ones}}]} }""");
        Assert.Equal(RopeScalingKind.LongRope, older.Scaling!.Kind);
    }

    [Theory]
    [InlineData("\"rope_type\": \"llama3\", \"factor\": 4.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0")]
    [InlineData("\"rope_type\": \"yarn\", \"factor\": 4.0")]
    public void Scaled_positions_without_an_original_length_take_the_models(string rope)
    {
        LlamaConfig Config(string more) => (LlamaConfig)Read($$"""{"model_type": "llama", "max_position_embeddings": 64, "rope_parameters": {{{rope}}{{more}}} }""");
        RopeScaling without = Config("").Scaling!, with = Config(", \"original_max_position_embeddings\": 64").Scaling!;
        Assert.Equal(RopeFrequencies.Compute(16, 10000, with, 64, 64), RopeFrequencies.Compute(16, 10000, without, 64, 64));
    }

    [Fact]
    public void A_factor_below_one_is_used()
        => Assert.Equal(0.5, ((LlamaConfig)Read("""{"model_type": "llama", "rope_scaling": {"rope_type": "linear", "factor": 0.5}}""")).Scaling!.Factor);

    [Theory]
    [InlineData("\uFEFF{\"model_type\": \"gpt2\"}")]
    [InlineData("{\"model_type\": \"gpt2\", \"x\": Infinity}")]
    [InlineData("{\"model_type\": \"gpt2\"")]
    public void A_file_that_is_no_json_is_refused(string json)
        => Assert.Contains("config.json", Assert.Throws<InvalidFileException>(() => Read(json)).Message, StringComparison.Ordinal);

    private static ModelConfig Read(string json)
        => ModelFolder.ReadConfig(new MemoryModelFiles([KeyValuePair.Create("config.json", (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(json))])).Config;

    private static float[] Logits(IModelFiles files)
    {
        using Model model = ModelFolder.Load(files).Model;
        return model.Run(new ModelInputs { InputIds = TokenGrid.Of([[5, 9, 2, 7, 3]]) }).Logits!.ToArray();
    }

    private static MemoryModelFiles Changed(string model, Func<string, string> change, string? without = null)
    {
        string folder = Path.Combine(Repository.Goldens, "models", model);
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")))!.AsObject();
        if (without is not null) config.Remove(without);
        return new MemoryModelFiles(
        [
            KeyValuePair.Create("config.json", (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(change(config.ToJsonString()))),
            KeyValuePair.Create("model.safetensors", (ReadOnlyMemory<byte>)File.ReadAllBytes(Path.Combine(folder, "model.safetensors"))),
        ]);
    }
}
