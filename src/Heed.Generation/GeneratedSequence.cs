namespace Heed.Generation;

/// <summary>A generated text.</summary>
public sealed class GeneratedSequence
{
    /// <summary>Number of the prompt that it continues.</summary>
    public required int Prompt { get; init; }

    /// <summary>The new ids, the end included where it came; without prompt and decoder start.</summary>
    public required int[] Ids { get; init; }

    /// <summary>Why it ended.</summary>
    public required FinishReason Finish { get; init; }

    /// <summary>Σ log p ÷ length^penalty where beams were searched; null else.</summary>
    public float? Score { get; init; }
}
