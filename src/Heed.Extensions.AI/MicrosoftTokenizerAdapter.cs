using System.Buffers;
using Heed.Tokenizers;
using Microsoft.ML.Tokenizers;
using Tokenizer = Heed.Tokenizers.Tokenizer;

namespace Heed.Extensions.AI;

/// <summary>A Heed tokenizer wherever <see cref="Microsoft.ML.Tokenizers.Tokenizer"/> is taken. No special tokens are added.</summary>
/// <remarks>Normalization and pre-tokenization are part of the Heed tokenizer: the switches for them of the base class change
/// nothing.</remarks>
public sealed class MicrosoftTokenizerAdapter : Microsoft.ML.Tokenizers.Tokenizer
{
    private readonly Tokenizer _tokenizer;

    /// <summary>Wraps a tokenizer; its truncation and padding are left out.</summary>
    public MicrosoftTokenizerAdapter(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer.WithTruncation(null).WithPadding(null);
    }

    /// <summary>The tokenizer within.</summary>
    public Tokenizer Inner => _tokenizer;

    /// <inheritdoc/>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        int[] all = [.. ids];
        string text = _tokenizer.Decode(all, skipSpecialTokens: false);
        (idsConsumed, charsWritten) = (0, 0);
        if (text.Length > destination.Length) return OperationStatus.DestinationTooSmall;
        text.CopyTo(destination);
        (idsConsumed, charsWritten) = (all.Length, text.Length);
        return OperationStatus.Done;
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return _tokenizer.Decode((int[])[.. ids], skipSpecialTokens: false);
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        TokenEncoding encoding = Encode(text, textSpan);
        int count = Leading(encoding, settings.MaxTokenCount);
        return new EncodeResults<int> { Tokens = encoding.Ids[..count], NormalizedText = null, CharsConsumed = Consumed(encoding, count, text, textSpan) };
    }

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        TokenEncoding encoding = Encode(text, textSpan);
        int count = Leading(encoding, settings.MaxTokenCount);
        EncodedToken[] tokens = new EncodedToken[count];
        for (int i = 0; i < count; i++) tokens[i] = new EncodedToken(encoding.Ids[i], encoding.Tokens[i], encoding.Starts[i]..encoding.Ends[i]);
        return new EncodeResults<EncodedToken> { Tokens = tokens, NormalizedText = null, CharsConsumed = Consumed(encoding, count, text, textSpan) };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
        => Math.Min(_tokenizer.CountTokens(text is null ? textSpan : text, addSpecialTokens: false), settings.MaxTokenCount);

    /// <inheritdoc/>
    protected override int GetIndexByTokenCount(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd, out string? normalizedText, out int tokenCount)
    {
        TokenEncoding encoding = Encode(text, textSpan);
        normalizedText = null;
        int length = text?.Length ?? textSpan.Length;
        tokenCount = fromEnd ? Trailing(encoding, settings.MaxTokenCount) : Leading(encoding, settings.MaxTokenCount);
        if (!fromEnd) return Consumed(encoding, tokenCount, text, textSpan);
        return tokenCount == encoding.Count ? 0 : tokenCount == 0 ? length : encoding.Starts[encoding.Count - tokenCount];
    }

    /// <summary>How many tokens from the start stand for whole characters: up to this many, since part of a character's tokens is no
    /// text.</summary>
    private static int Leading(TokenEncoding encoding, int most)
    {
        int count = Math.Min(encoding.Count, most);
        while (count > 0 && count < encoding.Count && encoding.Starts[count] < encoding.Ends[count - 1]) count--;
        return count;
    }

    /// <summary>As <see cref="Leading"/>, from the end.</summary>
    private static int Trailing(TokenEncoding encoding, int most)
    {
        int count = Math.Min(encoding.Count, most);
        while (count > 0 && count < encoding.Count && encoding.Starts[encoding.Count - count] < encoding.Ends[encoding.Count - count - 1]) count--;
        return count;
    }

    private TokenEncoding Encode(string? text, ReadOnlySpan<char> span) => _tokenizer.Encode(text ?? span.ToString(), addSpecialTokens: false);

    private static int Consumed(TokenEncoding encoding, int count, string? text, ReadOnlySpan<char> span)
        => count == encoding.Count ? text?.Length ?? span.Length : count == 0 ? 0 : encoding.Ends[count - 1];
}
