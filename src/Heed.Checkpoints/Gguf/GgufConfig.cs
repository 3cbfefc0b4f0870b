using System.Text.Json.Nodes;

namespace Heed.Checkpoints.Gguf;

/// <summary>The configuration of Hugging Face that a file's metadata stands for.</summary>
internal static class GgufConfig
{
    private const int MostLayers = 10_000;
    private const int MostSize = 1 << 24;

    /// <summary>The object of <c>config.json</c>.</summary>
    /// <exception cref="InvalidFileException">A key is missing or has a value that cannot be, or the architecture is not read.</exception>
    public static JsonObject Of(GgufMetadata metadata)
    {
        if (!GgufNames.IsKnown(metadata.Architecture))
        {
            throw new InvalidFileException(metadata.File.Path, "general.architecture",
                $"is \"{Printable.Shorten(metadata.Architecture)}\"; {GgufNames.Architectures} are read. Choose a file of one of these");
        }

        JsonObject config = metadata.Architecture switch
        {
            "gpt2" => Gpt2(metadata),
            "bert" => Bert(metadata),
            _ => Llama(metadata),
        };
        foreach ((string key, string id) in ((string, string)[])[("bos", "bos_token_id"), ("eos", "eos_token_id"),
            ("padding", "pad_token_id")])
            if (GgufTokenizer.SpecialId(metadata, key) is { } value) config[id] = value;
        return config;
    }

    private static JsonObject Llama(GgufMetadata metadata)
    {
        string Key(string name) => metadata.Key(name);
        int Size(string name) => metadata.Size(Key(name), MostSize);
        int width = Size("embedding_length"), heads = Size("attention.head_count");
        int? head = metadata.Whole(Key("attention.key_length"), 1, MostSize);
        if (head is { } key && metadata.Whole(Key("attention.value_length"), 1, MostSize) is { } value && value != key)
            throw metadata.Wrong(Key("attention.value_length"), $"{key}, as {Key("attention.key_length")} is,");
        if (head is null && width % heads != 0)
            throw metadata.Wrong(Key("attention.head_count"), $"a divisor of {Key("embedding_length")}, which is {width},");
        head ??= width / heads;
        if (metadata.Whole(Key("rope.dimension_count"), 1, MostSize) is { } turned && turned != head)
            throw metadata.Wrong(Key("rope.dimension_count"), $"{head}, the width of a head,");
        (string type, string model) = metadata.Architecture switch
        {
            "qwen2" => ("qwen2", "Qwen2ForCausalLM"),
            "qwen3" => ("qwen3", "Qwen3ForCausalLM"),
            _ => ("llama", "LlamaForCausalLM"),
        };
        int context = Size("context_length");
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(model),
            ["model_type"] = type,
            ["vocab_size"] = Vocabulary(metadata),
            ["hidden_size"] = width,
            ["intermediate_size"] = Size("feed_forward_length"),
            ["num_hidden_layers"] = metadata.Size(Key("block_count"), MostLayers),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = metadata.Whole(Key("attention.head_count_kv"), 1, MostSize) ?? heads,
            ["max_position_embeddings"] = context,
            ["hidden_act"] = "silu",
            ["rms_norm_eps"] = metadata.Number(Key("attention.layer_norm_rms_epsilon"))
                ?? throw metadata.Missing(Key("attention.layer_norm_rms_epsilon")),
            ["rope_parameters"] = Rope(metadata, context),
            ["tie_word_embeddings"] = !metadata.File.TryGet("output.weight", out _),
        };
        if (type != "qwen2") config["head_dim"] = head;
        else if (head != width / heads) throw metadata.Wrong(Key("attention.key_length"), $"{width / heads}, the width over the heads,");
        if (type == "llama")
        {
            config["attention_bias"] = metadata.File.TryGet("blk.0.attn_q.bias", out _);
            config["mlp_bias"] = metadata.File.TryGet("blk.0.ffn_up.bias", out _);
        }

        if (type == "qwen3") config["attention_bias"] = metadata.File.TryGet("blk.0.attn_q.bias", out _);
        return config;
    }

    private static JsonObject Rope(GgufMetadata metadata, int context)
    {
        JsonObject rope = new() { ["rope_theta"] = metadata.Number(metadata.Key("rope.freq_base")) ?? 10_000.0 };
        string type = metadata.Text(metadata.Key("rope.scaling.type")) ?? "none";
        double factor = metadata.Number(metadata.Key("rope.scaling.factor")) ?? 1;
        int? original = metadata.Whole(metadata.Key("rope.scaling.original_context_length"), 1, MostSize);
        if (GgufWeights.FrequencyFactorsOf(metadata.File) is { } factors)
        {
            // LLaMA 3's scaling: its numbers are the tensor's alone. Each frequency is divided by its factor, whatever the length.
            rope["rope_type"] = "longrope";
            rope["factor"] = 1.0;
            rope["attention_factor"] = metadata.Number(metadata.Key("rope.scaling.attn_factor")) ?? 1.0;
            rope["original_max_position_embeddings"] = original ?? context;
            rope["short_factor"] = List(factors);
            rope["long_factor"] = List(factors);
            return rope;
        }

        switch (type)
        {
            case "none":
                rope["rope_type"] = "default";
                break;
            case "linear":
                (rope["rope_type"], rope["factor"]) = ("linear", factor);
                break;
            case "yarn":
                (rope["rope_type"], rope["factor"]) = ("yarn", factor);
                if (original is { } length) rope["original_max_position_embeddings"] = length;
                break;
            default:
                throw metadata.Wrong(metadata.Key("rope.scaling.type"), "none, linear or yarn");
        }

        return rope;
    }

    private static JsonArray List(float[] values) => [.. values.Select(v => (JsonNode)JsonValue.Create((double)v))];

    private static JsonObject Gpt2(GgufMetadata metadata)
    {
        int width = metadata.Size(metadata.Key("embedding_length"), MostSize);
        return new JsonObject
        {
            ["architectures"] = new JsonArray("GPT2LMHeadModel"),
            ["model_type"] = "gpt2",
            ["vocab_size"] = Vocabulary(metadata),
            ["n_positions"] = metadata.Size(metadata.Key("context_length"), MostSize),
            ["n_embd"] = width,
            ["n_layer"] = metadata.Size(metadata.Key("block_count"), MostLayers),
            ["n_head"] = metadata.Size(metadata.Key("attention.head_count"), MostSize),
            ["n_inner"] = metadata.Whole(metadata.Key("feed_forward_length"), 1, MostSize) ?? 4 * width,
            ["activation_function"] = "gelu_new",
            ["layer_norm_epsilon"] = Epsilon(metadata),
            ["tie_word_embeddings"] = !metadata.File.TryGet("output.weight", out _),
        };
    }

    private static JsonObject Bert(GgufMetadata metadata) => new()
    {
        ["architectures"] = new JsonArray("BertModel"),
        ["model_type"] = "bert",
        ["vocab_size"] = Vocabulary(metadata),
        ["hidden_size"] = metadata.Size(metadata.Key("embedding_length"), MostSize),
        ["num_hidden_layers"] = metadata.Size(metadata.Key("block_count"), MostLayers),
        ["num_attention_heads"] = metadata.Size(metadata.Key("attention.head_count"), MostSize),
        ["intermediate_size"] = metadata.Size(metadata.Key("feed_forward_length"), MostSize),
        ["max_position_embeddings"] = metadata.Size(metadata.Key("context_length"), MostSize),
        ["type_vocab_size"] = metadata.File.TryGet("token_types.weight", out GgufTensor? types) && types.Sizes.Length == 2 ? types.Sizes[0]
            : 1,
        ["hidden_act"] = "gelu",
        ["layer_norm_eps"] = Epsilon(metadata),
    };

    private static double Epsilon(GgufMetadata metadata)
        => metadata.Number(metadata.Key("attention.layer_norm_epsilon"))
            ?? throw metadata.Missing(metadata.Key("attention.layer_norm_epsilon"));

    /// <summary>Rows of the table of tokens.</summary>
    private static long Vocabulary(GgufMetadata metadata)
    {
        if (!metadata.File.TryGet("token_embd.weight", out GgufTensor? table))
            throw new InvalidFileException(metadata.File.Path, "tensor 'token_embd.weight'",
                "is missing; the file holds no model. Write it again with its tensors");
        long[] sizes = table.Sizes;
        return sizes.Length >= 2 ? sizes[^2]
            : throw new InvalidFileException(metadata.File.Path, "tensor 'token_embd.weight'",
                $"has the shape [{string.Join(", ", sizes)}]; a matrix was expected. Write the file again");
    }
}
