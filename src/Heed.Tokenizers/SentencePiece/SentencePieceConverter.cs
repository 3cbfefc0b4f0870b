using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Models;
using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.Patterns;
using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>What a converted model has that its file does not say.</summary>
internal sealed record SentencePieceConversion
{
    /// <summary>Puts the beginning-of-text piece before each text.</summary>
    public bool AddBos { get; init; }

    /// <summary>Puts the end-of-text piece behind each text.</summary>
    public bool AddEos { get; init; }

    /// <summary>T5's sentinels behind the vocabulary of a Unigram model, the highest number first.</summary>
    public int ExtraIds { get; init; }
}

/// <summary>A SentencePiece model in the form of tokenizer.json.</summary>
/// <remarks>
/// Vocabulary, scores, merges and added tokens are as transformers 5 converts them. The normalizer follows the model's own
/// settings instead of one family's: the ids are those of <see cref="SentencePieceProcessor.Encode"/>, but for characters that
/// the charsmap changes only together with others (Hugging Face applies it by grapheme cluster) and for control pieces, which
/// become ids where their text stands in the input.
/// </remarks>
internal static class SentencePieceConverter
{
    private const string Space = SentencePieceNormalizer.SpaceSymbol;

    public static TokenizerParts Convert(SentencePieceFile file, SentencePieceConversion conversion)
    {
        if (file.ModelType is SentencePieceModelType.Word or SentencePieceModelType.Char)
            throw new InputException($"{file.Source}: $.trainer_spec.model_type: is {file.ModelType}, which tokenizer.json cannot express; only Unigram and BPE models can be converted.");
        if (file.TreatWhitespaceAsSuffix)
            throw new InputException($"{file.Source}: $.trainer_spec.treat_whitespace_as_suffix: is true, which tokenizer.json cannot express; only models with the space before words can be converted.");
        ITokenModel model = file.ModelType == SentencePieceModelType.Unigram ? Unigram(file, conversion.ExtraIds) : Bpe(file);
        bool byWords = file.ModelType == SentencePieceModelType.Unigram && file.Normalizer.RemoveExtraWhitespaces && file.Normalizer.EscapeWhitespaces && !HasSpacesInside(file);
        return new TokenizerParts
        {
            Model = model,
            Normalizer = Normalizer(file.Normalizer, byWords),
            PreTokenizer = byWords ? new MetaspacePreTokenizer(Space[0], Scheme(file), split: true) : null,
            PostProcessor = Marks(file, model, conversion.AddBos, conversion.AddEos),
            Decoder = byWords && !file.ByteFallback ? new MetaspaceDecoder(Space[0], Scheme(file), split: true) : Decoder(file.Normalizer),
            AddedTokens =
            [
                .. file.Pieces.Where(IsAdded).Select(piece => new AddedToken(piece.Text) { Special = piece.Type != SentencePieceType.UserDefined }),
                .. Enumerable.Range(0, conversion.ExtraIds).Select(i => new AddedToken(ExtraId(i)) { Special = true }),
            ],
            Source = file.Source,
        };
    }

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

    private static UnigramModel Unigram(SentencePieceFile file, int extraIds) =>
        new(
            [.. file.Pieces.Select(piece => (piece.Text, (double)piece.Score)), .. Enumerable.Range(0, extraIds).Reverse().Select(i => (ExtraId(i), 0.0))],
            file.UnknownId,
            file.ByteFallback);

    private static string ExtraId(int number) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"<extra_id_{number}>");

    private static BpeModel Bpe(SentencePieceFile file)
    {
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        for (int id = 0; id < file.Pieces.Count; id++) ids[file.Pieces[id].Text] = id;
        BpeOptions options = new() { UnknownToken = file.Pieces[file.UnknownId].Text, FuseUnknown = true, ByteFallback = file.ByteFallback };
        return new BpeModel([.. ids], Merges(file.Pieces), options);
    }

    /// <summary>Whether a piece holds the space symbol anywhere but at its start: then words must not be cut apart.</summary>
    private static bool HasSpacesInside(SentencePieceFile file) =>
        file.Pieces.Any(piece => piece.Type == SentencePieceType.Normal && piece.Text.LastIndexOf(Space[0]) > 0);

    private static SequenceNormalizer? Normalizer(NormalizerRules rules, bool byWords)
    {
        List<INormalizer> steps = [];
        if (rules.Map is not null) steps.Add(new PrecompiledNormalizer(rules.Map));
        if (rules.RemoveExtraWhitespaces)
        {
            steps.Add(new StripNormalizer(left: true, right: true));
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

    private static bool IsAdded(SentencePieceEntry piece) => piece.Type is SentencePieceType.Control or SentencePieceType.Unknown or SentencePieceType.UserDefined;

    private static TemplateProcessing? Marks(SentencePieceFile file, ITokenModel model, bool addBos, bool addEos)
    {
        if (!addBos && !addEos) return null;
        List<TemplatePiece> single = [], pair = [];
        List<TemplateToken> tokens = [];
        for (int sequence = 0; sequence < 2; sequence++)
        {
            if (addBos) pair.Add(new TemplatePiece(-1, file.BosPiece, sequence));
            pair.Add(new TemplatePiece(sequence, "", sequence));
            if (addEos) pair.Add(new TemplatePiece(-1, file.EosPiece, sequence));
            if (sequence == 0) single.AddRange(pair);
        }

        foreach (string piece in new[] { addBos ? file.BosPiece : null, addEos ? file.EosPiece : null }.OfType<string>())
        {
            int id = model.IdOf(piece);
            if (id < 0) throw new InputException($"{file.Source}: the model has no piece \"{Printable.Shorten(piece)}\", which was asked to be added to texts; leave it out or train the model with it.");
            tokens.Add(new TemplateToken(piece, [id], [piece]));
        }

        return new TemplateProcessing(single, pair, tokens);
    }
}
