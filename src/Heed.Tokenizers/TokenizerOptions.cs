namespace Heed.Tokenizers;

/// <summary>Which text of a pair gives up tokens first.</summary>
public enum TruncationStrategy
{
    /// <summary>The longer text first, token by token, until both fit.</summary>
    LongestFirst,

    /// <summary>Only the first text.</summary>
    OnlyFirst,

    /// <summary>Only the second text.</summary>
    OnlySecond,
}

/// <summary>A side of the text.</summary>
public enum Side
{
    /// <summary>The end.</summary>
    Right,

    /// <summary>The beginning.</summary>
    Left,
}

/// <summary>How to cut encodings that are too long.</summary>
/// <param name="MaxLength">Most tokens in an encoding, the special tokens that will be added included; ≥ 0.</param>
public sealed record TruncationOptions(int MaxLength)
{
    /// <summary>Which text gives up tokens.</summary>
    public TruncationStrategy Strategy { get; init; }

    /// <summary>Tokens that each overflowing window repeats of the window before, ≥ 0.</summary>
    public int Stride { get; init; }

    /// <summary>The side that is cut off.</summary>
    public Side Direction { get; init; }
}

/// <summary>How to lengthen encodings to a common length.</summary>
public sealed record PaddingOptions
{
    /// <summary>The fixed length in tokens; null pads to the longest of the batch.</summary>
    public int? Length { get; init; }

    /// <summary>The side that padding goes to.</summary>
    public Side Direction { get; init; }

    /// <summary>Rounds the length up to a multiple of this, where not null.</summary>
    public int? MultipleOf { get; init; }

    /// <summary>Id of the padding token.</summary>
    public int Id { get; init; }

    /// <summary>Type id of the padding token.</summary>
    public int TypeId { get; init; }

    /// <summary>Text of the padding token.</summary>
    public string Token { get; init; } = "[PAD]";
}
