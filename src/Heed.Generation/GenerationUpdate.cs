namespace Heed.Generation;

/// <summary>What a stream reports with a new token.</summary>
public sealed record GenerationUpdate
{
    /// <summary>The text that became certain; empty while a character or a possible stop string is incomplete.</summary>
    public required string Text { get; init; }

    /// <summary>The new ids since the update before.</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>One entry per id, if <see cref="GenerationConfig.TopTokens"/> asked for them; else empty.</summary>
    public IReadOnlyList<TokenLogProbability> LogProbabilities { get; init; } = [];

    /// <summary><see cref="FinishReason.None"/> in every update but the last.</summary>
    public FinishReason Finish { get; init; }

    /// <summary>What the text cost so far.</summary>
    public required TokenUsage Usage { get; init; }

    /// <summary><see cref="Text"/>: an update can be written where a text is expected.</summary>
    public override string ToString() => Text;
}

/// <summary>The log-probability of a generated token, before any processing.</summary>
/// <param name="Id">Its id.</param>
/// <param name="LogProbability">log p, in nats.</param>
/// <param name="Top">The likeliest ids of the step, best first, as many as were asked for; their own <c>Top</c> is empty.</param>
public sealed record TokenLogProbability(int Id, float LogProbability, IReadOnlyList<TokenLogProbability> Top);

/// <summary>Counts the tokens of a text.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Tokens of the prompt whose keys and values were kept from an earlier text and not computed again.</param>
/// <param name="GeneratedTokens">New tokens.</param>
/// <param name="RecomputedTokens">Tokens that were computed a second time, because the cache was full and the text had to give its pages
/// back for a while, or because it passed a length at which scaled rotary positions change.</param>
public readonly record struct TokenUsage(int PromptTokens, int CachedTokens, int GeneratedTokens, int RecomputedTokens = 0);
