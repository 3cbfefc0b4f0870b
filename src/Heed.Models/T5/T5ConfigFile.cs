using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models.T5;

/// <summary>T5's configuration by the names of Hugging Face's <c>config.json</c>.</summary>
internal static class T5ConfigFile
{
    // "gated-gelu" has always meant the tanh form, "gelu" alone the exact one.
    private static readonly (string Word, (bool Gated, Activation Activation) Value)[] Projections =
    [
        ("gated-gelu", (true, Activation.GeluTanh)),
        .. ConfigWords.Activations.Select(a => (a.Word, (false, a.Value))),
        .. ConfigWords.Activations.Where(a => a.Word != "gelu").Select(a => ("gated-" + a.Word, (true, a.Value))),
    ];

    public static T5Config Read(ConfigReader file)
    {
        file = file.WithNames(
            ("d_model", "hidden_size"), ("num_heads", "num_attention_heads"), ("num_layers", "num_hidden_layers"), ("d_kv", "head_dim"));
        (bool gated, Activation activation) = file.Choice("feed_forward_proj", "relu", Projections);
        if (file.Has("dense_act_fn")) activation = ConfigWords.Activation(file, "dense_act_fn", "relu");
        bool tied = file.Flag("tie_word_embeddings", true);
        int layers = file.Size("num_layers", 6, 1);
        int? padding = file.OptionalId("pad_token_id", 0);
        return new T5Config
        {
            Vocabulary = file.Size("vocab_size", 32128, 1),
            Width = file.Size("d_model", 512, 1),
            HeadWidth = file.Size("d_kv", 64, 1),
            InnerWidth = file.Size("d_ff", 2048, 1),
            EncoderLayers = layers,
            Layers = file.Size("num_decoder_layers", layers, 1),
            Heads = file.Size("num_heads", 8, 1),
            DistanceBuckets = file.Size("relative_attention_num_buckets", 32, 1),
            FarthestDistance = file.Size("relative_attention_max_distance", 128, 1),
            Dropout = (float)file.Number("dropout_rate", 0.1, 0, 0.999),
            NormEpsilon = (float)file.Number("layer_norm_epsilon", 1e-6, 1e-30, 1),
            InitialFactor = (float)file.Number("initializer_factor", 1, 0, 1000),
            Gated = file.Flag("is_gated_act", gated),
            Activation = activation,
            TiedOutput = tied,
            ScaledOutput = file.Flag("scale_decoder_outputs", tied),
            PaddingId = padding,
            BeginId = file.OptionalId("bos_token_id"),
            EndId = file.OptionalId("eos_token_id", 1),
            DecoderStartId = file.OptionalId("decoder_start_token_id") ?? padding,
        };
    }

    public static JsonObject Write(T5Config c)
    {
        JsonObject json = new()
        {
            ["model_type"] = "t5",
            ["d_ff"] = c.InnerWidth,
            ["d_kv"] = c.HeadWidth,
            ["d_model"] = c.Width,
            ["decoder_start_token_id"] = c.DecoderStartId ?? c.PaddingId,
            ["dense_act_fn"] = ConfigWords.Name(c.Activation),
            ["dropout_rate"] = ConfigWords.Number(c.Dropout),
            ["eos_token_id"] = c.EndId,
            // The exact GELU has no gated word: dense_act_fn says it.
            ["feed_forward_proj"] = Array.Find(Projections, p => p.Value == (c.Gated, c.Activation)).Word ?? "gated-gelu",
            ["initializer_factor"] = ConfigWords.Number(c.InitialFactor),
            ["is_encoder_decoder"] = true,
            ["is_gated_act"] = c.Gated,
            ["layer_norm_epsilon"] = ConfigWords.Number(c.NormEpsilon),
            ["num_decoder_layers"] = c.Layers,
            ["num_heads"] = c.Heads,
            ["num_layers"] = c.EncoderLayers,
            ["pad_token_id"] = c.PaddingId,
            ["relative_attention_max_distance"] = c.FarthestDistance,
            ["relative_attention_num_buckets"] = c.DistanceBuckets,
            ["scale_decoder_outputs"] = c.ScaledOutput,
            ["tie_word_embeddings"] = c.TiedOutput,
            ["use_cache"] = true,
            ["vocab_size"] = c.Vocabulary,
        };
        if (c.BeginId is { } begin) json["bos_token_id"] = begin;
        return json;
    }
}
