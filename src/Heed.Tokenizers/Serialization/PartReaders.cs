using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;
using Heed.Tokenizers.Unicode;

namespace Heed.Tokenizers.Serialization;

/// <summary>Reads <c>$.normalizer</c>.</summary>
internal static class NormalizerReader
{
    public static INormalizer? ReadOptional(JsonScope json) => json.IsNull ? null : Read(json);

    /// <remarks>Recursion is bounded by the depth that strict JSON allows.</remarks>
    public static INormalizer Read(JsonScope json)
    {
        string type = json["type"].Text();
        switch (type)
        {
            case "BertNormalizer":
                json.ExpectOnly("type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase");
                JsonScope strip = json.Optional("strip_accents");
                return new BertNormalizer(json["clean_text"].Boolean(), json["handle_chinese_chars"].Boolean(), strip.IsNull ? null : strip.Boolean(), json["lowercase"].Boolean());
            case "Strip":
                json.ExpectOnly("type", "strip_left", "strip_right");
                return new StripNormalizer(json["strip_left"].Boolean(), json["strip_right"].Boolean());
            case "Replace":
                json.ExpectOnly("type", "pattern", "content");
                return new ReplaceNormalizer(PatternReader.Read(json["pattern"]), json["content"].Text());
            case "Prepend":
                json.ExpectOnly("type", "prepend");
                return new PrependNormalizer(json["prepend"].Text());
            case "Precompiled":
                json.ExpectOnly("type", "precompiled_charsmap");
                return new PrecompiledNormalizer(ReadMap(json["precompiled_charsmap"]));
            case "Sequence":
                json.ExpectOnly("type", "normalizers");
                return new SequenceNormalizer([.. json["normalizers"].Items().Select(Read)]);
        }

        json.ExpectOnly("type");
        return type switch
        {
            "NFC" => new UnicodeNormalizer(NormalizationKind.Nfc),
            "NFD" => new UnicodeNormalizer(NormalizationKind.Nfd),
            "NFKC" => new UnicodeNormalizer(NormalizationKind.Nfkc),
            "NFKD" => new UnicodeNormalizer(NormalizationKind.Nfkd),
            "Lowercase" => new LowercaseNormalizer(),
            "StripAccents" => new StripAccentsNormalizer(),
            "Nmt" => new NmtNormalizer(),
            "ByteLevel" => new ByteLevelNormalizer(),
            _ => throw PatternReader.UnknownType(json, type, "BertNormalizer, Strip, StripAccents, NFC, NFD, NFKC, NFKD, Sequence, Lowercase, Nmt, Precompiled, Replace, Prepend, ByteLevel"),
        };
    }

    private static CharacterMap ReadMap(JsonScope json)
    {
        string text = json.Text();
        byte[] data = new byte[(text.Length / 4 * 3) + 3];
        if (!Convert.TryFromBase64String(text, data, out int length)) throw json.Wrong("is not base64");
        return CharacterMap.TryRead(data[..length], out string reason) ?? throw json.Wrong(reason);
    }
}

/// <summary>Reads <c>$.pre_tokenizer</c>.</summary>
internal static class PreTokenizerReader
{
    public static IPreTokenizer? ReadOptional(JsonScope json) => json.IsNull ? null : Read(json);

    public static IPreTokenizer Read(JsonScope json)
    {
        string type = json["type"].Text();
        switch (type)
        {
            case "ByteLevel":
                (bool space, bool trim, bool regex) = PatternReader.ByteLevel(json);
                return new ByteLevelPreTokenizer(space, trim, regex);
            case "CharDelimiterSplit":
                json.ExpectOnly("type", "delimiter");
                return new CharDelimiterPreTokenizer(json["delimiter"].Character());
            case "Metaspace":
                (int replacement, PrependScheme scheme, bool split) = PatternReader.Metaspace(json);
                return new MetaspacePreTokenizer(replacement, scheme, split);
            case "Sequence":
                json.ExpectOnly("type", "pretokenizers");
                return new SequencePreTokenizer([.. json["pretokenizers"].Items().Select(Read)]);
            case "Split":
                json.ExpectOnly("type", "pattern", "behavior", "invert");
                return new SplitPreTokenizer(PatternReader.Read(json["pattern"]), ReadBehavior(json["behavior"]), json["invert"].Boolean());
            case "Punctuation":
                json.ExpectOnly("type", "behavior");
                JsonScope behavior = json.Optional("behavior");
                return new PunctuationPreTokenizer(behavior.IsNull ? SplitBehavior.Isolated : ReadBehavior(behavior));
            case "Digits":
                json.ExpectOnly("type", "individual_digits");
                return new DigitsPreTokenizer(json["individual_digits"].Boolean());
            case "FixedLength":
                json.ExpectOnly("type", "length");
                return new FixedLengthPreTokenizer(json.Optional("length").IsNull ? 5 : json["length"].Integer(minimum: 1));
        }

        json.ExpectOnly("type");
        return type switch
        {
            "BertPreTokenizer" => new BertPreTokenizer(),
            "Whitespace" => new WhitespacePreTokenizer(),
            "WhitespaceSplit" => new WhitespaceSplitPreTokenizer(),
            "UnicodeScripts" => new UnicodeScriptsPreTokenizer(),
            _ => throw PatternReader.UnknownType(json, type, "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Metaspace, Whitespace, Sequence, Split, Punctuation, WhitespaceSplit, Digits, UnicodeScripts, FixedLength"),
        };
    }

    private static SplitBehavior ReadBehavior(JsonScope json) => json.OneOf(
        ("Removed", SplitBehavior.Removed), ("Isolated", SplitBehavior.Isolated), ("MergedWithPrevious", SplitBehavior.MergedWithPrevious),
        ("MergedWithNext", SplitBehavior.MergedWithNext), ("Contiguous", SplitBehavior.Contiguous));
}

/// <summary>Reads <c>$.decoder</c>.</summary>
internal static class DecoderReader
{
    public static IDecoder? ReadOptional(JsonScope json) => json.IsNull ? null : Read(json);

    public static IDecoder Read(JsonScope json)
    {
        string type = json["type"].Text();
        switch (type)
        {
            case "BPEDecoder":
                json.ExpectOnly("type", "suffix");
                return new BpeDecoder(json["suffix"].Text());
            case "ByteLevel":
                (bool space, bool trim, bool regex) = PatternReader.ByteLevel(json);
                return new ByteLevelDecoder(space, trim, regex);
            case "WordPiece":
                json.ExpectOnly("type", "prefix", "cleanup");
                return new WordPieceDecoder(json["prefix"].Text(), json["cleanup"].Boolean());
            case "Metaspace":
                (int replacement, PrependScheme scheme, bool split) = PatternReader.Metaspace(json);
                return new MetaspaceDecoder(replacement, scheme, split);
            case "CTC":
                json.ExpectOnly("type", "pad_token", "word_delimiter_token", "cleanup");
                return new CtcDecoder(json["pad_token"].Text(), json["word_delimiter_token"].Text(), json["cleanup"].Boolean());
            case "Sequence":
                json.ExpectOnly("type", "decoders");
                return new SequenceDecoder([.. json["decoders"].Items().Select(Read)]);
            case "Replace":
                json.ExpectOnly("type", "pattern", "content");
                return new ReplaceDecoder(PatternReader.Read(json["pattern"]), json["content"].Text());
            case "Strip":
                json.ExpectOnly("type", "content", "start", "stop");
                return new StripDecoder(json["content"].Character(), json["start"].Integer(), json["stop"].Integer());
        }

        json.ExpectOnly("type");
        return type switch
        {
            "Fuse" => new FuseDecoder(),
            "ByteFallback" => new ByteFallbackDecoder(),
            _ => throw PatternReader.UnknownType(json, type, "BPEDecoder, ByteLevel, WordPiece, Metaspace, CTC, Sequence, Replace, Fuse, Strip, ByteFallback"),
        };
    }
}

/// <summary>What several kinds of parts have in common.</summary>
internal static class PatternReader
{
    /// <summary><c>{"String": …}</c> or <c>{"Regex": …}</c>.</summary>
    public static TextPattern Read(JsonScope json)
    {
        json.ExpectOnly("String", "Regex");
        JsonScope text = json.Optional("String"), regex = json.Optional("Regex");
        if (text.IsNull == regex.IsNull) throw json.Wrong("must have one of String and Regex");
        if (regex.IsNull) return new StringPattern(text.Text());
        string expression = regex.Text();
        try
        {
            return TextPattern.FromRegex(expression, $"{regex.File}: {regex.Path}");
        }
        catch (RegexSyntaxException e)
        {
            throw regex.Wrong($"is \"{Printable.Shorten(expression)}\", a regular expression that {e.Message}", e);
        }
    }

    public static (bool AddPrefixSpace, bool TrimOffsets, bool UseRegex) ByteLevel(JsonScope json)
    {
        json.ExpectOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
        return (json["add_prefix_space"].Boolean(), json["trim_offsets"].Boolean(), json.Boolean("use_regex", true));
    }

    /// <summary>Metaspace in its new form and the one before (<c>str_rep</c>, <c>add_prefix_space</c>).</summary>
    public static (int Replacement, PrependScheme Scheme, bool Split) Metaspace(JsonScope json)
    {
        json.ExpectOnly("type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep");
        PrependScheme scheme = json.Optional("prepend_scheme").IsNull ? PrependScheme.Always
            : json["prepend_scheme"].OneOf(("always", PrependScheme.Always), ("first", PrependScheme.First), ("never", PrependScheme.Never));
        if (!json.Boolean("add_prefix_space", true))
        {
            if (!json.Optional("prepend_scheme").IsNull && scheme != PrependScheme.Never)
                throw json["add_prefix_space"].Wrong("is false, but prepend_scheme is not \"never\"; remove add_prefix_space");
            scheme = PrependScheme.Never;
        }

        return (json["replacement"].Character(), scheme, json.Boolean("split", true));
    }

    public static InvalidFileException UnknownType(JsonScope json, string type, string known)
    {
        string? near = Printable.Nearest(type, known.Split(", "));
        return json["type"].Wrong($"is \"{Printable.Shorten(type)}\"; one of {known} was expected{(near is null ? "" : $" (\"{near}\"?)")}");
    }
}
