using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.ModernBert;

/// <summary>The configuration by Hugging Face's names: version 5's <c>layer_types</c> and <c>rope_parameters</c> by kind of layer, and
/// version 4's <c>global_rope_theta</c>, <c>local_rope_theta</c> and <c>global_attn_every_n_layers</c>.</summary>
internal static class ModernBertConfigFile
{
    public static ModernBertConfig Read(ConfigReader file)
    {
        // Version 4 wrote these of every encoder; ModernBERT has neither a table of positions nor a second epsilon.
        foreach (string name in (ReadOnlySpan<string>)["position_embedding_type", "layer_norm_eps"]) _ = file.Has(name);
        int layers = file.Size("num_hidden_layers", 22, 1), context = file.Size("max_position_embeddings", 8192, 1);
        int every = file.Size("global_attn_every_n_layers", 3, 1);
        double theta = file.Number("global_rope_theta", 160_000, 1e-3);
        bool oneBase = file.Says("local_rope_theta") && !file.Has("local_rope_theta"); // null, as the reference has it
        double windowTheta = oneBase ? theta : file.Number("local_rope_theta", 10_000, 1e-3);
        ConfigReader? rope = file.Nested("rope_parameters");
        (theta, RopeScaling? scaling) =
            rope?.Nested("full_attention") is { } all ? ConfigRope.Read(file, all, theta, context) : (theta, null);
        (windowTheta, RopeScaling? windowScaling) =
            rope?.Nested("sliding_attention") is { } near ? ConfigRope.Read(file, near, windowTheta, context) : (windowTheta, null);
        return new ModernBertConfig
        {
            Vocabulary = file.Size("vocab_size", 50368, 1),
            Width = file.Size("hidden_size", 768, 1),
            Layers = layers,
            Heads = file.Size("num_attention_heads", 12, 1),
            InnerWidth = file.Size("intermediate_size", 1152, 1),
            ContextLength = context,
            NormEpsilon = (float)file.Number("norm_eps", 1e-5, 1e-30, 1),
            NormBias = file.Flag("norm_bias", false),
            Activation = ConfigWords.Activation(file, "hidden_activation", "gelu"),
            AttentionBias = file.Flag("attention_bias", false),
            FeedForwardBias = file.Flag("mlp_bias", false),
            Theta = theta,
            Scaling = scaling,
            WindowTheta = windowTheta,
            WindowScaling = windowScaling,
            Window = file.Size("local_attention", 128, 1),
            WindowLayers = ConfigWords.WindowLayers(file) ?? ModernBertConfig.Pattern(layers, every),
            OutputBias = file.Flag("decoder_bias", true),
            HeadActivation = ConfigWords.Activation(file, "classifier_activation", "gelu"),
            HeadBias = file.Flag("classifier_bias", false),
            Pooling = file.Choice("classifier_pooling", "cls", ("cls", Pooling.First), ("mean", Pooling.Mean)),
            EmbeddingDropout = (float)file.Number("embedding_dropout", 0, 0, 0.999),
            AttentionDropout = (float)file.Number("attention_dropout", 0, 0, 0.999),
            FeedForwardDropout = (float)file.Number("mlp_dropout", 0, 0, 0.999),
            ClassifierDropout = (float)file.Number("classifier_dropout", 0, 0, 0.999),
            InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
            TiedOutput = file.Flag("tie_word_embeddings", true),
            PaddingId = file.OptionalId("pad_token_id", 50283),
            BeginId = file.OptionalId("bos_token_id", 50281),
            EndId = file.OptionalId("eos_token_id", 50282),
            Labels = ConfigWords.Labels(file),
            ClassificationKind = ConfigWords.Kind(file),
        };
    }

    public static JsonObject Write(ModernBertConfig c) => new()
    {
        ["model_type"] = c.ModelType,
        ["attention_bias"] = c.AttentionBias,
        ["attention_dropout"] = ConfigWords.Number(c.AttentionDropout),
        ["bos_token_id"] = c.BeginId,
        ["classifier_activation"] = ConfigWords.Name(c.HeadActivation),
        ["classifier_bias"] = c.HeadBias,
        ["classifier_dropout"] = ConfigWords.Number(c.ClassifierDropout),
        ["classifier_pooling"] = c.Pooling == Pooling.Mean ? "mean" : "cls",
        ["decoder_bias"] = c.OutputBias,
        ["embedding_dropout"] = ConfigWords.Number(c.EmbeddingDropout),
        ["eos_token_id"] = c.EndId,
        ["hidden_activation"] = ConfigWords.Name(c.Activation),
        ["hidden_size"] = c.Width,
        ["initializer_range"] = ConfigWords.Number(c.InitialDeviation),
        ["intermediate_size"] = c.InnerWidth,
        ["layer_types"] = ConfigWords.LayerTypes(c.WindowLayers),
        ["local_attention"] = c.Window,
        ["max_position_embeddings"] = c.ContextLength,
        ["mlp_bias"] = c.FeedForwardBias,
        ["mlp_dropout"] = ConfigWords.Number(c.FeedForwardDropout),
        ["norm_bias"] = c.NormBias,
        ["norm_eps"] = ConfigWords.Number(c.NormEpsilon),
        ["num_attention_heads"] = c.Heads,
        ["num_hidden_layers"] = c.Layers,
        ["pad_token_id"] = c.PaddingId,
        ["rope_parameters"] = new JsonObject
        {
            ["full_attention"] = ConfigRope.Write(c.Theta, c.Scaling),
            ["sliding_attention"] = ConfigRope.Write(c.WindowTheta, c.WindowScaling),
        },
        ["tie_word_embeddings"] = c.TiedOutput,
        ["vocab_size"] = c.Vocabulary,
    };
}
