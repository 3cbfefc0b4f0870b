using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.SentencePiece;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Serialization;

/// <summary>Options of tokenizer_config.json that change what tokenizer.json says, where the class has them; an option that is left out
/// leaves tokenizer.json as it is.</summary>
internal static class ClassOptions
{
    /// <summary>The options of classes, over the parts of tokenizer.json.</summary>
    public static TokenizerParts Apply(TokenizerParts parts, FolderSettings settings)
    {
        parts = Bert(parts, settings);
        parts = PrefixSpace(parts, settings);
        Marks(settings, "add_bos_token", "bos_token", frame => frame.First);
        Marks(settings, "add_eos_token", "eos_token", frame => frame.Last);
        return parts;
    }

    /// <summary>The options that count whatever the files and the class are.</summary>
    public static TokenizerParts ApplyCommon(TokenizerParts parts, FolderSettings settings)
    {
        if (settings.Flag("split_special_tokens") == true)
            parts = parts with { Spelled = new HashSet<string>([.. parts.Spelled, .. parts.AddedTokens.Where(token => token.Special).Select(token => token.Content)], StringComparer.Ordinal) };
        if (settings.Flag("clean_up_tokenization_spaces") == true)
        {
            if (HasWordPiece(parts.Decoder)) parts = parts with { Decoder = new CleanUpDecoder(parts.Decoder!) };
            else settings.WithoutEffect("clean_up_tokenization_spaces");
        }

        Side? truncation = Edge(settings, "truncation_side"), padding = Edge(settings, "padding_side");
        return parts with
        {
            Sides = (truncation ?? Side.Right, padding ?? Side.Right),
            Truncation = parts.Truncation is { } cut && truncation is { } cutSide ? cut with { Direction = cutSide } : parts.Truncation,
            Padding = parts.Padding is { } pad && padding is { } padSide ? pad with { Direction = padSide } : parts.Padding,
        };
    }

    private static Side? Edge(FolderSettings settings, string key)
        => settings.Option(key) is { IsNull: false } given ? given.OneOf(("right", Side.Right), ("left", Side.Left)) : null;

    private static bool HasWordPiece(IDecoder? decoder) => decoder is WordPieceDecoder || (decoder is SequenceDecoder sequence && sequence.Parts.Any(HasWordPiece));

    private static TokenizerParts Bert(TokenizerParts parts, FolderSettings settings)
    {
        bool? lower = settings.Flag("do_lower_case"), strip = settings.Flag("strip_accents"), chinese = settings.Flag("tokenize_chinese_chars");
        if (lower is null && strip is null && chinese is null) return parts;
        bool changed = false, found = false;
        INormalizer? made = Rewrite(parts.Normalizer);
        INormalizer? Rewrite(INormalizer? normalizer)
        {
            if (normalizer is SequenceNormalizer sequence) return new SequenceNormalizer([.. sequence.Normalizers.Select(part => Rewrite(part)!)]);
            if (normalizer is not BertNormalizer bert) return normalizer;
            found = true;
            BertNormalizer other = bert.With(chinese ?? bert.HandleChinese, strip ?? bert.StripAccents, lower ?? bert.Lowercase);
            changed |= (other.HandleChinese, other.StripAccents, other.Lowercase) != (bert.HandleChinese, bert.StripAccents, bert.Lowercase);
            return other;
        }

        (string Key, bool? Value)[] options = [("do_lower_case", lower), ("strip_accents", strip), ("tokenize_chinese_chars", chinese)];
        string[] given = [.. options.Where(option => option.Value is not null).Select(option => option.Key)];
        if (settings.Class.IsBert && found) return changed ? parts with { Normalizer = made } : parts;
        foreach (string key in given) settings.WithoutEffect(key);
        if (changed) settings.Warn($"{string.Join(", ", given)}: would change tokenizer.json's BertNormalizer, but {Named(settings)} has no such option; name a BERT class in tokenizer_class to follow it.");
        else if (settings.Class.IsBert && (lower == true || strip == true)) settings.Warn($"{string.Join(", ", given)}: has no effect, since tokenizer.json has no BertNormalizer.");
        return parts;
    }

    private static string Named(FolderSettings settings) => settings.Class.Name.Length == 0 ? "a folder without a tokenizer class" : $"\"{Printable.Shorten(settings.Class.Place.Text)}\"";

    private static TokenizerParts PrefixSpace(TokenizerParts parts, FolderSettings settings)
    {
        if (settings.Flag("add_prefix_space") is not { } prefix) return parts;
        bool changed = false;
        IPreTokenizer? made = Rewrite(parts.PreTokenizer);
        INormalizer? normalizer = parts.Normalizer;
        if (!prefix && settings.Class.HasMetaspacePrefix) normalizer = WithoutPrepend(normalizer);
        IPreTokenizer? Rewrite(IPreTokenizer? part)
        {
            switch (part)
            {
                case SequencePreTokenizer sequence:
                    return new SequencePreTokenizer([.. sequence.Parts.Select(inner => Rewrite(inner)!)]);
                case ByteLevelPreTokenizer bytes when bytes.AddPrefixSpace != prefix:
                    changed = true;
                    return bytes.With(prefix);
                case MetaspacePreTokenizer metaspace when (metaspace.Scheme != PrependScheme.Never) != prefix:
                    changed = true;
                    return metaspace.With(!prefix ? PrependScheme.Never : settings.Flag("legacy") == true ? PrependScheme.Always : PrependScheme.First);
                default:
                    return part;
            }
        }

        INormalizer? WithoutPrepend(INormalizer? part)
        {
            if (part is SequenceNormalizer sequence) return new SequenceNormalizer([.. sequence.Normalizers.Select(WithoutPrepend).OfType<INormalizer>()]);
            changed |= part is PrependNormalizer;
            return part is PrependNormalizer ? null : part;
        }

        if (!changed) return parts;
        if (!settings.Class.HasBytePrefixSpace && !settings.Class.HasMetaspacePrefix)
        {
            settings.WithoutEffect("add_prefix_space");
            settings.Warn($"add_prefix_space is {(prefix ? "true" : "false")}, which would change tokenizer.json, but {Named(settings)} has no such option; tokenizer.json stands.");
            return parts;
        }

        IPostProcessor? processor = parts.PostProcessor is RobertaProcessing roberta ? roberta.With(prefix) : parts.PostProcessor;
        return parts with { PreTokenizer = made, Normalizer = normalizer, PostProcessor = processor };
    }

    /// <summary>Beside tokenizer.json its template stands; a flag that contradicts it is reported.</summary>
    private static void Marks(FolderSettings settings, string key, string role, Func<Tokenizer.SpecialTokenFrame, int[]> side)
    {
        if (settings.Flag(key) is not { } wanted) return;
        settings.WithoutEffect(key);
        settings.Check((tokenizer, warn) =>
        {
            if (settings.Role(role) is not { } token || tokenizer.TokenToId(token) is not { } id || side(tokenizer.Frame).Contains(id) == wanted) return;
            warn($"{key} is {(wanted ? "true" : "false")}, but tokenizer.json's template {(wanted ? "adds no" : "adds")} \"{Printable.Shorten(token)}\"; the template stands.");
        });
    }
}
