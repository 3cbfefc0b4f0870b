using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Engine.Nn;

namespace Heed.Models.Llama;

/// <summary>The family's configuration by Hugging Face's names: version 5's <c>rope_parameters</c>, and version 4's <c>rope_theta</c> with <c>rope_scaling</c>.</summary>
internal static class LlamaConfigFile
{
    public static LlamaConfig Read(ConfigReader file)
    {
        LlamaKind kind = file.Choice("model_type", "llama", ("llama", LlamaKind.Llama), ("mistral", LlamaKind.Mistral), ("qwen2", LlamaKind.Qwen2), ("qwen3", LlamaKind.Qwen3));
        bool qwen = kind is LlamaKind.Qwen2 or LlamaKind.Qwen3;
        int layers = file.Size("num_hidden_layers", 32, 1), heads = file.Size("num_attention_heads", 32, 1), width = file.Size("hidden_size", 4096, 1);
        int context = file.Size("max_position_embeddings", kind switch { LlamaKind.Llama => 2048, LlamaKind.Mistral => 131072, _ => 32768 }, 1);
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
            KeyHeads = file.OptionalSize("num_key_value_heads") ?? (file.Says("num_key_value_heads") ? heads : kind switch { LlamaKind.Llama => heads, LlamaKind.Mistral => 8, _ => 32 }),
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
            ["rope_parameters"] = WriteRope(c),
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
            JsonArray types = [];
            for (int i = 0; i < c.Layers; i++) types.Add((JsonNode)(c.WindowOf(i) > 0 ? "sliding_attention" : "full_attention"));
            json["layer_types"] = types;
        }

        return json;
    }

    private static bool HasWindow(ConfigReader file, LlamaKind kind) => kind == LlamaKind.Mistral || (kind is LlamaKind.Qwen2 or LlamaKind.Qwen3 && file.Flag("use_sliding_window", false));

    /// <summary><c>layer_types</c>; older Qwen files say from which layer on the window acts.</summary>
    private static bool[] WindowLayers(ConfigReader file, LlamaKind kind, int layers)
    {
        // Mistral and LLaMA are alike in all layers; transformers reads the field in neither.
        if (kind is LlamaKind.Llama or LlamaKind.Mistral) return [];
        if (file.Has("layer_types"))
        {
            JsonElement types = file.Root.GetProperty("layer_types");
            if (types.ValueKind != JsonValueKind.Array) throw file.Wrong("layer_types", $"is {StrictJson.Describe(types)}; an array was expected. Correct it");
            bool[] windows = new bool[types.GetArrayLength()];
            for (int i = 0; i < windows.Length; i++)
            {
                string word = StrictJson.Text(types[i], file.File, $"{file.At("layer_types")}[{i}]");
                windows[i] = word switch
                {
                    "sliding_attention" => true,
                    "full_attention" => false,
                    _ => throw new InvalidFileException(file.File, $"{file.At("layer_types")}[{i}]", $"is \"{Printable.Shorten(word)}\"; full_attention or sliding_attention was expected. Correct it"),
                };
            }

            return windows;
        }

        int first = file.Size("max_window_layers", 28, 0);
        bool[] from = new bool[layers];
        for (int i = first; i < layers; i++) from[i] = true;
        return from;
    }

    private static (double Theta, RopeScaling? Scaling) Rope(ConfigReader file, int context)
    {
        RefusePartial(file);
        double theta = file.Number("rope_theta", 10000, 1e-3);
        // Version 4's field wins where both are there.
        ConfigReader? rope = file.Nested("rope_scaling") is { } old && old.Root.EnumerateObject().Any() ? old : file.Nested("rope_parameters");
        if (rope is not { } r) return (theta, null);
        RefusePartial(r);
        foreach (string layers in (ReadOnlySpan<string>)["full_attention", "sliding_attention"])
            if (r.Has(layers)) throw r.Wrong(layers, "gives kinds of layers RoPE of their own; all layers have the same here. Choose a model without it");
        theta = r.Number("rope_theta", theta, 1e-3);
        string type = r.Text("rope_type") ?? r.Text("type") ?? "default";
        if (type == "default") return (theta, null);
        RopeScalingKind kind = type switch
        {
            "linear" => RopeScalingKind.Linear,
            "dynamic" => RopeScalingKind.Dynamic,
            "yarn" => RopeScalingKind.Yarn,
            "llama3" => RopeScalingKind.Llama3,
            "longrope" or "su" => RopeScalingKind.LongRope,
            _ => throw r.Wrong("rope_type", $"is \"{Printable.Shorten(type)}\"; one of default, linear, dynamic, yarn, llama3, longrope was expected. Choose a model with one of these"),
        };
        bool stretched = kind is RopeScalingKind.Yarn or RopeScalingKind.LongRope;
        int original = file.OptionalSize("original_max_position_embeddings") ?? r.OptionalSize("original_max_position_embeddings") ?? 0;
        foreach (string name in kind == RopeScalingKind.Llama3 ? (ReadOnlySpan<string>)["factor", "low_freq_factor", "high_freq_factor"] : stretched ? [] : ["factor"])
            if (!r.Has(name)) throw r.Wrong(name, $"is missing; rope_type \"{type}\" needs it. Add it");
        return (theta, new RopeScaling
        {
            Kind = kind,
            Factor = r.Number("factor", original > 0 ? (double)context / original : 1, 1e-6),
            OriginalLength = original,
            // Only these two kinds have one; the others leave the rotated rows as long as they were.
            AttentionFactor = stretched && r.Has("attention_factor") ? r.Number("attention_factor", 1) : null,
            BetaFast = OrStandard(r.Number("beta_fast", 32), 32),
            BetaSlow = OrStandard(r.Number("beta_slow", 1), 1),
            Scale = r.Has("mscale") ? r.Number("mscale", 1) : null,
            ScaleAll = r.Has("mscale_all_dim") ? r.Number("mscale_all_dim", 1) : null,
            Truncate = r.Flag("truncate", true),
            LowFrequencyFactor = r.Number("low_freq_factor", 1),
            HighFrequencyFactor = r.Number("high_freq_factor", 4),
            ShortFactors = r.Numbers("short_factor"),
            LongFactors = r.Numbers("long_factor"),
        });
    }

    /// <summary>0 says nothing, as in the reference.</summary>
    private static double OrStandard(double value, double standard) => value == 0 ? standard : value;

    private static void RefusePartial(ConfigReader file)
    {
        double part = file.Number("partial_rotary_factor", 1);
        if (part != 1) throw file.Wrong("partial_rotary_factor", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"is {part}; here RoPE turns whole heads, as 1 says. Choose a model without it"));
    }

    private static JsonObject WriteRope(LlamaConfig c)
    {
        JsonObject json = new() { ["rope_theta"] = c.Theta };
        if (c.Scaling is not { } s)
        {
            json["rope_type"] = "default";
            return json;
        }

        json["rope_type"] = s.Kind switch
        {
            RopeScalingKind.Linear => "linear",
            RopeScalingKind.Dynamic => "dynamic",
            RopeScalingKind.Yarn => "yarn",
            RopeScalingKind.Llama3 => "llama3",
            _ => "longrope",
        };
        json["factor"] = s.Factor;
        if (s.OriginalLength > 0) json["original_max_position_embeddings"] = s.OriginalLength;
        if (s.AttentionFactor is { } a) json["attention_factor"] = a;
        if (s.Kind == RopeScalingKind.Yarn)
        {
            json["beta_fast"] = s.BetaFast;
            json["beta_slow"] = s.BetaSlow;
            if (s.Scale is { } scale) json["mscale"] = scale;
            if (s.ScaleAll is { } all) json["mscale_all_dim"] = all;
            if (!s.Truncate) json["truncate"] = false;
        }

        if (s.Kind == RopeScalingKind.Llama3)
        {
            json["low_freq_factor"] = s.LowFrequencyFactor;
            json["high_freq_factor"] = s.HighFrequencyFactor;
        }

        if (s.ShortFactors is { } shorts) json["short_factor"] = new JsonArray([.. shorts.Select(f => (JsonNode)f)]);
        if (s.LongFactors is { } longs) json["long_factor"] = new JsonArray([.. longs.Select(f => (JsonNode)f)]);
        return json;
    }
}
