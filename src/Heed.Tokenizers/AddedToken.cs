namespace Heed.Tokenizers;

/// <summary>A token that is found in the text before the model sees it.</summary>
/// <param name="Content">The text that stands for the token; not empty.</param>
public sealed record AddedToken(string Content)
{
    /// <summary>The id wished for; −1 for the model's own or the next free one.</summary>
    public int Id { get; init; } = -1;

    /// <summary>Matches only where no word character touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Takes the white space on its left with it.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>Takes the white space on its right with it.</summary>
    public bool RightStrip { get; init; }

    /// <summary>Is searched in the normalized text, in its normalized form, instead of the raw text.</summary>
    public bool Normalized { get; init; }

    /// <summary>Is left out by decoding without special tokens.</summary>
    public bool Special { get; init; }
}
