using Heed.Tokenizers.Text;

namespace Heed.Tokenizers;

/// <summary>
/// Text to token ids and back: normalizer, pre-tokenizer, model, post-processor and decoder, as Hugging Face tokenizers 0.23 runs them.
/// </summary>
/// <remarks>Immutable: safe to use from any number of threads. <see cref="WithTruncation"/> and <see cref="WithPadding"/> give changed copies.</remarks>
public sealed partial class Tokenizer
{
    private readonly AddedVocabulary _added;

    internal Tokenizer(TokenizerParts parts)
    {
        Parts = parts;
        _added = new AddedVocabulary(parts.AddedTokens, parts.Model, parts.Normalizer);
    }

    private Tokenizer(TokenizerParts parts, AddedVocabulary added) => (Parts, _added) = (parts, added);

    /// <summary>Number of ids: the model's vocabulary and the added tokens that are new to it.</summary>
    public int VocabularySize => Parts.Model.VocabularySize + _added.NewTokens;

    /// <summary>How too long encodings are cut; null: they are not.</summary>
    public TruncationOptions? Truncation => Parts.Truncation;

    /// <summary>How encodings are lengthened; null: they are not.</summary>
    public PaddingOptions? Padding => Parts.Padding;

    /// <summary>Added tokens by id, special ones among them.</summary>
    public IReadOnlyDictionary<int, AddedToken> AddedTokens => _added.Tokens;

    internal TokenizerParts Parts { get; }

    internal AddedVocabulary Added => _added;

    /// <summary>The id of a token, or null where there is none.</summary>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        int id = _added.IdOf(token);
        return id < 0 ? null : id;
    }

    /// <summary>The token of an id, or null where there is none.</summary>
    public string? IdToToken(int id) => _added.TokenOf(id);

    /// <summary>The same tokenizer with another truncation.</summary>
    /// <exception cref="ArgumentException">The stride is not below the length.</exception>
    public Tokenizer WithTruncation(TruncationOptions? truncation)
    {
        if (truncation is not null)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(truncation.MaxLength, nameof(truncation));
            ArgumentOutOfRangeException.ThrowIfNegative(truncation.Stride, nameof(truncation));
            if (truncation.Stride > 0 && truncation.Stride >= truncation.MaxLength)
                throw new ArgumentException($"The stride {truncation.Stride} must be below the maximum length {truncation.MaxLength}.", nameof(truncation));
        }

        return new Tokenizer(Parts with { Truncation = truncation }, _added);
    }

    /// <summary>The same tokenizer with another padding.</summary>
    public Tokenizer WithPadding(PaddingOptions? padding)
    {
        if (padding?.MultipleOf is <= 0 || padding?.Length is < 0)
            throw new ArgumentException("Length must be at least 0 and MultipleOf at least 1.", nameof(padding));
        return new Tokenizer(Parts with { Padding = padding }, _added);
    }
}
