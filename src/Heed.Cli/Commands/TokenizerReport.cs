using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Tokenizers;

namespace Heed.Cli.Commands;

/// <summary>What a tokenizer consists of, for <c>heed tokenizer info</c>: as lines, and as one JSON object.</summary>
internal sealed class TokenizerReport
{
    private static readonly string[] PartNames = ["normalizer", "pre_tokenizer", "post_processor", "decoder"];
    private static readonly string[] ModelSettings = ["unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "fuse_unk", "ignore_merges", "dropout", "max_input_chars_per_word"];
    private static readonly string[] Flags = ["special", "normalized", "single_word", "lstrip", "rstrip"];

    private readonly Tokenizer _tokenizer;
    private readonly JsonObject _file;

    public TokenizerReport(Tokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _file = JsonNode.Parse(tokenizer.ToJson(indented: false))!.AsObject();
    }

    private JsonObject Model => _file["model"]!.AsObject();

    /// <summary>What kind of file the tokenizer was read from, by its name.</summary>
    private string Kind => Path.GetFileName(_tokenizer.Source).ToLowerInvariant() switch
    {
        var name when name.EndsWith(".tiktoken", StringComparison.Ordinal) => "tiktoken ranks",
        var name when name.EndsWith(".model", StringComparison.Ordinal) => "SentencePiece model",
        var name when name.EndsWith("vocab.txt", StringComparison.Ordinal) => "WordPiece vocabulary",
        var name when name.EndsWith("vocab.json", StringComparison.Ordinal) || name.EndsWith("merges.txt", StringComparison.Ordinal) => "BPE vocabulary and merges",
        _ => "tokenizer.json",
    };

    /// <summary>The unknown token; null where there is none.</summary>
    private string? Unknown => Model["unk_id"] is { } id ? _tokenizer.IdToToken(id.GetValue<int>()) : Model["unk_token"]?.GetValue<string>();

    public JsonObject ToJson()
    {
        JsonObject model = new() { ["type"] = Model["type"]?.DeepClone(), ["unknown_token"] = Unknown is { } unknown ? Token(unknown) : null, ["merges"] = Model["merges"] is JsonArray merges ? merges.Count : null };
        foreach (string name in ModelSettings)
            if (name != "unk_token" && Model.TryGetPropertyValue(name, out JsonNode? value)) model[name] = value?.DeepClone();
        JsonObject report = new() { ["source"] = _tokenizer.Source, ["kind"] = Kind, ["vocabulary"] = _tokenizer.VocabularySize, ["model"] = model };
        foreach (string name in PartNames) report[name] = Members(_file[name]) is { } members ? new JsonArray([.. members.Select(member => (JsonNode)member)]) : null;
        report["truncation"] = _file["truncation"]?.DeepClone();
        report["padding"] = _file["padding"]?.DeepClone();
        report["special_tokens"] = new JsonObject(Roles().Select(role => KeyValuePair.Create<string, JsonNode?>(role.Name, Token(role.Token))));
        if (_tokenizer.Report is { } settings)
        {
            JsonArray Texts(IReadOnlyList<string> list) => new([.. list.Select(text => (JsonNode)text)]);
            report["settings"] = new JsonObject
            {
                ["followed"] = Texts(settings.Followed),
                ["without_effect"] = Texts(settings.WithoutEffect),
                ["unknown"] = Texts(settings.Unknown),
                ["warnings"] = Texts(settings.Warnings),
            };
        }

        report["added_tokens"] = _file["added_tokens"]!.DeepClone();
        return report;
    }

    public void Show(Terminal terminal)
    {
        void Row(string name, string value) => terminal.Line($"{name,-16} {value}");
        Row("source", $"{Printable.Escape(_tokenizer.Source)} ({Kind})");
        Row("vocabulary", string.Create(CultureInfo.InvariantCulture, $"{_tokenizer.VocabularySize:N0} ids"));
        Row("model", string.Join(", ", ModelParts()));
        foreach (string name in PartNames) Row(name.Replace('_', ' '), Members(_file[name]) is { } members ? string.Join(", ", members) : "none");
        Row("truncation", Truncation());
        Row("padding", Padding());
        Row("special tokens", Roles() is { Count: > 0 } roles ? string.Join(", ", roles.Select(role => $"{role.Name} {Name(role.Token)} {_tokenizer.TokenToId(role.Token)?.ToString(CultureInfo.InvariantCulture) ?? "(no id)"}")) : "no roles named beside the file");
        JsonArray added = _file["added_tokens"]!.AsArray();
        if (_tokenizer.Report is { } settings)
        {
            Row("followed", List(settings.Followed));
            Row("without effect", List(settings.WithoutEffect));
            Row("not known", List(settings.Unknown));
            foreach (string warning in settings.Warnings) terminal.Warn(warning);
        }

        Row("added tokens", added.Count == 0 ? "none" : added.Count.ToString("N0", CultureInfo.InvariantCulture));
        foreach (JsonNode? token in added)
            terminal.Line($"{token!["id"]!.GetValue<int>(),10}  {Name(token["content"]!.GetValue<string>())}  {terminal.Dim(string.Join(", ", Flags.Where(flag => token[flag]!.GetValue<bool>())))}".TrimEnd());
    }

    private static string List(IReadOnlyList<string> settings) => settings.Count == 0 ? "none" : string.Join(", ", settings.Select(setting => setting.Replace("tokenizer_config.json: ", "", StringComparison.Ordinal)));

    private static string Name(string token) => Printable.Escape(token).Replace("\n", "\\n", StringComparison.Ordinal);

    private List<string> ModelParts()
    {
        List<string> parts = [Model["type"]?.GetValue<string>() ?? "BPE"];
        if (Model["merges"] is JsonArray merges) parts.Add(string.Create(CultureInfo.InvariantCulture, $"{merges.Count:N0} merges"));
        parts.Add(Unknown is { } unknown ? $"unknown token {Name(unknown)} {_tokenizer.TokenToId(unknown)?.ToString(CultureInfo.InvariantCulture) ?? "(no id)"}" : "no unknown token");
        foreach (string name in ModelSettings)
        {
            if (name == "unk_token" || Model[name] is not JsonValue value) continue;
            string label = name.Replace('_', ' ');
            if (value.TryGetValue(out bool set)) parts.AddRange(set ? [label] : []);
            else parts.Add($"{label} {Name(value.ToString())}");
        }

        return parts;
    }

    /// <summary>The types of a part: of each of its members where it is a sequence; null where there is no such part.</summary>
    private static List<string>? Members(JsonNode? part)
    {
        if (part is not JsonObject json) return null;
        JsonNode? members = json["normalizers"] ?? json["pretokenizers"] ?? json["processors"] ?? json["decoders"];
        return members is JsonArray list ? [.. list.SelectMany(member => Members(member) ?? [])] : [json["type"]!.GetValue<string>()];
    }

    private string Truncation() => _tokenizer.Truncation is not { } cut ? "none" : string.Create(CultureInfo.InvariantCulture,
        $"to {cut.MaxLength:N0} tokens, special ones included; strategy {_file["truncation"]!["strategy"]}, stride {cut.Stride}, cut at the {Edge(cut.Direction)}");

    private string Padding() => _tokenizer.Padding is not { } padding ? "none" : string.Create(CultureInfo.InvariantCulture,
        $"to {(padding.Length is { } length ? $"{length:N0} tokens" : "the longest of a batch")}{(padding.MultipleOf is { } multiple ? $", rounded up to a multiple of {multiple}" : "")}, at the {Edge(padding.Direction)}, with {Name(padding.Token)} {padding.Id}, type id {padding.TypeId}");

    private static string Edge(Side side) => side == Side.Left ? "left" : "right";

    private List<(string Name, string Token)> Roles() => [.. _tokenizer.SpecialTokens.OrderBy(role => role.Key, StringComparer.Ordinal).Select(role => (role.Key, role.Value))];

    private JsonObject Token(string token) => new() { ["token"] = token, ["id"] = _tokenizer.TokenToId(token) };
}
