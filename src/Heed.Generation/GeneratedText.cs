namespace Heed.Generation;

/// <summary>A text that a model wrote.</summary>
public sealed class GeneratedText
{
    /// <summary>Number of the prompt that it continues.</summary>
    public required int Prompt { get; init; }

    /// <summary>The new text, without the prompt and without a stop string.</summary>
    public required string Text { get; init; }

    /// <summary>The new ids, those of an end id or a stop string included.</summary>
    public required int[] Ids { get; init; }

    /// <summary>Number of tokens of the prompt.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Why it ended.</summary>
    public required FinishReason Finish { get; init; }

    /// <summary>Σ log p ÷ length^penalty where beams were searched; null else.</summary>
    public float? Score { get; init; }
}
