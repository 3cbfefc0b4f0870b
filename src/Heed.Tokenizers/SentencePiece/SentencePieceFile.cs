using Heed.Tokenizers.Normalizers;

namespace Heed.Tokenizers.SentencePiece;

/// <summary>What a piece is for; the numbers of the file format.</summary>
public enum SentencePieceType
{
    /// <summary>An ordinary piece.</summary>
    Normal = 1,

    /// <summary>Stands for what no piece covers; exactly one.</summary>
    Unknown = 2,

    /// <summary>A mark such as <c>&lt;s&gt;</c> that no text becomes.</summary>
    Control = 3,

    /// <summary>Always cut out whole.</summary>
    UserDefined = 4,

    /// <summary>Never given out.</summary>
    Unused = 5,

    /// <summary>One byte, for characters outside the vocabulary.</summary>
    Byte = 6,
}

/// <summary>How a model cuts text; the numbers of the file format.</summary>
public enum SentencePieceModelType
{
    /// <summary>The likeliest segmentation (Kudo 2018).</summary>
    Unigram = 1,

    /// <summary>Merges by score (Sennrich et al. 2016).</summary>
    Bpe = 2,

    /// <summary>Whole words.</summary>
    Word = 3,

    /// <summary>Single characters.</summary>
    Char = 4,
}

/// <summary>One entry of the vocabulary.</summary>
/// <param name="Text">The piece, with U+2581 for the space.</param>
/// <param name="Score">Log probability or merge priority.</param>
/// <param name="Type">What the piece is for.</param>
public readonly record struct SentencePieceEntry(string Text, float Score, SentencePieceType Type);

/// <summary>How text is prepared, with the defaults of the format.</summary>
internal sealed record NormalizerRules
{
    /// <summary>The compiled replacement rules as stored; empty for none.</summary>
    public byte[] Charsmap { get; init; } = [];

    public CharacterMap? Map { get; init; }

    public bool AddDummyPrefix { get; init; } = true;

    public bool RemoveExtraWhitespaces { get; init; } = true;

    public bool EscapeWhitespaces { get; init; } = true;
}

/// <summary>The settings of a <c>.model</c> file that matter for encoding and decoding, with the defaults of the format.</summary>
internal sealed record SentencePieceFile
{
    private const long MaximumBytes = 1L << 30;

    /// <summary>SentencePiece itself refuses pieces from this length on, in bytes.</summary>
    private const int PieceBytesLimit = 8000;

    public required string Source { get; init; }

    public required IReadOnlyList<SentencePieceEntry> Pieces { get; init; }

    public int UnknownId { get; init; }

    public SentencePieceModelType ModelType { get; init; } = SentencePieceModelType.Unigram;

    public bool ByteFallback { get; init; }

    public bool TreatWhitespaceAsSuffix { get; init; }

    public bool SplitByWhitespace { get; init; } = true;

    public bool AllowWhitespaceOnlyPieces { get; init; }

    public string UnknownSurface { get; init; } = " \u2047 ";

    public string UnknownPiece { get; init; } = "<unk>";

    public string BosPiece { get; init; } = "<s>";

    public string EosPiece { get; init; } = "</s>";

    public string PadPiece { get; init; } = "<pad>";

    public NormalizerRules Normalizer { get; init; } = new();

    /// <summary>Rules that decoded text goes through; without a charsmap there are none.</summary>
    public NormalizerRules Denormalizer { get; init; } = new();

    /// <exception cref="InvalidFileException">The file breaks the format or one of SentencePiece's own rules.</exception>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    public static SentencePieceFile Read(StoredFile file) => Parse(file.ReadAll(MaximumBytes), file.Path);

    public static SentencePieceFile Parse(ReadOnlySpan<byte> bytes, string source)
    {
        if (bytes.IsEmpty) throw new InvalidFileException(source, "$", "is empty; a SentencePiece model was expected");
        List<SentencePieceEntry> pieces = [];
        SentencePieceFile file = new() { Source = source, Pieces = pieces };
        ProtobufReader reader = new(bytes, source, "$", 0);
        while (reader.Next())
        {
            reader.Path = reader.Field == 1 ? $"$.pieces[{pieces.Count}]" : "$";
            switch (reader.Field)
            {
                case 1: pieces.Add(ReadPiece(reader.Bytes(out int piece), source, pieces.Count, piece)); break;
                case 2: file = file.WithTrainerSpec(reader.Bytes(out int trainer), trainer); break;
                case 3: file = file with { Normalizer = ReadRules(reader.Bytes(out int normalizer), source, "$.normalizer_spec", normalizer) }; break;
                case 5: file = file with { Denormalizer = ReadRules(reader.Bytes(out int denormalizer), source, "$.denormalizer_spec", denormalizer) }; break;
                default: reader.Skip(); break;
            }
        }

        return file with { UnknownId = file.CheckPieces() };
    }

    private static SentencePieceEntry ReadPiece(ReadOnlySpan<byte> bytes, string source, int index, int start)
    {
        string text = "";
        float score = 0;
        int type = (int)SentencePieceType.Normal;
        ProtobufReader reader = new(bytes, source, $"$.pieces[{index}]", start);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: text = reader.Text(); break;
                case 2: score = reader.Single(); break;
                case 3: type = reader.Integer(); break;
                default: reader.Skip(); break;
            }
        }

        if (type is < (int)SentencePieceType.Normal or > (int)SentencePieceType.Byte)
            throw new InvalidFileException(source, $"$.pieces[{index}].type", $"is {type}; the types are 1 to 6");
        if (float.IsNaN(score)) throw new InvalidFileException(source, $"$.pieces[{index}].score", "is not a number (NaN); pieces cannot be compared by it");
        return new SentencePieceEntry(text, score, (SentencePieceType)type);
    }

    private SentencePieceFile WithTrainerSpec(ReadOnlySpan<byte> bytes, int start)
    {
        SentencePieceFile file = this;
        ProtobufReader reader = new(bytes, Source, "$.trainer_spec", start);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    int type = reader.Integer();
                    if (type is < 1 or > 4) throw new InvalidFileException(Source, "$.trainer_spec.model_type", $"is {type}; it must be 1 (unigram), 2 (bpe), 3 (word) or 4 (char)");
                    file = file with { ModelType = (SentencePieceModelType)type };
                    break;
                case 22: file = file with { SplitByWhitespace = reader.Boolean() }; break;
                case 24: file = file with { TreatWhitespaceAsSuffix = reader.Boolean() }; break;
                case 26: file = file with { AllowWhitespaceOnlyPieces = reader.Boolean() }; break;
                case 35: file = file with { ByteFallback = reader.Boolean() }; break;
                case 44: file = file with { UnknownSurface = reader.Text() }; break;
                case 45: file = file with { UnknownPiece = OrDefault(reader.Text(), "<unk>") }; break;
                case 46: file = file with { BosPiece = OrDefault(reader.Text(), "<s>") }; break;
                case 47: file = file with { EosPiece = OrDefault(reader.Text(), "</s>") }; break;
                case 48: file = file with { PadPiece = OrDefault(reader.Text(), "<pad>") }; break;
                default: reader.Skip(); break;
            }
        }

        return file;
    }

    private static string OrDefault(string text, string otherwise) => text.Length == 0 ? otherwise : text;

    private static NormalizerRules ReadRules(ReadOnlySpan<byte> bytes, string source, string path, int start)
    {
        NormalizerRules rules = new();
        ProtobufReader reader = new(bytes, source, path, start);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2: rules = rules with { Charsmap = reader.Bytes(out _).ToArray() }; break;
                case 3: rules = rules with { AddDummyPrefix = reader.Boolean() }; break;
                case 4: rules = rules with { RemoveExtraWhitespaces = reader.Boolean() }; break;
                case 5: rules = rules with { EscapeWhitespaces = reader.Boolean() }; break;
                default: reader.Skip(); break;
            }
        }

        if (rules.Charsmap.Length > 0)
        {
            CharacterMap map = CharacterMap.TryRead(rules.Charsmap, out string reason) ?? throw new InvalidFileException(source, $"{path}.precompiled_charsmap", reason);
            rules = rules with { Map = map };
        }

        return rules;
    }

    /// <summary>The rules that SentencePiece checks when it loads a model; returns the id of the unknown piece.</summary>
    private int CheckPieces()
    {
        if (Pieces.Count == 0) throw new InvalidFileException(Source, "$.pieces", "is missing; the file has no vocabulary and is not a SentencePiece model");
        HashSet<string> ordinary = new(StringComparer.Ordinal), reserved = new(StringComparer.Ordinal);
        bool[] bytes = new bool[256];
        int unknown = -1;
        for (int i = 0; i < Pieces.Count; i++)
        {
            (string text, _, SentencePieceType type) = Pieces[i];
            if (text.Length == 0) throw Bad(i, "is empty; every piece needs a text");
            if (text.Contains('\0', StringComparison.Ordinal)) throw Bad(i, "holds the character U+0000, which pieces must not");
            if (System.Text.Encoding.UTF8.GetByteCount(text) >= PieceBytesLimit) throw Bad(i, $"has {PieceBytesLimit} bytes or more");
            bool normal = type is SentencePieceType.Normal or SentencePieceType.UserDefined or SentencePieceType.Unused;
            if (!(normal ? ordinary : reserved).Add(text)) throw Bad(i, $"is \"{Printable.Shorten(text)}\", which an earlier piece already is");
            if (type == SentencePieceType.Unknown)
            {
                if (unknown >= 0) throw Bad(i, $"is a second unknown piece; piece {unknown} is one already");
                unknown = i;
            }

            if (type != SentencePieceType.Byte) continue;
            if (!ByteFallback) throw Bad(i, $"is the byte piece \"{Printable.Shorten(text)}\", although byte_fallback is false");
            int value = BytePieces.ValueOf(text);
            if (value < 0) throw Bad(i, $"is the byte piece \"{Printable.Shorten(text)}\"; byte pieces are <0x00> to <0xFF>");
            bytes[value] = true;
        }

        if (unknown < 0) throw new InvalidFileException(Source, "$.pieces", "has no piece of type UNKNOWN; exactly one is needed");
        if (ByteFallback && Array.IndexOf(bytes, false) is var missing and >= 0)
            throw new InvalidFileException(Source, "$.pieces", $"lacks the byte piece {BytePieces.Of((byte)missing)}; byte_fallback needs all 256");
        return unknown;
    }

    private InvalidFileException Bad(int piece, string reason) => new(Source, $"$.pieces[{piece}]", reason);
}
