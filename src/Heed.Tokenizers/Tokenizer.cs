using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.Serialization;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers;

/// <summary>
/// Text to token ids and back: normalizer, pre-tokenizer, model, post-processor and decoder, as Hugging Face tokenizers 0.23 runs them.
/// </summary>
/// <remarks>Immutable: safe to use from any number of threads. <see cref="WithTruncation"/> and <see cref="WithPadding"/> give changed
/// copies.</remarks>
public sealed partial class Tokenizer
{
    private readonly AddedVocabulary _added;

    internal Tokenizer(TokenizerParts parts)
    {
        Parts = parts;
        _added = new AddedVocabulary(parts.AddedTokens, parts.Model, parts.Normalizer, parts.Source, parts.Spelled);
    }

    private Tokenizer(TokenizerParts parts, AddedVocabulary added) => (Parts, _added) = (parts, added);

    /// <summary>Number of ids: the model's vocabulary and the added tokens that are new to it.</summary>
    public int VocabularySize => Parts.Model.VocabularySize + _added.NewTokens;

    /// <summary>The file it was read from, as errors name it; <c>tokenizer</c> for one that was made otherwise.</summary>
    public string Source => Parts.Source;

    /// <summary>How too long encodings are cut; null: they are not.</summary>
    public TruncationOptions? Truncation => Parts.Truncation;

    /// <summary>How encodings are lengthened; null: they are not.</summary>
    public PaddingOptions? Padding => Parts.Padding;

    /// <summary>Added tokens by id, special ones among them.</summary>
    public IReadOnlyDictionary<int, AddedToken> AddedTokens => _added.Tokens;

    /// <summary>Tokens by role, e.g. <c>bos_token</c>, <c>eos_token</c>, <c>pad_token</c>, as the folder's tokenizer_config.json and
    /// special_tokens_map.json name them.</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens => Parts.SpecialTokens;

    /// <summary>The side that a truncation should cut: <c>truncation_side</c> of tokenizer_config.json.</summary>
    public Side TruncationSide => Parts.Truncation?.Direction ?? Parts.Sides.Truncation;

    /// <summary>The side that padding should go to: <c>padding_side</c> of tokenizer_config.json.</summary>
    public Side PaddingSide => Parts.Padding?.Direction ?? Parts.Sides.Padding;

    /// <summary>What was made of each setting of tokenizer_config.json, special_tokens_map.json and added_tokens.json; null for a tokenizer
    /// that came without them.</summary>
    public TokenizerFolderReport? Report => Parts.Report;

    internal TokenizerParts Parts { get; }

    internal AddedVocabulary Added => _added;

    /// <summary>Reads a tokenizer file: tokenizer.json, or by its name vocab.txt, vocab.json or merges.txt (with the other beside it), a
    /// SentencePiece .model, or a .tiktoken file named after its encoding.</summary>
    /// <param name="path">The file. Vocabulary files take tokenizer_config.json, special_tokens_map.json and added_tokens.json beside them
    /// into account.</param>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file breaks a rule of its format; the message names the JSON path or the
    /// line.</exception>
    /// <exception cref="ConfigException">The file's parts do not fit, or the name of a .tiktoken file does not tell its
    /// encoding.</exception>
    public static Tokenizer FromFile(string path) => Checked(TokenizerFolderReader.ReadFile(path));

    /// <summary>Reads a tokenizer.json from memory.</summary>
    /// <param name="utf8">The JSON.</param>
    /// <param name="name">Name of the file for errors.</param>
    /// <exception cref="InvalidFileException">The text breaks a rule of its format.</exception>
    public static Tokenizer FromJson(ReadOnlyMemory<byte> utf8, string name = "tokenizer.json") => new(TokenizerJsonReader.Read(utf8, name));

    /// <summary>Reads the tokenizer of a Hugging Face folder.</summary>
    /// <param name="folder">Holds tokenizer.json; without one vocab.json and merges.txt, vocab.txt, a SentencePiece .model or a .tiktoken
    /// file. Tokens that tokenizer_config.json, special_tokens_map.json and added_tokens.json (of version 4 and 5 of transformers) name are
    /// added.</param>
    /// <exception cref="StorageException">A file cannot be read, or there is none of these.</exception>
    /// <exception cref="InvalidFileException">A file breaks a rule of its format.</exception>
    public static Tokenizer FromFolder(string folder) => Checked(TokenizerFolderReader.Read(folder));

    /// <summary>The tokenizer, after the checks that need it whole have added their warnings to its report.</summary>
    private static Tokenizer Checked(TokenizerParts parts)
    {
        Tokenizer tokenizer = new(parts);
        parts.Report?.RunChecks(tokenizer);
        return tokenizer;
    }

    /// <summary>Reads the tokenizer among the files of a model: a folder, memory, a download. As <see cref="FromFolder"/>.</summary>
    /// <param name="files">The files.</param>
    /// <exception cref="StorageException">A file cannot be read, or there is no tokenizer.</exception>
    /// <exception cref="InvalidFileException">A file breaks a rule of its format.</exception>
    public static Tokenizer FromFiles(IModelFiles files) => Checked(TokenizerFolderReader.Read(files));

    /// <summary>The id of a token, or null where there is none.</summary>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        int id = _added.IdOf(token);
        return id < 0 ? null : id;
    }

    /// <summary>The token of an id, or null where there is none.</summary>
    public string? IdToToken(int id) => _added.TokenOf(id);

    /// <summary>Writes tokenizer.json; equal tokenizers give equal bytes, and Hugging Face tokenizers loads it.</summary>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder)) throw new StorageException($"{path}: its folder does not exist. Create it, or choose another place.");
        byte[] json = ToJson();
        DurableFile.Write(path, stream => stream.Write(json));
    }

    /// <summary>The content of tokenizer.json as UTF-8.</summary>
    /// <param name="indented">Two blanks a level and a line end; else everything on one line.</param>
    public byte[] ToJson(bool indented = true) => TokenizerJsonWriter.Write(this, indented);

    /// <summary>Writes the vocabulary without the pipeline: vocab.txt (WordPiece), vocab.json (WordLevel) or vocab.json and merges.txt
    /// (BPE).</summary>
    /// <param name="folder">An existing folder.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="ConfigException">The model has no such files.</exception>
    /// <exception cref="StorageException">A file cannot be written.</exception>
    public IReadOnlyList<string> SaveVocabulary(string folder) => VocabularyFiles.Write((Parts.Saved?.Value ?? Parts).Model, folder);

    /// <summary>The same tokenizer with another truncation.</summary>
    /// <exception cref="ArgumentException">The stride is not below what the length leaves beside special tokens.</exception>
    public Tokenizer WithTruncation(TruncationOptions? truncation)
    {
        if (truncation is not null)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(truncation.MaxLength, nameof(truncation));
            ArgumentOutOfRangeException.ThrowIfNegative(truncation.Stride, nameof(truncation));
            int left = truncation.MaxLength - (Parts.PostProcessor?.AddedTokens(pair: false) ?? 0);
            if (left >= 0 && truncation.Stride > 0 && left <= truncation.Stride)
                throw new ArgumentException($"The stride {truncation.Stride} must be below the {left} tokens that the maximum length {truncation.MaxLength} leaves beside special tokens.", nameof(truncation));
        }

        return new Tokenizer(Parts with { Truncation = truncation, TruncationPlace = nameof(WithTruncation) }, _added);
    }

    /// <summary>The same tokenizer, with text lower-cased before its own normalizer.</summary>
    public Tokenizer WithLowerCase()
    {
        INormalizer lower = new LowercaseNormalizer();
        return new Tokenizer(Parts with { Normalizer = Parts.Normalizer is { } own ? new SequenceNormalizer([lower, own]) : lower }, _added);
    }

    /// <summary>The same tokenizer with another padding.</summary>
    public Tokenizer WithPadding(PaddingOptions? padding)
    {
        if (padding?.MultipleOf is <= 0 || padding?.Length is < 0)
            throw new ArgumentException("Length must be at least 0 and MultipleOf at least 1.", nameof(padding));
        return new Tokenizer(Parts with { Padding = padding }, _added);
    }
}
