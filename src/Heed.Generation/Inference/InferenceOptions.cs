namespace Heed.Generation;

/// <summary>How an <see cref="InferenceEngine"/> shares time and memory between requests. No value changes what is generated.</summary>
public sealed record InferenceOptions
{
    /// <summary>Most tokens that one step reads: texts that are being written take one each, prompts share what is left. A long prompt is
    /// read in chunks, so that it delays the next token of the other texts by at most this number.</summary>
    public int TokensPerStep { get; init; } = 512;

    /// <summary>Most texts (beams count each) that are written at once; further requests wait.</summary>
    public int MaximumSequences { get; init; } = 256;

    /// <summary>Most memory for keys and values, in bytes. When it is full, kept prefixes go first, then the youngest text, which is
    /// computed again later.</summary>
    public long MaximumCacheBytes { get; init; } = long.MaxValue;

    /// <summary>Most memory that keys and values of finished texts may hold, in bytes, so that a text with the same beginning does not
    /// compute them again; 0 keeps none.</summary>
    public long MaximumPrefixBytes { get; init; } = 256L << 20;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(TokensPerStep, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumSequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumCacheBytes, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaximumPrefixBytes);
    }
}
