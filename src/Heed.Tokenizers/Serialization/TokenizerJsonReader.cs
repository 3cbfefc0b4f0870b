using System.Text.Json;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Serialization;

/// <summary>Reads tokenizer.json: every part that Hugging Face tokenizers 0.23 has, others refused by their JSON path.</summary>
internal static class TokenizerJsonReader
{
    private const long LargestFile = 1L << 30;

    public static TokenizerParts ReadFile(StoredFile file)
    {
        using JsonDocument document = file.ReadJson(LargestFile);
        return Read(new JsonScope(document.RootElement, file.Path, "$"));
    }

    public static TokenizerParts Read(ReadOnlyMemory<byte> utf8, string name)
    {
        using JsonDocument document = StrictJson.Parse(utf8, name);
        return Read(new JsonScope(document.RootElement, name, "$"));
    }

    private static TokenizerParts Read(JsonScope root)
    {
        // What lacks a model is some other file: advice on single keys of it would spoil it.
        if (root.Optional("model").Element.ValueKind == JsonValueKind.Undefined)
            throw root.Optional("model").Wrong($"is missing: this is no tokenizer.json; name one, or the folder{(Path.GetDirectoryName(root.File) is { Length: > 0 } folder ? " " + folder : "")} of the tokenizer");
        root.ExpectOnly("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model");
        JsonScope version = root.Optional("version");
        if (!version.IsNull && version.Text() != "1.0") throw version.Wrong($"is {StrictJson.Describe(version.Element)}; only \"1.0\" is known");
        JsonScope model = root["model"];
        TokenizerParts parts = new()
        {
            Source = root.File,
            Model = ModelReader.Read(model),
            Normalizer = NormalizerReader.ReadOptional(root.Optional("normalizer")),
            PreTokenizer = PreTokenizerReader.ReadOptional(root.Optional("pre_tokenizer")),
            PostProcessor = PostProcessorReader.ReadOptional(root.Optional("post_processor")),
            Decoder = DecoderReader.ReadOptional(root.Optional("decoder")),
            AddedTokens = ReadAddedTokens(root.Optional("added_tokens")),
            Truncation = ReadTruncation(root.Optional("truncation")),
            TruncationPlace = $"{root.File}: $.truncation",
            Padding = ReadPadding(root.Optional("padding")),
        };
        CheckStride(root, parts);
        return parts;
    }

    /// <summary>Windows must move on by a token at least, also where special tokens take their part of the length.</summary>
    private static void CheckStride(JsonScope root, TokenizerParts parts)
    {
        if (parts.Truncation is not { Stride: > 0 } truncation) return;
        int special = parts.PostProcessor?.AddedTokens(pair: false) ?? 0, left = truncation.MaxLength - special;
        if (left > 0 && truncation.Stride >= left)
            throw root["truncation"]["stride"].Wrong($"is {truncation.Stride}, but max_length {truncation.MaxLength} leaves {left} tokens beside {special} special ones; a stride below that is needed: lower stride or raise max_length");
    }

    private static List<AddedToken> ReadAddedTokens(JsonScope json)
    {
        List<AddedToken> tokens = [];
        if (json.IsNull) return tokens;
        foreach (JsonScope item in json.Items())
        {
            item.ExpectOnly("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
            tokens.Add(new AddedToken(item["content"].Text())
            {
                Id = item["id"].Integer(),
                SingleWord = item["single_word"].Boolean(),
                LeftStrip = item["lstrip"].Boolean(),
                RightStrip = item["rstrip"].Boolean(),
                Normalized = item["normalized"].Boolean(),
                Special = item["special"].Boolean(),
            });
        }

        return tokens;
    }

    private static TruncationOptions? ReadTruncation(JsonScope json)
    {
        if (json.IsNull) return null;
        json.ExpectOnly("direction", "max_length", "strategy", "stride");
        TruncationOptions options = new(json["max_length"].Integer())
        {
            Direction = ReadSide(json.Optional("direction")),
            Strategy = json["strategy"].OneOf(
                ("LongestFirst", TruncationStrategy.LongestFirst), ("OnlyFirst", TruncationStrategy.OnlyFirst), ("OnlySecond", TruncationStrategy.OnlySecond)),
            Stride = json["stride"].Integer(),
        };
        return options.Stride == 0 || options.Stride < options.MaxLength ? options
            : throw json["stride"].Wrong($"is {options.Stride}, but max_length is {options.MaxLength}; a stride below max_length is needed");
    }

    private static PaddingOptions? ReadPadding(JsonScope json)
    {
        if (json.IsNull) return null;
        json.ExpectOnly("strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id", "pad_token");
        JsonScope strategy = json["strategy"];
        int? length = null;
        if (strategy.IsObject)
        {
            strategy.ExpectOnly("Fixed");
            length = strategy["Fixed"].Integer();
        }
        else
        {
            strategy.OneOf(("BatchLongest", true));
        }

        JsonScope multiple = json.Optional("pad_to_multiple_of");
        int? multipleOf = multiple.IsNull ? null : multiple.Integer();
        return new PaddingOptions
        {
            Length = length,
            Direction = ReadSide(json["direction"]),
            MultipleOf = multipleOf == 0 ? null : multipleOf,
            Id = json["pad_id"].Integer(),
            TypeId = json["pad_type_id"].Integer(),
            Token = json["pad_token"].Text(),
        };
    }

    private static Side ReadSide(JsonScope json) => json.IsNull ? Side.Right : json.OneOf(("Right", Side.Right), ("Left", Side.Left));
}
