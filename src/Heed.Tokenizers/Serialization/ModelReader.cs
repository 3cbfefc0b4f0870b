using System.Text.Json;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Serialization;

/// <summary>Reads <c>$.model</c>.</summary>
internal static class ModelReader
{
    public static ITokenModel Read(JsonScope json)
    {
        json.ExpectObject();
        JsonScope type = json.Optional("type");
        string kind = type.IsNull ? Guess(json) : type.OneOf(("BPE", "BPE"), ("WordPiece", "WordPiece"), ("WordLevel", "WordLevel"), ("Unigram", "Unigram"));
        return kind switch
        {
            "BPE" => ReadBpe(json),
            "WordPiece" => ReadWordPiece(json),
            "WordLevel" => ReadWordLevel(json),
            _ => ReadUnigram(json),
        };
    }

    /// <summary>Files of early versions have no type: the members tell.</summary>
    private static string Guess(JsonScope json)
        => !json.Optional("merges").IsNull ? "BPE"
         : json["vocab"].IsArray ? "Unigram"
         : !json.Optional("continuing_subword_prefix").IsNull ? "WordPiece" : "WordLevel";

    private static BpeModel ReadBpe(JsonScope json)
    {
        json.ExpectOnly("type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges");
        JsonScope dropout = json.Optional("dropout");
        double? chance = dropout.IsNull ? null : dropout.Number();
        if (chance is < 0 or > 1) throw dropout.Wrong($"is {dropout.Element.GetRawText()}; a number from 0 to 1 was expected");
        BpeOptions options = new()
        {
            Dropout = chance,
            UnknownToken = json.Optional("unk_token").TextOrNull(),
            ContinuingSubwordPrefix = json.Optional("continuing_subword_prefix").TextOrNull(),
            EndOfWordSuffix = json.Optional("end_of_word_suffix").TextOrNull(),
            FuseUnknown = json.Boolean("fuse_unk", false),
            ByteFallback = json.Boolean("byte_fallback", false),
            IgnoreMerges = json.Boolean("ignore_merges", false),
        };
        List<KeyValuePair<string, int>> vocabulary = ReadVocabulary(json["vocab"]);
        JsonScope merges = json["merges"];
        List<int> places = [];
        List<(string, string)> pairs = ReadMerges(merges, places);
        try
        {
            return new BpeModel(vocabulary, pairs, options);
        }
        catch (MergeException e)
        {
            throw new InvalidFileException(merges.File, $"{merges.Path}[{places[e.Index]}]", $"needs the token \"{Printable.Shorten(e.Token)}\", which is not in $.model.vocab; add the token or remove the merge", e);
        }
    }

    private static List<(string Left, string Right)> ReadMerges(JsonScope json, List<int> places)
    {
        json.ExpectArray();
        List<(string, string)> merges = new(json.Element.GetArrayLength());
        int index = -1;
        foreach (JsonElement item in json.Element.EnumerateArray())
        {
            index++;
            JsonScope scope = new(item, json.File, item.ValueKind is JsonValueKind.String or JsonValueKind.Array ? "" : $"{json.Path}[{index}]");
            if (item.ValueKind == JsonValueKind.Array)
            {
                if (item.GetArrayLength() != 2) throw new InvalidFileException(json.File, $"{json.Path}[{index}]", $"has {item.GetArrayLength()} parts; a merge has two");
                merges.Add((StrictJson.Text(item[0], json.File, $"{json.Path}[{index}][0]"), StrictJson.Text(item[1], json.File, $"{json.Path}[{index}][1]")));
            }
            else if (item.ValueKind == JsonValueKind.String)
            {
                string text = StrictJson.Text(item, json.File, $"{json.Path}[{index}]");
                if (text.StartsWith("#version", StringComparison.Ordinal)) continue;
                string[] parts = text.Split(' ');
                if (parts.Length != 2) throw new InvalidFileException(json.File, $"{json.Path}[{index}]", $"is \"{Printable.Shorten(text)}\", which has {parts.Length} parts; a merge has two, with one blank between them");
                merges.Add((parts[0], parts[1]));
            }
            else
            {
                throw scope.Wrong($"is {StrictJson.Describe(item)}; a merge is two tokens in an array, or in a string with a blank between them");
            }

            places.Add(index);
        }

        return merges;
    }

    private static WordPieceModel ReadWordPiece(JsonScope json)
    {
        json.ExpectOnly("type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab");
        List<KeyValuePair<string, int>> vocabulary = ReadVocabulary(json["vocab"]);
        string unknown = json["unk_token"].Text();
        ExpectKnown(json["unk_token"], unknown, vocabulary);
        return new WordPieceModel(vocabulary, unknown, json["continuing_subword_prefix"].Text(), json["max_input_chars_per_word"].Integer());
    }

    private static WordLevelModel ReadWordLevel(JsonScope json)
    {
        json.ExpectOnly("type", "vocab", "unk_token");
        return new WordLevelModel(ReadVocabulary(json["vocab"]), json["unk_token"].Text());
    }

    /// <summary>WordPiece fails at the first unknown word without its unknown token: better at once, by name.</summary>
    private static void ExpectKnown(JsonScope json, string token, List<KeyValuePair<string, int>> vocabulary)
    {
        if (!vocabulary.Exists(entry => entry.Key == token))
            throw json.Wrong($"is \"{Printable.Shorten(token)}\", which is not in $.model.vocab; add it there");
    }

    private static UnigramModel ReadUnigram(JsonScope json)
    {
        json.ExpectOnly("type", "unk_id", "vocab", "byte_fallback");
        JsonScope vocab = json["vocab"];
        vocab.ExpectArray();
        List<(string, double)> pieces = new(vocab.Element.GetArrayLength());
        foreach (JsonElement item in vocab.Element.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2)
                throw new InvalidFileException(vocab.File, $"{vocab.Path}[{pieces.Count}]", $"is {StrictJson.Describe(item)}; an array of a token and its score was expected");
            string token = StrictJson.Text(item[0], vocab.File, $"{vocab.Path}[{pieces.Count}][0]");
            pieces.Add((token, StrictJson.Number(item[1], vocab.File, $"{vocab.Path}[{pieces.Count}][1]")));
        }

        JsonScope unknown = json.Optional("unk_id");
        int? id = unknown.IsNull ? null : unknown.Integer();
        if (id >= pieces.Count || (id is not null && pieces.Count == 0)) throw unknown.Wrong($"is {id}, but $.model.vocab has {pieces.Count} tokens; the id of one of them was expected");
        return new UnigramModel(pieces, id, json.Boolean("byte_fallback", false));
    }

    /// <summary>An object of tokens and their ids.</summary>
    public static List<KeyValuePair<string, int>> ReadVocabulary(JsonScope json)
    {
        json.ExpectObject();
        List<KeyValuePair<string, int>> entries = [];
        foreach (JsonProperty member in json.Element.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Number || !member.Value.TryGetInt32(out int id) || id < 0)
                throw new InvalidFileException(json.File, $"{json.Path}.{NameOf(json, member)}", $"is {StrictJson.Describe(member.Value)}; an id from 0 to {int.MaxValue} was expected");
            entries.Add(new(NameOf(json, member), id));
        }

        return entries;
    }

    private static string NameOf(JsonScope json, JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException e)
        {
            throw json.Wrong("has a token with an escaped lone surrogate, which is not a character", e);
        }
    }
}
