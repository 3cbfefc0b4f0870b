using System.Text.Json;
using Heed.Checkpoints.Gguf;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.SentencePiece;

namespace Heed.Generation.Gguf;

/// <summary>A model's tokenizer as keys of GGUF (<c>tokenizer.ggml.*</c>).</summary>
internal static class GgufVocabulary
{
    private const string Keys = "tokenizer.ggml.";
    private const long Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, ByteType = 6;

    private static readonly string[] TokenizerFiles = ["tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"];

    /// <summary>All keys, in llama.cpp's order; none if the folder holds no tokenizer.</summary>
    /// <param name="source">The model's files.</param>
    /// <param name="config">Its sizes: the vocabulary is filled up to the rows of the table.</param>
    /// <exception cref="InputException">The tokenizer has no form in GGUF.</exception>
    public static IReadOnlyList<KeyValuePair<string, GgufValue>> Of(IModelFiles source, ModelConfig config)
    {
        List<KeyValuePair<string, GgufValue>> keys = [];
        if (!Array.Exists(TokenizerFiles, source.Contains)) return keys;
        Tokenizer tokenizer = Tokenizer.FromFiles(source);
        string[] tokens = new string[Math.Max(config.Vocabulary, tokenizer.VocabularySize)];
        long[] types = [.. Enumerable.Repeat(Normal, tokens.Length)];
        for (int id = 0; id < tokens.Length; id++)
        {
            string? token = tokenizer.IdToToken(id);
            (tokens[id], types[id]) = token is null ? ($"[PAD{id}]", Unused) : (token, Normal);
        }

        foreach ((int id, AddedToken added) in tokenizer.AddedTokens)
            if (id < types.Length) types[id] = added.Special ? Control : UserDefined;
        switch (tokenizer.Parts.Model)
        {
            case BpeModel bpe when IsByteLevel(tokenizer):
                Add("model", GgufValue.Of("gpt2"));
                Add("pre", GgufValue.Of(SplitName(tokenizer, source)));
                Add("tokens", GgufValue.Of(tokens));
                Add("token_type", GgufValue.Of(types));
                Add("merges", GgufValue.Of(bpe.Merges.Select(m => $"{m.Left} {m.Right}").ToArray()));
                break;
            case WordPieceModel:
                Add("model", GgufValue.Of("bert"));
                Add("tokens", GgufValue.Of([.. tokens.Select((t, id) => types[id] != Normal ? t
                    : t.StartsWith("##", StringComparison.Ordinal) ? t[2..] : "▁" + t)]));
                Add("token_type", GgufValue.Of(types));
                break;
            default:
                SentencePiece(source, tokens, types, Add);
                break;
        }

        int[] around = [.. tokenizer.Encode("a", addSpecialTokens: true).Ids],
            bare = [.. tokenizer.Encode("a", addSpecialTokens: false).Ids];
        foreach ((string role, string name) in ((string, string)[])
            [("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding"), ("sep_token", "seperator"),
                ("cls_token", "cls"), ("mask_token", "mask")])
        {
            int? id = tokenizer.SpecialTokens.TryGetValue(role, out string? token) ? tokenizer.TokenToId(token)
                : role switch { "bos_token" => Known(config, "bos_token_id"), "eos_token" => Known(config, "eos_token_id"), _ => null };
            if (id is { } known) Add($"{name}_token_id", GgufValue.Of((uint)known));
            if (name == "bos") Add("add_bos_token", GgufValue.Of(around.Length > bare.Length && id is { } first && around[0] == first));
            if (name == "eos") Add("add_eos_token", GgufValue.Of(around.Length > bare.Length && id is { } last && around[^1] == last));
        }

        if (ChatTemplate(source) is { } template) keys.Add(new("tokenizer.chat_template", GgufValue.Of(template)));
        return keys;

        void Add(string name, GgufValue value) => keys.Add(new(Keys + name, value));
    }

    private static int? Known(ModelConfig config, string key)
        => config.Original?[key] is System.Text.Json.Nodes.JsonValue value && value.TryGetValue(out int id) && id >= 0 ? id : null;

    /// <summary>The template of <c>tokenizer_config.json</c>, or of its own file.</summary>
    private static string? ChatTemplate(IModelFiles source)
    {
        StoredFile own = new(source, "chat_template.jinja"), settings = new(source, "tokenizer_config.json");
        if (own.Exists) return System.Text.Encoding.UTF8.GetString(own.ReadAll(1 << 24));
        if (!settings.Exists) return null;
        using JsonDocument document = settings.ReadJson(1 << 24);
        return document.RootElement.TryGetProperty("chat_template", out JsonElement template) && template.ValueKind == JsonValueKind.String
            ? template.GetString() : null;
    }

    private static bool IsByteLevel(Tokenizer tokenizer) => PreTokenizers(tokenizer).Any(p => p is ByteLevelPreTokenizer);

    private static IEnumerable<IPreTokenizer> PreTokenizers(Tokenizer tokenizer) => tokenizer.Parts.PreTokenizer switch
    {
        null => [],
        SequencePreTokenizer sequence => sequence.Parts,
        { } one => [one],
    };

    /// <summary>The name of the expression that cuts texts into words.</summary>
    private static string SplitName(Tokenizer tokenizer, IModelFiles source)
    {
        IPreTokenizer[] parts = [.. PreTokenizers(tokenizer)];
        if (parts is [ByteLevelPreTokenizer { UseRegex: true }]) return "gpt-2";
        if (parts is [SplitPreTokenizer split, ByteLevelPreTokenizer { UseRegex: false }])
            foreach ((string name, string pattern) in GgufTokenizer.Splits)
                if (split.Pattern.Expression == pattern) return name;
        throw new InputException($"{source.Location}: its tokenizer cuts words by an expression that GGUF's form has no name for "
            + $"here; those of {string.Join(", ", GgufTokenizer.Splits.Keys)} have one.");
    }

    private static void SentencePiece(IModelFiles source, string[] tokens, long[] types, Action<string, GgufValue> add)
    {
        StoredFile model = new(source, "tokenizer.model");
        if (!model.Exists)
            throw new InputException($"{source.Location}: its tokenizer has no form in GGUF here: byte-level BPE, WordPiece, and "
                + $"folders with SentencePiece's tokenizer.model have one.");
        SentencePieceFile file = SentencePieceFile.Read(model);
        if (file.ModelType != SentencePieceModelType.Bpe)
            throw new InputException($"{model.Path}: is a {file.ModelType} model; GGUF's form 'llama' holds byte-pair encoding.");
        double[] scores = new double[tokens.Length];
        for (int id = 0; id < Math.Min(tokens.Length, file.Pieces.Count); id++)
        {
            SentencePieceEntry piece = file.Pieces[id];
            (tokens[id], scores[id]) = (piece.Text, piece.Score);
            types[id] = piece.Type switch
            {
                SentencePieceType.Unknown => Unknown,
                SentencePieceType.Control => Control,
                SentencePieceType.UserDefined => UserDefined,
                SentencePieceType.Unused => Unused,
                SentencePieceType.Byte => ByteType,
                _ => Normal,
            };
        }

        add("model", GgufValue.Of("llama"));
        add("pre", GgufValue.Of("default"));
        add("tokens", GgufValue.Of(tokens));
        add("scores", GgufValue.Of(scores));
        add("token_type", GgufValue.Of(types));
        add("add_space_prefix", GgufValue.Of(file.Normalizer.AddDummyPrefix));
    }
}
