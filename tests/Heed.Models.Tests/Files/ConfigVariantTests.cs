using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Bart;
using Heed.Models.Bert;
using Heed.Models.Bloom;
using Heed.Models.DistilBert;
using Heed.Models.Files;
using Heed.Models.Gpt1;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Models.T5;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Files;

/// <summary>Configurations as they are found in the wild: missing fields, null fields, other names, settings that nothing here
/// computes.</summary>
public sealed class ConfigVariantTests
{
    private static ModelConfig Read(string json)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), json);
        return ModelFolder.ReadConfig(folder.Path).Config;
    }

    private static T Read<T>(string json) where T : ModelConfig => Assert.IsType<T>(Read(json));

    [Fact]
    public void Missing_fields_have_the_values_of_the_architecture()
    {
        LlamaConfig llama = Read<LlamaConfig>("""{"model_type": "llama"}""");
        Assert.Equal((32000, 4096, 11008, 32, 32, 32, 128, 2048, 1, 2), (llama.Vocabulary, llama.Width, llama.InnerWidth, llama.Layers, llama.Heads, llama.KeyHeads, llama.HeadWidth, llama.ContextLength, llama.BeginId, llama.EndId));
        LlamaConfig mistral = Read<LlamaConfig>("""{"model_type": "mistral"}""");
        Assert.Equal((32000, 14336, 8, 131072, 4096, 4096), (mistral.Vocabulary, mistral.InnerWidth, mistral.KeyHeads, mistral.ContextLength, mistral.WindowOf(0), mistral.WindowOf(31)));
        Assert.Equal(0, Read<LlamaConfig>("""{"model_type": "mistral", "sliding_window": null}""").WindowOf(0));
        Assert.Equal(32, Read<LlamaConfig>("""{"model_type": "mistral", "num_key_value_heads": null}""").KeyHeads);
        LlamaConfig qwen2 = Read<LlamaConfig>("""{"model_type": "qwen2"}""");
        Assert.Equal((151936, 22016, 32, 32768, 0, true, false), (qwen2.Vocabulary, qwen2.InnerWidth, qwen2.KeyHeads, qwen2.ContextLength, qwen2.WindowOf(31), qwen2.AttentionBias, qwen2.OutputBias));
        Assert.Null(qwen2.EndId);
        LlamaConfig qwen3 = Read<LlamaConfig>("""{"model_type": "qwen3", "hidden_size": 1024, "num_attention_heads": 32, "use_sliding_window": true, "max_window_layers": 30}""");
        Assert.Equal((128, 0, 4096, false), (qwen3.HeadWidth, qwen3.WindowOf(29), qwen3.WindowOf(30), qwen3.AttentionBias));

        Gpt2Config gpt2 = Read<Gpt2Config>("""{"model_type": "gpt2"}""");
        Assert.Equal((50257, 768, 12, 12, 1024, 50256, 50256, Activation.GeluTanh), (gpt2.Vocabulary, gpt2.Width, gpt2.Layers, gpt2.Heads, gpt2.ContextLength, gpt2.BeginId, gpt2.EndId, gpt2.Activation));
        BloomConfig bloom = Read<BloomConfig>("""{"model_type": "bloom"}""");
        Assert.Equal((250880, 64, 2, 8, 1, 2), (bloom.Vocabulary, bloom.Width, bloom.Layers, bloom.Heads, bloom.BeginId, bloom.EndId));
        Assert.Equal(3072, Read<BertConfig>("""{"model_type": "bert", "hidden_size": 240, "num_attention_heads": 12}""").InnerWidth);
        Assert.Equal(3072, Read<DistilBertConfig>("""{"model_type": "distilbert", "dim": 240, "n_heads": 12}""").InnerWidth);
        RobertaConfig roberta = Read<RobertaConfig>("""{"model_type": "roberta"}""");
        Assert.Equal((50265, 512, 2, 1, 0, 2), (roberta.Vocabulary, roberta.PositionRows, roberta.Segments, roberta.PaddingId, roberta.BeginId, roberta.EndId));
        Assert.Null(Read<BertConfig>("""{"model_type": "bert", "pad_token_id": null}""").PaddingId);
        BartConfig bart = Read<BartConfig>("""{"model_type": "bart"}""");
        Assert.Equal((50265, 1024, 12, 12, 16, 1, 0, 2, 2), (bart.Vocabulary, bart.Width, bart.EncoderLayers, bart.Layers, bart.Heads, bart.PaddingId, bart.BeginId, bart.EndId, bart.DecoderStartId));
        T5Config t5 = Read<T5Config>("""{"model_type": "t5", "eos_token_id": null}""");
        Assert.Equal((32128, 512, 64, 2048, 6, 6, 8, 0), (t5.Vocabulary, t5.Width, t5.HeadWidth, t5.InnerWidth, t5.EncoderLayers, t5.Layers, t5.Heads, t5.PaddingId));
        Assert.Null(t5.EndId);
    }

    [Theory]
    [InlineData("""{"model_type": "gpt2", "hidden_size": 96, "num_attention_heads": 6, "num_hidden_layers": 3, "max_position_embeddings": 50}""", 96, 3)]
    [InlineData("""{"model_type": "openai-gpt", "hidden_size": 96, "num_attention_heads": 6, "num_hidden_layers": 3, "max_position_embeddings": 50}""", 96, 3)]
    [InlineData("""{"model_type": "bloom", "n_embed": 96, "num_attention_heads": 6, "num_hidden_layers": 3}""", 96, 3)]
    [InlineData("""{"model_type": "distilbert", "hidden_size": 96, "num_attention_heads": 6, "num_hidden_layers": 3}""", 96, 3)]
    [InlineData("""{"model_type": "t5", "hidden_size": 96, "num_attention_heads": 6, "num_hidden_layers": 3, "head_dim": 16}""", 96, 3)]
    [InlineData("""{"model_type": "bart", "hidden_size": 96, "num_attention_heads": 6, "decoder_layers": 3}""", 96, 3)]
    public void Sizes_may_stand_under_their_common_names(string json, int width, int layers)
    {
        ModelConfig config = Read(json);
        Assert.Equal((width, layers), (config.Width, config.Layers));
        Assert.Equal(6, config switch
        {
            Gpt2Config c => c.Heads,
            Gpt1Config c => c.Heads,
            BloomConfig c => c.Heads,
            DistilBertConfig c => c.Heads,
            T5Config c => c.Heads,
            _ => ((BartConfig)config).EncoderHeads,
        });
    }

    [Theory]
    [InlineData("gelu_new", Activation.GeluTanh)]
    [InlineData("gelu_pytorch_tanh", Activation.GeluTanh)]
    [InlineData("gelu_fast", Activation.GeluTanh)]
    [InlineData("gelu_accurate", Activation.GeluTanh)]
    [InlineData("gelu_python_tanh", Activation.GeluTanh)]
    [InlineData("gelu", Activation.Gelu)]
    [InlineData("gelu_python", Activation.Gelu)]
    [InlineData("quick_gelu", Activation.QuickGelu)]
    [InlineData("silu", Activation.Silu)]
    [InlineData("swish", Activation.Silu)]
    [InlineData("relu", Activation.Relu)]
    [InlineData("tanh", Activation.Tanh)]
    [InlineData("sigmoid", Activation.Sigmoid)]
    public void Activations_have_the_reference_s_names_in_every_family(string word, Activation activation)
    {
        Assert.Equal(activation, Read<Gpt2Config>($$"""{"model_type": "gpt2", "activation_function": "{{word}}"}""").Activation);
        Assert.Equal(activation, Read<BertConfig>($$"""{"model_type": "bert", "hidden_act": "{{word}}"}""").Activation);
        Assert.Equal(activation, Read<DistilBertConfig>($$"""{"model_type": "distilbert", "activation": "{{word}}"}""").Activation);
        Assert.Equal(activation, Read<LlamaConfig>($$"""{"model_type": "llama", "hidden_act": "{{word}}"}""").Activation);
        Assert.Equal(activation, Read<BartConfig>($$"""{"model_type": "bart", "activation_function": "{{word}}"}""").Activation);
        T5Config t5 = Read<T5Config>($$"""{"model_type": "t5", "feed_forward_proj": "{{word}}"}"""), gated = Read<T5Config>($$"""{"model_type": "t5", "feed_forward_proj": "gated-{{word}}"}""");
        Assert.Equal((activation, false), (t5.Activation, t5.Gated));
        // "gated-gelu" has always meant the form by tanh.
        Assert.Equal((word == "gelu" ? Activation.GeluTanh : activation, true), (gated.Activation, gated.Gated));
        foreach (T5Config c in (T5Config[])[t5, gated])
        {
            T5Config again = Read<T5Config>(c.ToJson().ToJsonString());
            Assert.Equal((c.Activation, c.Gated), (again.Activation, again.Gated));
        }
    }

    [Theory]
    [InlineData("""{"model_type": "gpt2", "add_cross_attention": true}""", "add_cross_attention")]
    [InlineData("""{"model_type": "gpt2", "n_embd": 768, "hidden_size": 512}""", "another name of it")]
    [InlineData("""{"model_type": "gpt2", "activation_function": "relu6"}""", "activation_function")]
    [InlineData("""{"model_type": "gpt2", "layer_norm_epsilon": 0}""", "layer_norm_epsilon")]
    [InlineData("""{"model_type": "bert", "layer_norm_eps": 0}""", "layer_norm_eps")]
    [InlineData("""{"model_type": "bert", "is_decoder": true}""", "is_decoder")]
    [InlineData("""{"model_type": "roberta", "add_cross_attention": true}""", "add_cross_attention")]
    [InlineData("""{"model_type": "bert", "position_embedding_type": "relative_key"}""", "position_embedding_type")]
    [InlineData("""{"model_type": "bert", "problem_type": "single_label_classification", "num_labels": 1}""", "problem_type")]
    [InlineData("""{"model_type": "bert", "pruned_heads": {"1": [0, 2]}}""", "pruned_heads")]
    [InlineData("""{"model_type": "llama", "quantization_config": {"quant_method": "gptq"}}""", "quantization_config")]
    [InlineData("""{"model_type": "llama", "hidden_size": 100, "num_attention_heads": 12}""", "num_attention_heads")]
    [InlineData("""{"model_type": "llama", "rms_norm_eps": 0}""", "rms_norm_eps")]
    [InlineData("""{"model_type": "llama", "partial_rotary_factor": 0.5}""", "partial_rotary_factor")]
    [InlineData("""{"model_type": "llama", "rope_parameters": {"rope_type": "linear"}}""", "rope_parameters.factor")]
    [InlineData("""{"model_type": "llama", "rope_parameters": {"rope_type": "llama3", "factor": 8}}""", "low_freq_factor")]
    [InlineData("""{"model_type": "llama", "rope_parameters": {"rope_type": "proportional"}}""", "rope_type")]
    [InlineData("""{"model_type": "llama", "rope_parameters": {"rope_type": "longrope", "short_factor": [1], "long_factor": [2]}}""", "short_factor")]
    [InlineData("""{"model_type": "llama", "rope_parameters": {"full_attention": {"rope_type": "default"}}}""", "full_attention")]
    [InlineData("""{"model_type": "qwen2", "layer_types": ["full_attention"]}""", "layer_types")]
    [InlineData("""{"model_type": "qwen3", "layer_types": ["linear_attention"]}""", "layer_types[0]")]
    [InlineData("""{"model_type": "bart", "normalize_before": true}""", "normalize_before")]
    [InlineData("""{"model_type": "bart", "normalize_embedding": false}""", "normalize_embedding")]
    [InlineData("""{"model_type": "bart", "static_position_embeddings": true}""", "static_position_embeddings")]
    [InlineData("""{"model_type": "marian", "normalize_embedding": true}""", "normalize_embedding")]
    [InlineData("""{"model_type": "marian", "add_final_layer_norm": true}""", "add_final_layer_norm")]
    [InlineData("""{"model_type": "t5", "feed_forward_proj": "gated-relu6"}""", "feed_forward_proj")]
    [InlineData("""{"model_type": "bert", "num_labels": 268435456}""", "num_labels")]
    public void What_is_not_computed_is_refused_by_name(string json, string name)
        => Assert.Contains(name, Assert.ThrowsAny<InputException>(() => Read(json)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"model_type": "gpt2", "n_embd": 268435452, "vocab_size": 268435456}""")]
    [InlineData("""{"model_type": "bert", "hidden_size": 120000, "max_position_embeddings": 268435456}""")]
    [InlineData("""{"model_type": "llama", "intermediate_size": 268435456, "hidden_size": 65536}""")]
    public void Sizes_that_no_tensor_can_have_are_over_budget(string json)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), json);
        (ModelFamily family, string architecture, ModelConfig config) = ModelFolder.ReadConfig(folder.Path);
        Assert.Contains("config.json: its sizes are too large", Assert.Throws<BudgetException>(() => ModelFolder.Shapes(family, architecture, config, folder.File("config.json"))).Message, StringComparison.Ordinal);
        Assert.Throws<BudgetException>(() => ModelFolder.Load(folder.Path));
    }

    [Theory]
    [InlineData("gpt2", "n_layer")]
    [InlineData("bert", "num_hidden_layers")]
    [InlineData("llama", "num_hidden_layers")]
    [InlineData("t5", "num_decoder_layers")]
    [InlineData("bart", "decoder_layers")]
    [InlineData("t5", "num_layers")]
    [InlineData("bart", "encoder_layers")]
    [InlineData("distilbert", "n_layers")]
    public void Layers_beyond_all_models_are_refused_before_any_is_built(string type, string field)
        => Assert.Contains("at most 10,000", Assert.ThrowsAny<HeedException>(() => Read($$"""{"model_type": "{{type}}", "{{field}}": 100000000}""")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"model_type": "bart", "normalize_before": false, "add_final_layer_norm": false, "normalize_embedding": true, "static_position_embeddings": false, "extra_pos_embeddings": 2, "add_bias_logits": false}""")]
    [InlineData("""{"model_type": "marian", "normalize_before": false, "add_final_layer_norm": false, "normalize_embedding": false, "static_position_embeddings": true}""")]
    [InlineData("""{"model_type": "gpt2", "reorder_and_upcast_attn": true, "n_ctx": 1024, "summary_type": "mean", "pruned_heads": {}}""")]
    [InlineData("""{"model_type": "llama", "pretraining_tp": 4, "sliding_window": 7, "rope_scaling": null, "layer_types": ["sliding_attention"]}""")]
    [InlineData("""{"model_type": "mistral", "attention_bias": true, "mlp_bias": true}""")]
    [InlineData("""{"model_type": "qwen2", "attention_bias": false}""")]
    public void What_changes_nothing_is_accepted(string json)
    {
        ModelConfig config = Read(json);
        if (config is not LlamaConfig llama) return;
        Assert.Equal(llama.Kind == LlamaKind.Qwen2, llama.AttentionBias);
        Assert.False(llama.FeedForwardBias);
        if (llama.Kind == LlamaKind.Llama) Assert.Equal(0, llama.WindowOf(0));
    }

    [Fact]
    public void Rope_settings_follow_the_reference()
    {
        RopeScaling Scaling(string rope, string more = "") => Read<LlamaConfig>($$"""{"model_type": "llama", "max_position_embeddings": 64, "rope_parameters": {{rope}}{{more}}}""").Scaling!;
        string ones = string.Join(", ", Enumerable.Repeat("1.0", 64));
        // Without a factor the two lengths give it.
        Assert.Equal(4, Scaling("""{"rope_type": "yarn", "original_max_position_embeddings": 16}""").Factor);
        Assert.Equal(2, Scaling($$"""{"rope_type": "longrope", "short_factor": [{{ones}}], "long_factor": [{{ones}}]}""", """, "original_max_position_embeddings": 32""").Factor);
        Assert.Equal(3, Scaling("""{"rope_type": "yarn", "factor": 3, "original_max_position_embeddings": 16, "beta_fast": 0}""").Factor);
        Assert.Equal(32, Scaling("""{"rope_type": "yarn", "factor": 3, "original_max_position_embeddings": 16, "beta_fast": 0}""").BetaFast);
        // Only yarn and longrope scale cos and sin.
        RopeScaling linear = Scaling("""{"rope_type": "linear", "factor": 2, "attention_factor": 3.0}""");
        Assert.Equal(1, RopeFrequencies.AttentionScale(linear, 64));
        Assert.Equal(3, RopeFrequencies.AttentionScale(Scaling("""{"rope_type": "yarn", "factor": 2, "attention_factor": 3.0}"""), 64));
        // Version 4's field wins, and its older word for the kind is understood.
        LlamaConfig old = Read<LlamaConfig>("""{"model_type": "llama", "rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 5.0}, "rope_parameters": {"rope_type": "default"}}""");
        Assert.Equal((500, 5, RopeScalingKind.Linear), (old.Theta, old.Scaling!.Factor, old.Scaling.Kind));
    }

    [Fact]
    public void A_tied_tensor_that_is_stored_twice_must_be_a_copy()
    {
        Gpt2Config config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, ContextLength = 16 };
        using TemporaryFolder folder = new();
        using (CausalLanguageModel model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(4)))) ModelFolder.Save(model, folder.Path);
        foreach (bool equal in (bool[])[true, false])
        {
            string path = folder.File("model.safetensors"), next = folder.File("next.safetensors");
            using (CheckpointFolder from = CheckpointFolder.Open(folder.Path))
            {
                RawTensor table = from.Tensors.Single(t => t.Name == "transformer.wte.weight");
                float[] head = [.. table.ToFloats().Select(x => equal ? x : -x)];
                SafetensorsWriter.Write(next, [.. from.Tensors.Where(t => t.Name != "lm_head.weight"), RawTensor.FromFloats("lm_head.weight", table.Sizes, head)]);
            }

            File.Move(next, path, overwrite: true);
            if (equal)
            {
                ModelFolder.Load(folder.Path).Model.Dispose();
                continue;
            }

            Assert.Contains("'lm_head.weight' is stored with other values", Assert.Throws<InputException>(() => ModelFolder.Load(folder.Path)).Message, StringComparison.Ordinal);
            List<string> said = [];
            ModelFolder.Load(folder.Path, new LoadOptions { AllowMissing = true, Warnings = new Reporter<string>(said.Add) }).Model.Dispose();
            Assert.Single(said);
            // With a head of its own both are used.
            File.WriteAllText(folder.File("config.json"), File.ReadAllText(folder.File("config.json")).Replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", StringComparison.Ordinal));
            (Model untied, LoadReport report) = ModelFolder.Load(folder.Path);
            using (untied) Assert.True(report.IsComplete);
        }
    }

    [Fact]
    public void Labels_that_are_no_class_are_refused_before_anything_is_computed_from_them()
    {
        Gpt2Config config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, ContextLength = 16, Labels = ["a", "b"] };
        using SequenceClassifier classifier = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(4)));
        using CausalLanguageModel decoder = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(4)));
        using SequenceToSequenceModel pair = SequenceToSequenceModel.Create(new BartConfig { Width = 8, Layers = 1, Heads = 2, Vocabulary = 20, PaddingId = 1, EndId = 2, DecoderStartId = 2 }, new ParameterSet(ParameterSource.Random(4)));
        ModelInputs text = new() { InputIds = TokenGrid.Of([[5, 6, 7]]) };
        Assert.Contains("labels: 2", Assert.Throws<InputException>(() => classifier.Run(text with { Labels = TokenGrid.Of([[2]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("labels: 20", Assert.Throws<InputException>(() => decoder.Run(text with { Labels = TokenGrid.Of([[5, 20, -100]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("labels: -7", Assert.Throws<InputException>(() => decoder.Run(text with { Labels = TokenGrid.Of([[5, -7, -100]]) })).Message, StringComparison.Ordinal);
        Assert.Contains("labels: 21", Assert.Throws<InputException>(() => pair.Run(text with { DecoderInputIds = TokenGrid.Of([[2, 3]]), Labels = TokenGrid.Of([[3, 21]]) })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_decoder_classifies_by_the_last_token_that_is_not_the_padding_id_though_the_mask_shows_more()
    {
        Gpt2Config config = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, ContextLength = 16, PaddingId = 3, Labels = ["a", "b"] };
        using SequenceClassifier second = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(4)));
        Gpt1Config older = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, ContextLength = 16, PaddingId = 3, Labels = ["a", "b"] };
        using SequenceClassifier first = SequenceClassifier.Create(older, new ParameterSet(ParameterSource.Random(4)));
        LlamaConfig llama = new() { Layers = 1, Heads = 2, Width = 8, InnerWidth = 12, Vocabulary = 20, PaddingId = 3, Labels = ["a", "b"] };
        using SequenceClassifier other = SequenceClassifier.Create(llama, new ParameterSet(ParameterSource.Random(4)));
        foreach (SequenceClassifier model in (SequenceClassifier[])[first, second, other])
        {
            float[] Scores(params int[] ids) => model.Run(new ModelInputs { InputIds = TokenGrid.Of([ids]) }).Logits!.ToArray();
            Assert.Equal(Scores(5, 6, 7), Scores(5, 6, 7, 3, 3));
            Assert.NotEqual(Scores(5, 6, 7), Scores(5, 6, 7, 4));
            Assert.Equal(Scores(3), Scores(3, 3, 3));
            ModelInputs texts = new() { InputIds = TokenGrid.Of([[5, 6, 7], [8, 9, 3]]), Labels = TokenGrid.Of([[0], [1]]) };
            Assert.True(model.Run(texts).Loss > 0);
        }
    }
}
