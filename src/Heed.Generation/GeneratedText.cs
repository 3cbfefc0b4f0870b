namespace Heed.Generation;

/// <summary>A generated text.</summary>
public sealed record GeneratedText
{
    /// <summary>Index of the prompt that it continues.</summary>
    public required int Prompt { get; init; }

    /// <summary>The new text, without the prompt and without a stop string; empty if the request has no tokenizer.</summary>
    public required string Text { get; init; }

    /// <summary>The new ids, those of an end id or a stop string included; without prompt and decoder start.</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>Why it ended.</summary>
    public required FinishReason Finish { get; init; }

    /// <summary>What it cost.</summary>
    public required TokenUsage Usage { get; init; }

    /// <summary>One entry per new id, if <see cref="GenerationConfig.TopTokens"/> asked for them; else empty.</summary>
    public IReadOnlyList<TokenLogProbability> LogProbabilities { get; init; } = [];

    /// <summary>Σ log p ÷ length^penalty with beam search; else null.</summary>
    public float? Score { get; init; }
}
