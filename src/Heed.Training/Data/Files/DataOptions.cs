namespace Heed.Training.Data;

/// <summary>What a column of training data holds.</summary>
public enum DataColumn
{
    /// <summary>The text to classify, or of spans.</summary>
    Text,

    /// <summary>The first text of a pair.</summary>
    First,

    /// <summary>The second text of a pair.</summary>
    Second,

    /// <summary>Label, labels or a number.</summary>
    Label,

    /// <summary>Similarity of a pair.</summary>
    Score,

    /// <summary>The text to translate or to summarise.</summary>
    Source,

    /// <summary>Its translation or summary.</summary>
    Target,

    /// <summary>The text that others are near to or far from.</summary>
    Anchor,

    /// <summary>A text near the anchor.</summary>
    Positive,

    /// <summary>A text far from the anchor.</summary>
    Negative,

    /// <summary>Words of a sentence.</summary>
    Words,

    /// <summary>A tag for each word.</summary>
    Tags,

    /// <summary>Spans of a text.</summary>
    Spans,

    /// <summary>A question.</summary>
    Question,

    /// <summary>The text that holds the answer.</summary>
    Context,

    /// <summary>Answers of a question.</summary>
    Answers,

    /// <summary>Messages of a conversation.</summary>
    Messages,
}

/// <summary>
/// How training data is read. Everything that is left out is found in the data, and stated in
/// <see cref="ExampleSet{T}.Statements"/>.
/// </summary>
public sealed record DataOptions
{
    /// <summary>The names of columns that are not to be found by synonyms.</summary>
    public IReadOnlyDictionary<DataColumn, string> Columns { get; init; } = new Dictionary<DataColumn, string>();

    /// <summary>Separates the fields of CSV and TSV files; found in the data if null.</summary>
    public char? Delimiter { get; init; }

    /// <summary>What labels are; deduced if null.</summary>
    public LabelKind? Kind { get; init; }

    /// <summary>Names of labels that the data numbers, in order.</summary>
    public IReadOnlyList<string>? LabelNames { get; init; }

    /// <summary>True: lines with faults are left out, and listed in <see cref="ExampleSet{T}.Faults"/>. False: they are an error.</summary>
    public bool SkipFaulty { get; init; }

    /// <summary>Longest line accepted, in bytes.</summary>
    public int LongestLine { get; init; } = 64 << 20;
}
