namespace Heed.Training.Objectives;

/// <summary>A row that a model learns from.</summary>
/// <param name="Inputs">Ids that the model reads.</param>
/// <param name="Labels">
/// Ids that it predicts: of an encoder one under each input, −100 where there is nothing to predict; of an encoder-decoder the text that
/// the decoder writes.
/// </param>
internal readonly record struct CorruptedText(int[] Inputs, int[] Labels)
{
    /// <summary>The segment of each input; null where there is one.</summary>
    public int[]? TypeIds { get; init; }

    /// <summary>0 where the second segment follows the first, 1 where it is random; null of a single segment.</summary>
    public int? NextSentence { get; init; }
}

/// <summary>A run of tokens.</summary>
/// <param name="Start">Its first token.</param>
/// <param name="Length">Tokens; 0 is a place between two tokens.</param>
internal readonly record struct TokenSpan(int Start, int Length);
