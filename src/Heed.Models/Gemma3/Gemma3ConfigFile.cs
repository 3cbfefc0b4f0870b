using System.Text.Json.Nodes;
using Heed.Engine.Nn;

namespace Heed.Models.Gemma3;

/// <summary>
/// The configuration by Hugging Face's names: version 5's <c>rope_parameters</c> by kind of layer, and version 4's <c>rope_theta</c>,
/// <c>rope_local_base_freq</c>, <c>rope_scaling</c> and <c>sliding_window_pattern</c>.
/// </summary>
internal static class Gemma3ConfigFile
{
    public static Gemma3Config Read(ConfigReader file)
    {
        ConfigRope.RefusePartial(file);
        file.Guard("attn_logit_softcapping");
        if (file.Has("attn_logit_softcapping"))
            throw file.Wrong("attn_logit_softcapping", "is set; scores of attention are not capped here. Choose a model without it");
        int layers = file.Size("num_hidden_layers", 26, 1), context = file.Size("max_position_embeddings", 131072, 1);
        int every = file.Size("sliding_window_pattern", 6, 1);
        ConfigReader? rope = file.Nested("rope_parameters");
        double theta = file.Number("rope_theta", 1e6, 1e-3), windowTheta = file.Number("rope_local_base_freq", 10000, 1e-3);
        // Version 4's field wins where both are there, and changes the layers that see all tokens alone.
        (theta, RopeScaling? scaling) = (ConfigRope.Older(file) ?? rope?.Nested("full_attention")) is { } all ? ConfigRope.Read(file, all, theta, context) : (theta, null);
        (windowTheta, RopeScaling? windowScaling) = rope?.Nested("sliding_attention") is { } near ? ConfigRope.Read(file, near, windowTheta, context) : (windowTheta, null);
        return new Gemma3Config
        {
            Vocabulary = file.Size("vocab_size", 262208, 1),
            Width = file.Size("hidden_size", 2304, 1),
            Layers = layers,
            Heads = file.Size("num_attention_heads", 8, 1),
            KeyHeads = file.Size("num_key_value_heads", 4, 1),
            HeadWidth = file.Size("head_dim", 256, 1),
            InnerWidth = file.Size("intermediate_size", 9216, 1),
            ContextLength = context,
            NormEpsilon = (float)file.Number("rms_norm_eps", 1e-6, 1e-30, 1),
            Activation = ConfigWords.Activation(file, "hidden_activation", "gelu_pytorch_tanh"),
            AttentionBias = file.Flag("attention_bias", false),
            ScoreWidth = file.Number("query_pre_attn_scalar", 256, 1e-6),
            Theta = theta,
            Scaling = scaling,
            WindowTheta = windowTheta,
            WindowScaling = windowScaling,
            Window = file.Size("sliding_window", 4096, 1),
            WindowLayers = ConfigWords.WindowLayers(file) ?? Gemma3Config.Pattern(layers, every),
            Bidirectional = file.Flag("use_bidirectional_attention", false),
            FinalSoftCap = file.Has("final_logit_softcapping") ? (float)file.Number("final_logit_softcapping", 0, 1e-6) : 0,
            TiedOutput = file.Flag("tie_word_embeddings", true),
            AttentionDropout = (float)file.Number("attention_dropout", 0, 0, 0.999),
            InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
            PaddingId = file.OptionalId("pad_token_id", 0),
            BeginId = file.OptionalId("bos_token_id", 2),
            EndId = file.OptionalId("eos_token_id", 1),
            Labels = ConfigWords.Labels(file),
            ClassificationKind = ConfigWords.Kind(file),
        };
    }

    public static JsonObject Write(Gemma3Config c) => new()
    {
        ["model_type"] = c.ModelType,
        ["attention_bias"] = c.AttentionBias,
        ["attention_dropout"] = ConfigWords.Number(c.AttentionDropout),
        ["bos_token_id"] = c.BeginId,
        ["eos_token_id"] = c.EndId,
        ["final_logit_softcapping"] = c.FinalSoftCap > 0 ? ConfigWords.Number(c.FinalSoftCap) : null,
        ["head_dim"] = c.HeadWidth,
        ["hidden_activation"] = c.Activation == Engine.Kernels.Activation.GeluTanh ? "gelu_pytorch_tanh" : ConfigWords.Name(c.Activation),
        ["hidden_size"] = c.Width,
        ["initializer_range"] = ConfigWords.Number(c.InitialDeviation),
        ["intermediate_size"] = c.InnerWidth,
        ["layer_types"] = ConfigWords.LayerTypes(c.WindowLayers),
        ["max_position_embeddings"] = c.ContextLength,
        ["num_attention_heads"] = c.Heads,
        ["num_hidden_layers"] = c.Layers,
        ["num_key_value_heads"] = c.KeyHeads,
        ["pad_token_id"] = c.PaddingId,
        ["query_pre_attn_scalar"] = c.ScoreWidth % 1 == 0 ? (long)c.ScoreWidth : c.ScoreWidth,
        ["rms_norm_eps"] = ConfigWords.Number(c.NormEpsilon),
        ["rope_parameters"] = new JsonObject
        {
            ["full_attention"] = ConfigRope.Write(c.Theta, c.Scaling),
            ["sliding_attention"] = ConfigRope.Write(c.WindowTheta, c.WindowScaling),
        },
        ["sliding_window"] = c.Window,
        ["tie_word_embeddings"] = c.TiedOutput,
        ["use_bidirectional_attention"] = c.Bidirectional,
        ["use_cache"] = true,
        ["vocab_size"] = c.Vocabulary,
    };
}
