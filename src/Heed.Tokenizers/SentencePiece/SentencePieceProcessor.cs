using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>
/// A SentencePiece <c>.model</c> file and SentencePiece's own way of encoding and decoding with it, equal to version 0.2.3.
/// <see cref="ToTokenizer"/> gives the Hugging Face form, which differs in details.
/// </summary>
/// <remarks>Immutable: safe to use from any number of threads.</remarks>
public sealed class SentencePieceProcessor
{
    private readonly SentencePieceFile _file;
    private readonly SentencePieceVocabulary _vocabulary;
    private readonly SentencePieceNormalizer _normalizer;
    private readonly SentencePieceNormalizer? _denormalizer;
    private readonly ISentencePieceSegmenter _segmenter;

    private SentencePieceProcessor(SentencePieceFile file)
    {
        _file = file;
        _vocabulary = new SentencePieceVocabulary(file);
        _normalizer = new SentencePieceNormalizer(file.Normalizer, _vocabulary.UserDefined, file.TreatWhitespaceAsSuffix);
        if (file.Denormalizer.Map is not null) _denormalizer = new SentencePieceNormalizer(file.Denormalizer, null, spaceAsSuffix: false);
        _segmenter = file.ModelType switch
        {
            SentencePieceModelType.Unigram => new UnigramSegmenter(_vocabulary),
            SentencePieceModelType.Bpe => new MergeSegmenter(_vocabulary),
            SentencePieceModelType.Word => new WordSegmenter(_vocabulary),
            _ => new CharacterSegmenter(_vocabulary),
        };
        (BosId, EosId, PadId) = (ControlId(file.BosPiece), ControlId(file.EosPiece), ControlId(file.PadPiece));
    }

    /// <summary>Reads a <c>.model</c> file.</summary>
    /// <exception cref="InvalidFileException">The file is not a SentencePiece model, is damaged or breaks a rule of the format.</exception>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    public static SentencePieceProcessor Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new SentencePieceProcessor(SentencePieceFile.Read(StoredFile.OfPath(path)));
    }

    /// <summary>Reads a model from memory.</summary>
    /// <param name="model">The bytes of a <c>.model</c> file.</param>
    /// <param name="name">Name of the file, for errors.</param>
    /// <exception cref="InvalidFileException">As in <see cref="Load"/>.</exception>
    public static SentencePieceProcessor Parse(ReadOnlySpan<byte> model, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new SentencePieceProcessor(SentencePieceFile.Parse(model, name));
    }

    /// <summary>How the model cuts text.</summary>
    public SentencePieceModelType ModelType => _file.ModelType;

    /// <summary>The vocabulary by id.</summary>
    public IReadOnlyList<SentencePieceEntry> Pieces => _file.Pieces;

    /// <summary>Id of the piece for what no piece covers.</summary>
    public int UnknownId => _file.UnknownId;

    /// <summary>Id of the beginning-of-text piece, or null where the model has none.</summary>
    public int? BosId { get; }

    /// <summary>Id of the end-of-text piece, or null where the model has none.</summary>
    public int? EosId { get; }

    /// <summary>Id of the padding piece, or null where the model has none.</summary>
    public int? PadId { get; }

    internal SentencePieceFile File => _file;

    /// <summary>The id of a piece; <see cref="UnknownId"/> where it is not in the vocabulary.</summary>
    public int PieceToId(string piece)
    {
        ArgumentNullException.ThrowIfNull(piece);
        return _vocabulary.IdOf(piece);
    }

    /// <summary>The text as the model sees it, spaces as U+2581.</summary>
    public string Normalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return System.Text.Encoding.UTF8.GetString(Normalized(System.Text.Encoding.UTF8.GetBytes(text)).Bytes);
    }

    /// <summary>Cuts a text into pieces.</summary>
    /// <exception cref="InputException">The options ask for a piece that the model does not have.</exception>
    public IReadOnlyList<SentencePieceToken> Encode(string text, SentencePieceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(text);
        NormalizedBytes normalized = Normalized(utf8);
        long steps = 0;
        List<SentencePieceToken> tokens = Tokens(text, utf8, normalized, _segmenter.Cut(normalized.Bytes, ref steps));
        if (options is null) return tokens;
        if (options.EmitUnknownPiece)
            for (int i = 0; i < tokens.Count; i++)
                if (tokens[i].Id == UnknownId) tokens[i] = tokens[i] with { Piece = Pieces[UnknownId].Text };
        if (options.Reverse) tokens.Reverse();
        if (options.AddBos) tokens.Insert(0, Mark(BosId, _file.BosPiece, 0));
        if (options.AddEos) tokens.Add(Mark(EosId, _file.EosPiece, text.Length));
        return tokens;
    }

    /// <summary>Steps that the model took for a text: what tests of the worst case count.</summary>
    internal long CountOperations(string text)
    {
        long steps = 0;
        _segmenter.Cut(Normalized(System.Text.Encoding.UTF8.GetBytes(text)).Bytes, ref steps);
        return steps;
    }

    /// <summary>The best segmentations of a text, best first.</summary>
    /// <param name="text">The text.</param>
    /// <param name="count">How many, 1 to 1024; fewer come where the text has fewer. With 1 the score is 0, as in SentencePiece.</param>
    /// <exception cref="InputException">The model is not a Unigram model.</exception>
    public IReadOnlyList<ScoredSegmentation> EncodeBest(string text, int count)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (_segmenter is not UnigramSegmenter unigram)
            throw new InputException($"{_file.Source}: the model type is {ModelType}, but only Unigram models have more than one segmentation; use Encode.");
        byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(text);
        NormalizedBytes normalized = Normalized(utf8);
        return unigram.Best(normalized.Bytes, count).ConvertAll(path => new ScoredSegmentation(Tokens(text, utf8, normalized, path.Segments), path.Score));
    }

    /// <summary>Turns ids back into text.</summary>
    /// <exception cref="InputException">An id is outside the vocabulary.</exception>
    public string Decode(IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        string text = new SentencePieceDecoder(_file, _vocabulary).Decode(ids);
        return _denormalizer is null ? text : System.Text.Encoding.UTF8.GetString(_denormalizer.Normalize(System.Text.Encoding.UTF8.GetBytes(text), GrowthLimit.Of(text.Length), _file.Source).Bytes);
    }

    /// <summary>The model in Hugging Face's form, ready to be saved as <c>tokenizer.json</c>.</summary>
    /// <param name="addBos">Whether it puts the beginning-of-text piece before each text, as LLaMA's does.</param>
    /// <param name="addEos">Whether it puts the end-of-text piece after each text, as T5's does.</param>
    /// <exception cref="InputException">The model cannot be expressed in that form (a word or char model, white space as suffix) or lacks a
    /// piece to add.</exception>
    public Tokenizer ToTokenizer(bool addBos = false, bool addEos = false) =>
        new(SentencePieceConverter.Convert(_file, SentencePieceLayout.Marks(addBos ? _file.BosPiece : null, addEos ? _file.EosPiece : null)));

    private NormalizedBytes Normalized(byte[] utf8) => _normalizer.Normalize(utf8, GrowthLimit.Of(utf8.Length), _file.Source);

    private int? ControlId(string piece) => _vocabulary.IdOf(piece) is var id && _vocabulary.Type(id) == SentencePieceType.Control ? id : null;

    private SentencePieceToken Mark(int? id, string piece, int at) => id is { } known
        ? new SentencePieceToken(known, Pieces[known].Text, "", at, at)
        : throw new InputException($"{_file.Source}: the model has no control piece \"{Printable.Shorten(piece)}\", which the options ask to add; leave the option out or train the model with it.");

    /// <summary>Pieces with their place in the text: unknown ones spelled in bytes, or joined where they touch.</summary>
    private List<SentencePieceToken> Tokens(string text, byte[] utf8, NormalizedBytes normalized, List<Segment> segments)
    {
        List<SentencePieceToken> tokens = new(segments.Count);
        Utf16Position position = new(utf8);
        for (int index = 0; index < segments.Count; index++)
        {
            (int start, int length, int id) = segments[index];
            bool unknown = id == UnknownId;
            // Neighbours that are unknown too lie side by side: one token, put together at once.
            if (unknown && !_file.ByteFallback)
                while (index + 1 < segments.Count && segments[index + 1].Id == UnknownId) length += segments[++index].Length;
            int from = position.Of(normalized.Origins[start]), to = position.Of(normalized.Origins[start + length]);
            string piece = System.Text.Encoding.UTF8.GetString(normalized.Bytes, start, length);
            if (_vocabulary.Type(id) == SentencePieceType.Control)
            {
                tokens.Add(new SentencePieceToken(id, piece, "", from, from));
            }
            else if (unknown && _file.ByteFallback)
            {
                for (int i = start; i < start + length; i++)
                {
                    bool last = i == start + length - 1;
                    string name = BytePieces.Of(normalized.Bytes[i]);
                    tokens.Add(new SentencePieceToken(_vocabulary.IdOf(name), name, last ? text[from..to] : "", from, last ? to : from));
                }
            }
            else
            {
                tokens.Add(new SentencePieceToken(id, piece, text[from..to], from, to));
            }
        }

        return tokens;
    }

    /// <summary>UTF-16 places of ascending UTF-8 places.</summary>
    private struct Utf16Position(byte[] utf8)
    {
        private int _byte;
        private int _unit;

        public int Of(int at)
        {
            if (at < _byte) (_byte, _unit) = (0, 0);
            for (; _byte < at; _byte++)
            {
                byte b = utf8[_byte];
                // Each character's first byte counts its units: two for those of four bytes.
                if ((b & 0xC0) != 0x80) _unit += b >= 0xF0 ? 2 : 1;
            }

            return _unit;
        }
    }
}
