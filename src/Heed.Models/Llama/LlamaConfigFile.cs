using System.Text.Json.Nodes;
using Heed.Engine.Nn;

namespace Heed.Models.Llama;

/// <summary>The family's configuration by Hugging Face's names: version 5's <c>rope_parameters</c>, and version 4's <c>rope_theta</c> with
/// <c>rope_scaling</c>.</summary>
internal static class LlamaConfigFile
{
    public static LlamaConfig Read(ConfigReader file)
    {
        LlamaKind kind = file.Choice(
            "model_type", "llama", ("llama", LlamaKind.Llama), ("mistral", LlamaKind.Mistral), ("qwen2", LlamaKind.Qwen2),
            ("qwen3", LlamaKind.Qwen3));
        bool qwen = kind is LlamaKind.Qwen2 or LlamaKind.Qwen3;
        int layers = file.Size("num_hidden_layers", 32, 1), heads = file.Size("num_attention_heads", 32, 1), width = file.Size("hidden_size", 4096, 1);
        int context = file.Size(
            "max_position_embeddings", kind switch { LlamaKind.Llama => 2048, LlamaKind.Mistral => 131072, _ => 32768 }, 1);
        (double theta, RopeScaling? scaling) = Rope(file, context);
        // Qwen2 has these biases and Mistral has none, whatever the file says.
        bool bias = kind == LlamaKind.Qwen2 || (kind is LlamaKind.Llama or LlamaKind.Qwen3 && file.Flag("attention_bias", false));
        return new LlamaConfig
        {
            Kind = kind,
            Vocabulary = file.Size("vocab_size", qwen ? 151936 : 32000, 1),
            Width = width,
            Layers = layers,
            Heads = heads,
            KeyHeads = file.OptionalSize("num_key_value_heads")
                ?? (file.Says("num_key_value_heads") ? heads : kind switch { LlamaKind.Llama => heads, LlamaKind.Mistral => 8, _ => 32 }),
            HeadWidth = file.OptionalSize("head_dim") ?? (kind == LlamaKind.Qwen3 ? 128 : 0),
            InnerWidth = file.Size("intermediate_size", kind switch { LlamaKind.Llama => 11008, LlamaKind.Mistral => 14336, _ => 22016 }, 1),
            ContextLength = context,
            NormEpsilon = (float)file.Number("rms_norm_eps", 1e-6, 1e-30, 1),
            Activation = ConfigWords.Activation(file, "hidden_act", "silu"),
            AttentionBias = bias,
            OutputBias = bias && kind is (LlamaKind.Llama or LlamaKind.Qwen3),
            FeedForwardBias = kind == LlamaKind.Llama && file.Flag("mlp_bias", false),
            Theta = theta,
            Scaling = scaling,
            Window = HasWindow(file, kind) ? file.OptionalSize("sliding_window") ?? (file.Says("sliding_window") ? 0 : 4096) : 0,
            WindowLayers = WindowLayers(file, kind, layers),
            TiedOutput = file.Flag("tie_word_embeddings", false),
            AttentionDropout = (float)file.Number("attention_dropout", 0, 0, 0.999),
            InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
            PaddingId = file.OptionalId("pad_token_id"),
            BeginId = file.OptionalId("bos_token_id", qwen ? null : 1),
            EndId = file.OptionalId("eos_token_id", qwen ? null : 2),
            Labels = ConfigWords.Labels(file),
            ClassificationKind = ConfigWords.Kind(file),
        };
    }

    public static JsonObject Write(LlamaConfig c)
    {
        JsonObject json = new()
        {
            ["model_type"] = c.ModelType,
            ["attention_dropout"] = ConfigWords.Number(c.AttentionDropout),
            ["bos_token_id"] = c.BeginId,
            ["eos_token_id"] = c.EndId,
            ["head_dim"] = c.HeadWidth,
            ["hidden_act"] = ConfigWords.Name(c.Activation),
            ["hidden_size"] = c.Width,
            ["initializer_range"] = ConfigWords.Number(c.InitialDeviation),
            ["intermediate_size"] = c.InnerWidth,
            ["max_position_embeddings"] = c.ContextLength,
            ["num_attention_heads"] = c.Heads,
            ["num_hidden_layers"] = c.Layers,
            ["num_key_value_heads"] = c.KeyHeads,
            ["pad_token_id"] = c.PaddingId,
            ["rms_norm_eps"] = ConfigWords.Number(c.NormEpsilon),
            ["rope_parameters"] = ConfigRope.Write(c.Theta, c.Scaling),
            ["tie_word_embeddings"] = c.TiedOutput,
            ["use_cache"] = true,
            ["vocab_size"] = c.Vocabulary,
        };
        if (c.Kind is LlamaKind.Llama or LlamaKind.Qwen3) json["attention_bias"] = c.AttentionBias;
        if (c.Kind == LlamaKind.Llama) json["mlp_bias"] = c.FeedForwardBias;
        if (c.Kind != LlamaKind.Llama) json["sliding_window"] = c.Window > 0 ? c.Window : null;
        if (c.Kind is LlamaKind.Qwen2 or LlamaKind.Qwen3)
        {
            json["use_sliding_window"] = c.Window > 0;
            json["layer_types"] = ConfigWords.LayerTypes(Enumerable.Range(0, c.Layers).Select(i => c.WindowOf(i) > 0));
        }

        return json;
    }

    private static bool HasWindow(ConfigReader file, LlamaKind kind)
        => kind == LlamaKind.Mistral || (kind is LlamaKind.Qwen2 or LlamaKind.Qwen3 && file.Flag("use_sliding_window", false));

    /// <summary><c>layer_types</c>; older Qwen files say from which layer on the window acts.</summary>
    private static bool[] WindowLayers(ConfigReader file, LlamaKind kind, int layers)
    {
        // Mistral and LLaMA are alike in all layers; transformers reads the field in neither.
        if (kind is LlamaKind.Llama or LlamaKind.Mistral) return [];
        if (ConfigWords.WindowLayers(file) is { } windows) return windows;
        int first = file.Size("max_window_layers", 28, 0);
        bool[] from = new bool[layers];
        for (int i = first; i < layers; i++) from[i] = true;
        return from;
    }

    private static (double Theta, RopeScaling? Scaling) Rope(ConfigReader file, int context)
    {
        ConfigRope.RefusePartial(file);
        double theta = file.Number("rope_theta", 10000, 1e-3);
        // Version 4's field wins where both are there.
        if ((ConfigRope.Older(file) ?? file.Nested("rope_parameters")) is not { } rope) return (theta, null);
        foreach (string layers in (ReadOnlySpan<string>)["full_attention", "sliding_attention"])
            if (rope.Has(layers))
                throw rope.Wrong(layers, "gives kinds of layers RoPE of their own; all layers have the same here. "
                    + "Choose a model without it");
        return ConfigRope.Read(file, rope, theta, context);
    }
}
