using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Heed.Testing;

namespace Heed.Tokenizers.Tests.Serialization;

/// <summary>Each key of each configuration file of the goldens, removed, null, of another type or out of range: the same result, a clear
/// error, or a warning.</summary>
public class SettingMutationTests
{
    private const string Text = "The Word, wörd 北京 </s> [MASK] <aa> <bb> it ' s";

    /// <summary>Keys whose absence has a documented meaning of its own, so that leaving them out may change the result without a
    /// word.</summary>
    private static readonly string[] Defaults =
    [
        "added_tokens_decoder", "do_lower_case", "strip_accents", "tokenize_chinese_chars", "add_prefix_space", "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
        "clean_up_tokenization_spaces", "add_bos_token", "add_eos_token",
    ];

    private static readonly string[] Values = ["null", "true", "false", "0", "-1", "1e300", "\"x\"", "\"\"", "[]", "{}", "[null]", "{\"a\":1}"];

    [Theory]
    [InlineData("tokenizer_config.json", 500)]
    [InlineData("special_tokens_map.json", 200)]
    [InlineData("added_tokens.json", 70)]
    public void Every_mutant_gives_the_same_an_error_or_a_warning(string name, int least)
    {
        MutantCount mutants = new(name);
        List<string> silent = [];
        using TemporaryFolder older = WithoutDecoder();
        foreach (string folder in (string[])[.. Directory.GetDirectories(Path.Combine(Repository.Goldens, "tokenizers")), .. Directory.GetDirectories(older.Path)])
            if (File.Exists(Path.Combine(folder, name))) Mutate(folder, name, mutants, silent);
        Assert.True(silent.Count == 0, $"{silent.Count} of {mutants.Count} mutants changed the result without a word:\n{string.Join('\n', silent.Take(30))}");
        Assert.InRange(mutants.Count, least, int.MaxValue);
        mutants.CheckDocument();
    }

    /// <summary>The two files that count only without <c>added_tokens_decoder</c>: beside tokenizer.json, and beside vocab.txt alone.</summary>
    private static TemporaryFolder WithoutDecoder()
    {
        TemporaryFolder folder = new();
        foreach ((string name, string left) in ((string, string)[])[("with-json", ""), ("vocabulary-alone", "tokenizer.json")])
        {
            string made = folder.File(name);
            Directory.CreateDirectory(made);
            foreach (string file in Directory.GetFiles(Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased")))
                if (Path.GetFileName(file) != "cases.jsonl" && Path.GetFileName(file) != left) File.Copy(file, Path.Combine(made, Path.GetFileName(file)));
            string config = Path.Combine(made, "tokenizer_config.json");
            JsonObject json = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
            json.Remove("added_tokens_decoder");
            File.WriteAllText(config, json.ToJsonString());
            File.WriteAllText(Path.Combine(made, "added_tokens.json"), """{"<aa>": 2000, "[MASK]": 4, "<bb>": 2001}""");
        }

        return folder;
    }

    private static void Mutate(string golden, string name, MutantCount mutants, List<string> silent)
    {
        string folderName = Path.GetFileName(golden);
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(golden))
            if (Path.GetFileName(file) != "cases.jsonl") File.Copy(file, folder.File(Path.GetFileName(file)));
        string expected = Result(Tokenizer.FromFolder(golden));
        string whole = File.ReadAllText(folder.File(name));
        foreach (string key in JsonNode.Parse(whole)!.AsObject().Select(member => member.Key).ToArray())
        {
            foreach (string? value in (string?[])[null, .. Values])
            {
                JsonObject json = JsonNode.Parse(whole)!.AsObject();
                if (value is null) json.Remove(key);
                else json[key] = JsonNode.Parse(value);
                File.WriteAllText(folder.File(name), json.ToJsonString());
                try
                {
                    Tokenizer made = Tokenizer.FromFolder(folder.Path);
                    bool absent = value is null or "null" || (value is "true" or "false" && key is not "tokenizer_class");
                    if (Result(made) == expected)
                    {
                        mutants.Same(folderName);
                        continue;
                    }

                    if (made.Report is { Warnings.Count: > 0 })
                    {
                        mutants.Warned(folderName);
                        continue;
                    }

                    mutants.Followed(folderName);
                    if (absent && (Defaults.Contains(key) || name == "added_tokens.json")) continue;
                    // A name of a token is any text; what it names is in the report, and the token is added.
                    if (value is "\"x\"" or "\"\"" && key.EndsWith("_token", StringComparison.Ordinal)) continue;
                    silent.Add($"{Path.GetFileName(golden)}/{name}: {key} = {value ?? "removed"}");
                }
                catch (HeedException e)
                {
                    mutants.Refused(folderName);
                    if (!e.Message.Contains(folder.Path, StringComparison.Ordinal)) silent.Add($"{Path.GetFileName(golden)}/{name}: {key} = {value ?? "removed"}: names no file: {e.Message}");
                }
            }
        }
    }

    private static string Result(Tokenizer tokenizer)
    {
        ImmutableArray<int> ids = tokenizer.Encode(Text, "pair").Ids;
        return $"{string.Join(' ', ids)}|{tokenizer.Decode(ids)}";
    }
}
