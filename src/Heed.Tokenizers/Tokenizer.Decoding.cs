using System.Collections.Immutable;

namespace Heed.Tokenizers;

public sealed partial class Tokenizer
{
    /// <inheritdoc cref="Decode(ReadOnlySpan{int}, bool)"/>
    public string Decode(IReadOnlyList<int> ids, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return ids is ImmutableArray<int> { IsDefault: false } encoded
            ? Decode(encoded.AsSpan(), skipSpecialTokens)
            : Decode((ReadOnlySpan<int>)[.. ids], skipSpecialTokens);
    }

    /// <summary>Turns ids back into text; ids outside the vocabulary are left out.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="ConfigException">The decoder cannot work on these tokens.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        List<string> tokens = new(ids.Length);
        foreach (int id in ids)
            if (VisibleToken(id, skipSpecialTokens) is { } token) tokens.Add(token);
        return DecodeTokens(tokens);
    }

    /// <summary>Starts decoding ids as they come, one after the other.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public DecodeStream CreateDecodeStream(bool skipSpecialTokens = true) => new(this, skipSpecialTokens);

    /// <summary>The token of an id as decoders see it; null if decoding leaves the id out.</summary>
    internal string? VisibleToken(int id, bool skipSpecialTokens)
    {
        string? token = _added.DecodedTokenOf(id);
        return token is null || (skipSpecialTokens && _added.IsSpecial(token)) ? null : token;
    }

    /// <summary>The text of tokens that decoding does not leave out.</summary>
    internal string DecodeTokens(List<string> tokens)
        => Parts.Decoder is null ? string.Join(' ', tokens) : string.Concat(Parts.Decoder.Decode(tokens));
}
