using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models.Gpt2;

/// <summary>GPT-2's configuration by the names of Hugging Face's <c>config.json</c>.</summary>
internal static class Gpt2ConfigFile
{
    private static readonly (string Name, string Other)[] Names = [("n_embd", "hidden_size"), ("n_positions", "max_position_embeddings"), ("n_head", "num_attention_heads"), ("n_layer", "num_hidden_layers")];

    public static Gpt2Config Read(ConfigReader file)
    {
        file = file.WithNames(Names);
        ConfigWords.Refuse(file, "add_cross_attention", "a decoder with an encoder of its own is not supported");
        return Sizes(file);
    }

    // reorder_and_upcast_attn orders half-precision products; in float32, as here, it changes nothing.
    private static Gpt2Config Sizes(ConfigReader file) => new()
    {
        Vocabulary = file.Size("vocab_size", 50257, 1),
        Width = file.Size("n_embd", 768, 1),
        Layers = file.Size("n_layer", 12, 1),
        Heads = file.Size("n_head", 12, 1),
        InnerWidth = file.OptionalSize("n_inner") ?? 0,
        ContextLength = file.Size("n_positions", file.Size("n_ctx", 1024, 1), 1),
        NormEpsilon = (float)file.Number("layer_norm_epsilon", 1e-5, 1e-30, 1),
        Activation = ConfigWords.Activation(file, "activation_function", "gelu_new"),
        EmbeddingDropout = (float)file.Number("embd_pdrop", 0.1, 0, 0.999),
        AttentionDropout = (float)file.Number("attn_pdrop", 0.1, 0, 0.999),
        ResidualDropout = (float)file.Number("resid_pdrop", 0.1, 0, 0.999),
        InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
        TiedOutput = file.Flag("tie_word_embeddings", true),
        ScaledScores = file.Flag("scale_attn_weights", true),
        ScaledByLayer = file.Flag("scale_attn_by_inverse_layer_idx", false),
        PaddingId = file.OptionalId("pad_token_id"),
        BeginId = file.OptionalId("bos_token_id", 50256),
        EndId = file.OptionalId("eos_token_id", 50256),
        Labels = ConfigWords.Labels(file),
        ClassificationKind = ConfigWords.Kind(file),
    };

    public static JsonObject Write(Gpt2Config c) => new()
    {
        ["model_type"] = "gpt2",
        ["activation_function"] = ConfigWords.Name(c.Activation),
        ["attn_pdrop"] = ConfigWords.Number(c.AttentionDropout),
        ["bos_token_id"] = c.BeginId,
        ["embd_pdrop"] = ConfigWords.Number(c.EmbeddingDropout),
        ["eos_token_id"] = c.EndId,
        ["initializer_range"] = ConfigWords.Number(c.InitialDeviation),
        ["layer_norm_epsilon"] = ConfigWords.Number(c.NormEpsilon),
        ["n_embd"] = c.Width,
        ["n_head"] = c.Heads,
        ["n_inner"] = c.InnerWidth == 4 * c.Width ? null : c.InnerWidth,
        ["n_layer"] = c.Layers,
        ["n_positions"] = c.ContextLength,
        ["pad_token_id"] = c.PaddingId,
        ["resid_pdrop"] = ConfigWords.Number(c.ResidualDropout),
        ["scale_attn_by_inverse_layer_idx"] = c.ScaledByLayer,
        ["scale_attn_weights"] = c.ScaledScores,
        ["tie_word_embeddings"] = c.TiedOutput,
        ["use_cache"] = true,
        ["vocab_size"] = c.Vocabulary,
    };
}
