using System.Text.Json.Nodes;

namespace Heed.Checkpoints.Gguf;

/// <summary>The tokenizer inside a file, as the files that tokenizers are read from: a SentencePiece model, or
/// <c>tokenizer.json</c>.</summary>
internal static class GgufTokenizer
{
    private const string Keys = "tokenizer.ggml.";
    private const int NormalType = 1, ControlType = 3, UserType = 4;

    /// <summary>The expressions that <c>tokenizer.ggml.pre</c> only names (llama.cpp, <c>llm_tokenizer_bpe</c>).</summary>
    internal static IReadOnlyDictionary<string, string> Splits { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["gpt-2"] = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        ["qwen2"] = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ["llama-bpe"] = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
            + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    };

    /// <summary>Checks the arrays against each other, without building anything.</summary>
    /// <exception cref="InvalidFileException">A key is of another type, or an array of another length.</exception>
    public static void Check(GgufMetadata metadata)
    {
        if (metadata.Texts(Keys + "tokens") is not { } tokens) return;
        if (metadata.Numbers(Keys + "scores") is { } scores && scores.Length != tokens.Length)
            throw metadata.Wrong(Keys + "scores", $"{tokens.Length} numbers, one per token,");
        if (metadata.Wholes(Keys + "token_type") is { } types && types.Length != tokens.Length)
            throw metadata.Wrong(Keys + "token_type", $"{tokens.Length} numbers, one per token,");
    }

    /// <summary>A special token's id: <c>bos</c>, <c>eos</c>, <c>unknown</c>, <c>padding</c>, <c>seperator</c>; null if it is missing, or
    /// no
    /// token.</summary>
    public static int? SpecialId(GgufMetadata metadata, string role)
    {
        int? id = metadata.Whole($"{Keys}{role}_token_id", -1, int.MaxValue);
        return id >= 0 && metadata.Texts(Keys + "tokens") is { } tokens && id < tokens.Length ? id : null;
    }

    /// <summary>The files of the tokenizer, by their names; none if there is no vocabulary.</summary>
    /// <exception cref="InvalidFileException">The kind of tokenizer is not read, or a key cannot be.</exception>
    public static IEnumerable<KeyValuePair<string, byte[]>> Files(GgufMetadata metadata)
    {
        if (metadata.Texts(Keys + "tokens") is not { } tokens) yield break;
        string model = metadata.Text(Keys + "model") ?? throw metadata.Missing(Keys + "model");
        long[] types = metadata.Wholes(Keys + "token_type") ?? [.. Enumerable.Repeat((long)NormalType, tokens.Length)];
        yield return new("tokenizer_config.json", Bytes(Settings(metadata, model, tokens)));
        yield return model switch
        {
            "llama" => new("tokenizer.model", SentencePieceModelWriter.Write(
                tokens, metadata.Numbers(Keys + "scores") ?? throw metadata.Missing(Keys + "scores"), types,
                new SentencePieceRoles(
                    SpecialId(metadata, "unknown") ?? 0, SpecialId(metadata, "bos") ?? -1, SpecialId(metadata, "eos") ?? -1,
                    SpecialId(metadata, "padding") ?? -1),
                metadata.Flag(Keys + "add_space_prefix", true))),
            "gpt2" => new("tokenizer.json", Bytes(ByteLevel(metadata, tokens, types))),
            "bert" => new("vocab.txt", System.Text.Encoding.UTF8.GetBytes(string.Concat(tokens.Select(t => WordPiece(t) + "\n")))),
            _ => throw metadata.Wrong(Keys + "model", "llama, gpt2 or bert"),
        };
    }

    private static byte[] Bytes(JsonObject json) => System.Text.Encoding.UTF8.GetBytes(StrictJson.Format(json));

    private static JsonObject Settings(GgufMetadata metadata, string model, string[] tokens)
    {
        JsonObject settings = new()
        {
            ["tokenizer_class"] = model switch { "llama" => "LlamaTokenizer", "bert" => "BertTokenizer", _ => "PreTrainedTokenizerFast" },
        };
        foreach ((string role, string name) in ((string, string)[])
            [("bos", "bos_token"), ("eos", "eos_token"), ("unknown", "unk_token"), ("padding", "pad_token"), ("seperator", "sep_token"),
                ("cls", "cls_token"), ("mask", "mask_token")])
            if (SpecialId(metadata, role) is { } id) settings[name] = tokens[id];
        if (model == "llama")
        {
            settings["add_bos_token"] = metadata.Flag(Keys + "add_bos_token", true);
            settings["add_eos_token"] = metadata.Flag(Keys + "add_eos_token", false);
        }

        if (metadata.Text("tokenizer.chat_template") is { } template) settings["chat_template"] = template;
        return settings;
    }

    /// <summary>llama.cpp writes ▁ before words and nothing before their continuations, which WordPiece marks with ##.</summary>
    private static string WordPiece(string token)
        => token.StartsWith('▁') ? token[1..] : token.StartsWith('[') && token.EndsWith(']') ? token : "##" + token;

    private static JsonObject ByteLevel(GgufMetadata metadata, string[] tokens, long[] types)
    {
        string name = metadata.Text(Keys + "pre") ?? "gpt-2";
        if (name == "default") name = "gpt-2";
        if (!Splits.TryGetValue(name, out string? pattern)) throw metadata.Wrong(Keys + "pre", $"one of {string.Join(", ", Splits.Keys)}");
        JsonObject vocabulary = [];
        JsonArray added = [];
        for (int i = 0; i < tokens.Length; i++)
        {
            bool isAdded = types[i] is ControlType or UserType;
            if (isAdded)
            {
                added.Add((JsonNode)new JsonObject
                {
                    ["id"] = i,
                    ["content"] = tokens[i],
                    ["single_word"] = false,
                    ["lstrip"] = false,
                    ["rstrip"] = false,
                    ["normalized"] = false,
                    ["special"] = types[i] == ControlType,
                });
            }

            if (!vocabulary.TryAdd(tokens[i], i))
                throw new InvalidFileException(metadata.File.Path, $"{Keys}tokens[{i}]",
                    $"repeats the token \"{Printable.Shorten(tokens[i])}\". Write the file again");
        }

        JsonObject result = new()
        {
            ["version"] = "1.0",
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = pattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    new JsonObject
                    {
                        ["type"] = "ByteLevel",
                        ["add_prefix_space"] = false,
                        ["trim_offsets"] = true,
                        ["use_regex"] = false
                    }),
            },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject
            {
                ["type"] = "ByteLevel",
                ["add_prefix_space"] = true,
                ["trim_offsets"] = true,
                ["use_regex"] = true
            },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = name == "llama-bpe",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. (metadata.Texts(Keys + "merges") ?? throw metadata.Missing(Keys + "merges")).Select(m
                    => (JsonNode)m)]),
            },
        };
        if (metadata.Flag(Keys + "add_bos_token", name == "llama-bpe") && SpecialId(metadata, "bos") is { } bos)
            result["post_processor"] = Template(tokens[bos], bos);
        return result;
    }

    private static JsonObject Template(string token, int id)
    {
        JsonObject Special() => new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = 0 } };
        JsonObject Text(string name, int type) => new() { ["Sequence"] = new JsonObject { ["id"] = name, ["type_id"] = type } };
        return new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(Special(), Text("A", 0)),
            ["pair"] = new JsonArray(Special(), Text("A", 0), Special(), Text("B", 0)),
            ["special_tokens"] = new JsonObject
            {
                [token] = new JsonObject { ["id"] = token, ["ids"] = new JsonArray(id), ["tokens"] = new JsonArray(token) },
            },
        };
    }
}
