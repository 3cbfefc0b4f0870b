using Heed.Generation.Embeddings;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Doctor.Models;

/// <summary>Rules on how a folder's texts become ids: whose tokenizer it is, its special tokens, its length.</summary>
internal static class TextRules
{
    private const string Plain = "An ordinary sentence.";

    /// <summary>What the first and the last token of a text are, by family; empty: none.</summary>
    private static readonly Dictionary<string, (string First, string Last)> Expected = new(StringComparer.Ordinal)
    {
        ["bert"] = ("cls_token", "sep_token"),
        ["electra"] = ("cls_token", "sep_token"),
        ["distilbert"] = ("cls_token", "sep_token"),
        ["deberta-v2"] = ("cls_token", "sep_token"),
        ["mpnet"] = ("bos_token", "eos_token"),
        ["modernbert"] = ("cls_token", "sep_token"),
        ["roberta"] = ("bos_token", "eos_token"),
        ["xlm-roberta"] = ("bos_token", "eos_token"),
        ["camembert"] = ("bos_token", "eos_token"),
        ["bart"] = ("bos_token", "eos_token"),
        ["t5"] = ("", "eos_token"),
        ["mt5"] = ("", "eos_token"),
        ["marian"] = ("", "eos_token"),
    };

    public static void Judge(OpenedFolder folder, Notes notes)
    {
        if (folder.Tokenizer is not { } tokenizer)
        {
            foreach (string rule in (string[])[Rules.TokenizerMismatch, Rules.SpecialTokens]) notes.NotJudged(rule,
                "the folder has no tokenizer");
        }
        else
        {
            notes.Judge(Rules.TokenizerMismatch, () => Vocabulary(folder, tokenizer, notes));
            notes.Judge(Rules.SpecialTokens, () => Special(folder, tokenizer, notes));
        }

        notes.Judge(Rules.PositionsBeyondTable, () => Positions(folder, notes));
    }

    private static void Vocabulary(OpenedFolder folder, Tokenizer tokenizer, Notes notes)
    {
        const double Least = 0.5;
        ModelConfig config = folder.Model.Config;
        int tokens = tokenizer.VocabularySize;
        string? evidence = null;
        if (tokens > config.Vocabulary)
            evidence = Invariant($"the tokenizer has {tokens:N0} tokens and the model's table {config.Vocabulary:N0} rows");
        else if (tokens < Least * config.Vocabulary)
            evidence = Invariant($"the tokenizer has {tokens:N0} tokens, under half of the table's {config.Vocabulary:N0} rows");
        else if (config.PaddingId is { } padding && IdOf(tokenizer, "pad_token") is { } own && own != padding)
            evidence = $"the tokenizer pads with id {own} ('{tokenizer.SpecialTokens["pad_token"]}') and config.json says {padding} "
                + $"('{tokenizer.IdToToken(padding)}')";
        if (evidence is not null)
        {
            notes.Add(Rules.TokenizerMismatch, folder.Source.Location, evidence,
                "Put the tokenizer files of the model's own repository into the folder: heed pull NAME fetches them together.");
        }
    }

    private static void Special(OpenedFolder folder, Tokenizer tokenizer, Notes notes)
    {
        int[] ids = [.. tokenizer.Encode(Plain).Ids], bare = [.. tokenizer.Encode(Plain, addSpecialTokens: false).Ids];
        if (ids.Length == 0 || bare.Length == 0) return;
        int added = ids.Length - bare.Length;
        string shown = string.Join(' ', ids.Take(3).Concat(ids.TakeLast(2)).Select(id => tokenizer.IdToToken(id)));
        string? doubled = ids.Length > 1 && ids[0] == ids[1] && IsSpecial(tokenizer, ids[0]) ? "begins"
            : ids.Length > 1 && ids[^1] == ids[^2] && IsSpecial(tokenizer, ids[^1]) ? "ends" : null;
        const string Fix = "Take tokenizer.json from the model's own repository: its post_processor puts each special token there once; "
            + "do not add [CLS], <s> or </s> to texts by hand.";
        if (doubled is not null)
        {
            int id = doubled == "begins" ? ids[0] : ids[^1];
            notes.Add(Rules.SpecialTokens, folder.Source.Location,
                $"a text {doubled} with '{tokenizer.IdToToken(id)}' twice: {shown}", Fix);
            return;
        }

        if (!Expected.TryGetValue(folder.Model.Config.ModelType, out (string First, string Last) expected)) return;
        int? first = Either(tokenizer, expected.First, "bos_token", "cls_token"),
            last = Either(tokenizer, expected.Last, "eos_token", "sep_token");
        List<string> missing = [];
        if (expected.First.Length > 0 && first is { } begin && ids[0] != begin) missing.Add($"begin with '{tokenizer.IdToToken(begin)}'");
        if (last is { } end && ids[^1] != end) missing.Add($"end with '{tokenizer.IdToToken(end)}'");
        if (missing.Count == 0 && !(added == 0 && expected.First.Length > 0 && first is null)) return;
        string what = missing.Count > 0 ? $"texts of {folder.Model.Config.ModelType} {string.Join(" and ", missing)}, and an encoded one "
            + $"is {shown}"
            : $"texts of {folder.Model.Config.ModelType} have special tokens, and the tokenizer adds none: {shown}";
        notes.Add(Rules.SpecialTokens, folder.Source.Location, what, Fix);
    }

    private static void Positions(OpenedFolder folder, Notes notes)
    {
        int rows = folder.Model.Config.MaximumLength;
        if (rows == int.MaxValue) return;
        if (TokenizerLength.Read(folder.Source) is { } length && length > rows)
            Add("tokenizer_config.json", "model_max_length", length);
        if (folder.Embedder?.Settings.MaximumLength is { } longest && longest > rows) Add("sentence_bert_config.json", "max_seq_length",
            longest);
        if (folder.Source.Contains(ModelFolder.GenerationConfigName)
            && folder.Source.ReadJson(ModelFolder.GenerationConfigName, 1L << 20) is { } json)
        {
            using (json)
            {
                if (json.RootElement.TryGetProperty("max_length", out System.Text.Json.JsonElement value)
                    && value.TryGetInt32(out int most) && most > rows)
                    Add(ModelFolder.GenerationConfigName, "max_length", most);
            }
        }

        void Add(string file, string key, int found) => notes.Add(Rules.PositionsBeyondTable, folder.Files.PathOf(file),
            Invariant($"{key} is {found:N0}, and the model has positions for {rows:N0} tokens"),
            Invariant($"Set {key} to {rows}, and cut longer texts or read them in windows."));
    }

    private static int? Either(Tokenizer tokenizer, params string[] roles)
        => roles.Where(r => r.Length > 0).Select(r => IdOf(tokenizer, r)).FirstOrDefault(id => id is not null);

    private static int? IdOf(Tokenizer tokenizer, string role)
        => tokenizer.SpecialTokens.TryGetValue(role, out string? token) ? tokenizer.TokenToId(token) : null;

    private static bool IsSpecial(Tokenizer tokenizer, int id)
        => tokenizer.AddedTokens.TryGetValue(id, out AddedToken? token) && token.Special;

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
