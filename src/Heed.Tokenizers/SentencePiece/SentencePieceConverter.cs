using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>A SentencePiece model in the form of tokenizer.json.</summary>
/// <remarks>
/// Vocabulary, scores, merges and added tokens are as transformers 5 converts them. The normalizer follows the model's own
/// settings instead of one family's: <see cref="Raw"/> gives the ids of <see cref="SentencePieceProcessor.Encode"/>, special tokens
/// apart, which become ids where their text stands in the input; <see cref="Convert"/>, what is saved, gives them too but for characters
/// that the charsmap changes only together with others (Hugging Face applies it by grapheme cluster).
/// </remarks>
internal static class SentencePieceConverter
{
    private const string Space = SentencePieceNormalizer.SpaceSymbol;

    /// <summary>The model as it is run from its own file: SentencePiece's normalization and segmentation, the class's ids and special
    /// tokens.</summary>
    public static TokenizerParts Raw(SentencePieceFile file, SentencePieceLayout layout)
    {
        RequireConvertible(file);
        SentencePieceVocabulary vocabulary = new(file);
        Lazy<TokenizerParts> converted = new(() => Convert(file, layout));
        SentencePieceModel model = new(file, vocabulary, layout, () => converted.Value.Model);
        SentencePieceTextNormalizer normalizer = new(new SentencePieceNormalizer(file.Normalizer, vocabulary.UserDefined, spaceAsSuffix: false));
        return new TokenizerParts
        {
            Model = model,
            Normalizer = layout.Lowercase ? new SequenceNormalizer([new LowercaseNormalizer(), normalizer]) : normalizer,
            PostProcessor = Marks(file, model, layout),
            Decoder = DecoderFor(file),
            AddedTokens = Added(file, layout),
            // User-defined pieces are found by SentencePiece itself, as parts of the text around them.
            Spelled = file.Pieces.Where(piece => piece.Type == SentencePieceType.UserDefined).Select(piece => piece.Text).ToHashSet(StringComparer.Ordinal),
            Source = file.Source,
            Saved = converted,
        };
    }

    public static TokenizerParts Convert(SentencePieceFile file, SentencePieceLayout layout)
    {
        RequireConvertible(file);
        ITokenModel model = file.ModelType == SentencePieceModelType.Unigram ? Unigram(file, layout) : Bpe(file, layout);
        bool byWords = ByWords(file);
        return new TokenizerParts
        {
            Model = model,
            Normalizer = Normalizer(file.Normalizer, byWords, layout.Lowercase),
            PreTokenizer = byWords ? new MetaspacePreTokenizer(Space[0], Scheme(file), split: true) : null,
            PostProcessor = Marks(file, model, layout),
            Decoder = DecoderFor(file),
            AddedTokens = Added(file, layout),
            Source = file.Source,
        };
    }

    private static void RequireConvertible(SentencePieceFile file)
    {
        if (file.ModelType is SentencePieceModelType.Word or SentencePieceModelType.Char)
            throw new InputException($"{file.Source}: $.trainer_spec.model_type: is {file.ModelType}, which tokenizer.json cannot express; only Unigram and BPE models can be converted.");
        if (file.TreatWhitespaceAsSuffix)
        {
            throw new InputException(
                $"{file.Source}: $.trainer_spec.treat_whitespace_as_suffix: is true, which tokenizer.json cannot express; only models with the space before words can be converted.");
        }
    }

    private static bool ByWords(SentencePieceFile file) =>
        file.ModelType == SentencePieceModelType.Unigram && file.Normalizer.RemoveExtraWhitespaces && file.Normalizer.EscapeWhitespaces && !HasSpacesInside(file);

    private static IDecoder DecoderFor(SentencePieceFile file) =>
        ByWords(file) && !file.ByteFallback ? new MetaspaceDecoder(Space[0], Scheme(file), split: true) : Decoder(file.Normalizer);

    private static AddedToken[] Added(SentencePieceFile file, SentencePieceLayout layout) =>
    [
        .. layout.Specials ?? file.Pieces.Where(piece => piece.Type is SentencePieceType.Control or SentencePieceType.Unknown).Select(piece => new AddedToken(piece.Text) { Special = true }),
        .. file.Pieces.Where(piece => piece.Type == SentencePieceType.UserDefined).Select(piece => new AddedToken(piece.Text)),
    ];

    /// <summary>Every way to make a piece of two others: by the piece's id, then the shorter left part first.</summary>
    public static List<(string Left, string Right)> Merges(IReadOnlyList<SentencePieceEntry> pieces)
    {
        HashSet<string> known = new(pieces.Select(piece => piece.Text), StringComparer.Ordinal);
        HashSet<string>.AlternateLookup<ReadOnlySpan<char>> lookup = known.GetAlternateLookup<ReadOnlySpan<char>>();
        List<(string Left, string Right)> merges = [];
        foreach ((string text, _, _) in pieces)
            for (int cut = 1; cut < text.Length; cut++)
            {
                if (char.IsLowSurrogate(text[cut])) continue;
                if (lookup.Contains(text.AsSpan(0, cut)) && lookup.Contains(text.AsSpan(cut))) merges.Add((text[..cut], text[cut..]));
            }

        return merges;
    }

    private static UnigramModel Unigram(SentencePieceFile file, SentencePieceLayout layout) =>
        new(
            [
                .. layout.Before.Select(token => (token, 0.0)),
                .. file.Pieces.Skip(layout.FirstPiece).Select(piece => (piece.Text, (double)piece.Score)),
                .. layout.After.Select(token => (token, 0.0)),
            ],
            layout.UnknownId ?? layout.IdOf(file.UnknownId),
            file.ByteFallback);

    private static BpeModel Bpe(SentencePieceFile file, SentencePieceLayout layout)
    {
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        foreach (string token in (string[])[.. layout.Before, .. file.Pieces.Skip(layout.FirstPiece).Select(piece => piece.Text), .. layout.After]) ids[token] = ids.Count;
        string unknown = layout.UnknownId is { } id && id < layout.Before.Count ? layout.Before[id] : file.Pieces[file.UnknownId].Text;
        return new BpeModel([.. ids], Merges(file.Pieces), new BpeOptions { UnknownToken = unknown, FuseUnknown = true, ByteFallback = file.ByteFallback });
    }

    /// <summary>Whether a piece holds the space symbol anywhere but at its start: then words must not be cut apart.</summary>
    private static bool HasSpacesInside(SentencePieceFile file) =>
        file.Pieces.Any(piece => piece.Type == SentencePieceType.Normal && piece.Text.LastIndexOf(Space[0]) > 0);

    private static SequenceNormalizer? Normalizer(NormalizerRules rules, bool byWords, bool lowercase)
    {
        List<INormalizer> steps = [];
        if (lowercase) steps.Add(new LowercaseNormalizer());
        if (rules.Map is not null) steps.Add(new PrecompiledNormalizer(rules.Map));
        if (rules.RemoveExtraWhitespaces)
        {
            // U+0020 alone, as in SentencePiece: Strip would take every white space.
            steps.Add(new ReplaceNormalizer(TextPattern.FromRegex("\\A +| +\\z", "$.normalizer_spec.remove_extra_whitespaces"), ""));
            steps.Add(new ReplaceNormalizer(TextPattern.FromRegex(" {2,}", "$.normalizer_spec.remove_extra_whitespaces"), " "));
        }

        if (!byWords)
        {
            string space = rules.EscapeWhitespaces ? Space : " ";
            if (rules.AddDummyPrefix) steps.Add(new PrependNormalizer(space));
            if (rules.EscapeWhitespaces) steps.Add(new ReplaceNormalizer(new StringPattern(" "), space));
        }

        return steps.Count == 0 ? null : new SequenceNormalizer(steps);
    }

    private static PrependScheme Scheme(SentencePieceFile file) => file.Normalizer.AddDummyPrefix ? PrependScheme.Always : PrependScheme.Never;

    private static SequenceDecoder Decoder(NormalizerRules rules)
    {
        List<IDecoder> steps = [new ReplaceDecoder(new StringPattern(Space), " "), new ByteFallbackDecoder(), new FuseDecoder()];
        if (rules.AddDummyPrefix) steps.Add(new StripDecoder(' ', 1, 0));
        return new SequenceDecoder(steps);
    }

    private static TemplateProcessing? Marks(SentencePieceFile file, ITokenModel model, SentencePieceLayout layout)
    {
        if (layout.Single.Count == 0) return null;
        List<TemplateToken> tokens = [];
        foreach (string token in layout.Single.Concat(layout.Pair).Where(piece => piece.Sequence < 0).Select(piece => piece.Token).Distinct(StringComparer.Ordinal))
        {
            int id = model.IdOf(token);
            if (id < 0) throw new InputException($"{file.Source}: the model has no piece \"{Printable.Shorten(token)}\", which was asked to be added to texts; leave it out or train the model with it.");
            tokens.Add(new TemplateToken(token, [id], [token]));
        }

        return new TemplateProcessing(layout.Single, layout.Pair, tokens);
    }
}
