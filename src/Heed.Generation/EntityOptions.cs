namespace Heed.Generation;

/// <summary>How the classes of tokens become entities (<c>aggregation_strategy</c>).</summary>
public enum EntityAggregation
{
    /// <summary>Each token by itself.</summary>
    None,

    /// <summary>Tokens that follow each other with one tag are one entity; a word may be cut.</summary>
    Simple,

    /// <summary>Whole words: each has the class of its first token.</summary>
    First,

    /// <summary>Whole words: each has the class with the highest mean probability over its tokens.</summary>
    Average,

    /// <summary>Whole words: each has the class of its surest token.</summary>
    Max,
}

/// <summary>How entities are found; what is omitted holds for every model.</summary>
public sealed record EntityOptions
{
    /// <summary>How the classes of tokens become entities.</summary>
    public EntityAggregation Aggregation { get; init; } = EntityAggregation.First;

    /// <summary>Labels that are left out: of entities what follows <c>B-</c> and <c>I-</c>, without aggregation whole labels.</summary>
    public IReadOnlyList<string> IgnoredLabels { get; init; } = ["O"];

    /// <summary>Tokens that two windows of a text longer than the model reads have in common; null: a quarter of a window.</summary>
    public int? Stride { get; init; }

    /// <summary>True: the end of a text longer than the model reads is left out instead of being read in windows.</summary>
    public bool Truncate { get; init; }
}

/// <summary>A part of a text with a label: a name, an amount, a date.</summary>
/// <param name="Label">Its label, without <c>B-</c> and <c>I-</c>; without aggregation as the model has it.</param>
/// <param name="Text">The part of the text.</param>
/// <param name="Start">Its first character in the text, in UTF-16 units.</param>
/// <param name="End">After its last character.</param>
/// <param name="Score">Its probability: the mean over its words or tokens.</param>
public sealed record Entity(string Label, string Text, int Start, int End, float Score);
