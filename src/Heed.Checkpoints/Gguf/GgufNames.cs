using System.Globalization;

namespace Heed.Checkpoints.Gguf;

/// <summary>
/// llama.cpp's names of tensors ↔ those of Hugging Face, by architecture (gguf-py, tensor_mapping.py). <c>#</c> stands for the number of a
/// layer; <c>.weight</c> and <c>.bias</c> follow.
/// </summary>
internal static class GgufNames
{
    private static readonly (string Gguf, string Hub)[] Llama =
    [
        ("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head"),
        ("blk.#.attn_norm", "model.layers.#.input_layernorm"), ("blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"),
        ("blk.#.attn_q", "model.layers.#.self_attn.q_proj"), ("blk.#.attn_k", "model.layers.#.self_attn.k_proj"),
        ("blk.#.attn_v", "model.layers.#.self_attn.v_proj"), ("blk.#.attn_output", "model.layers.#.self_attn.o_proj"),
        ("blk.#.attn_q_norm", "model.layers.#.self_attn.q_norm"), ("blk.#.attn_k_norm", "model.layers.#.self_attn.k_norm"),
        ("blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"), ("blk.#.ffn_up", "model.layers.#.mlp.up_proj"),
        ("blk.#.ffn_down", "model.layers.#.mlp.down_proj"),
    ];

    private static readonly (string Gguf, string Hub)[] Gpt2 =
    [
        ("token_embd", "transformer.wte"), ("position_embd", "transformer.wpe"), ("output_norm", "transformer.ln_f"), ("output", "lm_head"),
        ("blk.#.attn_norm", "transformer.h.#.ln_1"), ("blk.#.ffn_norm", "transformer.h.#.ln_2"),
        ("blk.#.attn_qkv", "transformer.h.#.attn.c_attn"), ("blk.#.attn_output", "transformer.h.#.attn.c_proj"),
        ("blk.#.ffn_up", "transformer.h.#.mlp.c_fc"), ("blk.#.ffn_down", "transformer.h.#.mlp.c_proj"),
    ];

    private static readonly (string Gguf, string Hub)[] Bert =
    [
        ("token_embd", "embeddings.word_embeddings"), ("token_types", "embeddings.token_type_embeddings"),
        ("position_embd", "embeddings.position_embeddings"), ("token_embd_norm", "embeddings.LayerNorm"),
        ("blk.#.attn_q", "encoder.layer.#.attention.self.query"), ("blk.#.attn_k", "encoder.layer.#.attention.self.key"),
        ("blk.#.attn_v", "encoder.layer.#.attention.self.value"), ("blk.#.attn_output", "encoder.layer.#.attention.output.dense"),
        ("blk.#.attn_output_norm", "encoder.layer.#.attention.output.LayerNorm"), ("blk.#.ffn_up", "encoder.layer.#.intermediate.dense"),
        ("blk.#.ffn_down", "encoder.layer.#.output.dense"), ("blk.#.layer_output_norm", "encoder.layer.#.output.LayerNorm"),
    ];

    private static readonly Dictionary<string, (string Gguf, string Hub)[]> Maps = new(StringComparer.Ordinal)
    {
        ["llama"] = Llama,
        ["qwen2"] = Llama,
        ["qwen3"] = Llama,
        ["gpt2"] = Gpt2,
        ["bert"] = Bert,
    };

    /// <summary>The architectures that are read and written, for errors.</summary>
    public static string Architectures { get; } = string.Join(", ", Maps.Keys);

    /// <summary>True if the architecture is read and written.</summary>
    public static bool IsKnown(string architecture) => Maps.ContainsKey(architecture);

    /// <summary>Hugging Face's name of a tensor; null if there is none.</summary>
    public static string? ToHub(string architecture, string name) => Translate(name, Maps[architecture], pair => pair.Gguf, pair
        => pair.Hub);

    /// <summary>llama.cpp's name of a tensor; null if there is none.</summary>
    public static string? ToGguf(string architecture, string name) => Translate(name, Maps[architecture], pair => pair.Hub, pair
        => pair.Gguf);

    private static string? Translate(
        string name, (string Gguf, string Hub)[] map, Func<(string Gguf, string Hub), string> from, Func<(string Gguf, string Hub),
            string> to)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0 || name[dot..] is not (".weight" or ".bias")) return null;
        string[] words = name[..dot].Split('.');
        int at = Array.FindIndex(words, word => word.Length > 0 && word.All(char.IsAsciiDigit));
        string number = at >= 0 ? words[at] : "";
        if (at >= 0)
        {
            if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int layer)
                || layer.ToString(CultureInfo.InvariantCulture) != number) return null;
            words[at] = "#";
        }

        string pattern = string.Join('.', words);
        int index = Array.FindIndex(map, pair => from(pair) == pattern);
        return index < 0 ? null : to(map[index]).Replace("#", number, StringComparison.Ordinal) + name[dot..];
    }
}
