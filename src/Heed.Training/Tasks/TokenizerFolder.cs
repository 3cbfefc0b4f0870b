using System.Text.Json.Nodes;
using Heed.Tokenizers;

namespace Heed.Training.Tasks;

/// <summary>Writes a tokenizer's files beside a model, so that transformers opens them too.</summary>
internal static class TokenizerFolder
{
    /// <summary>Name of the tokenizer.</summary>
    public const string FileName = "tokenizer.json";

    private const string ConfigName = "tokenizer_config.json";

    /// <summary>Settings that belong to a tokenizer and are kept as they are.</summary>
    private static readonly string[] Kept = [ConfigName, "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"];

    private static readonly (string Role, string Token)[] BertRoles =
        [("pad_token", "[PAD]"), ("unk_token", "[UNK]"), ("cls_token", "[CLS]"), ("sep_token", "[SEP]"), ("mask_token", "[MASK]")];

    private static readonly (string Role, string Token)[] SentenceRoles =
        [("bos_token", "<s>"), ("pad_token", "<pad>"), ("unk_token", "<unk>"), ("mask_token", "<mask>")];

    /// <summary>Writes <c>tokenizer.json</c>, and the files of the tokenizer's own folder or a <c>tokenizer_config.json</c>.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="folder">Made if it does not exist.</param>
    /// <param name="endId">Id that ends a text, or null.</param>
    /// <param name="source">Folder with the tokenizer's own files, or null.</param>
    public static void Save(Tokenizer tokenizer, string folder, int? endId, string? source)
    {
        Directory.CreateDirectory(folder);
        tokenizer.Save(Path.Combine(folder, FileName));
        bool hasConfig = false;
        foreach (string name in source is null ? [] : Kept)
        {
            string path = Path.Combine(source!, name);
            if (!File.Exists(path)) continue;
            byte[] bytes = InputFile.ReadAll(path, 16 << 20);
            DurableFile.Write(Path.Combine(folder, name), stream => stream.Write(bytes));
            hasConfig |= name == ConfigName;
        }

        if (hasConfig) return;
        string? end = endId is { } id ? tokenizer.IdToToken(id) : null;
        JsonObject config = new() { ["clean_up_tokenization_spaces"] = false, ["tokenizer_class"] = "PreTrainedTokenizerFast" };
        if (end is not null) (config["bos_token"], config["eos_token"]) = (end, end);
        bool bert = tokenizer.TokenToId("[MASK]") is not null && tokenizer.TokenToId("[CLS]") is not null;
        if (bert) config.Remove("bos_token");
        if (bert) config.Remove("eos_token");
        foreach ((string role, string token) in bert ? BertRoles : end == "</s>" ? SentenceRoles : [])
            if (tokenizer.TokenToId(token) is not null) config[role] = token;
        DurableFile.WriteText(Path.Combine(folder, ConfigName), StrictJson.Format(config));
    }
}
