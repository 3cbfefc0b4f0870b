namespace Heed.Retrieval;

/// <summary>How an answer came about.</summary>
public enum AnswerKind
{
    /// <summary>The best part, as it is: there is no model.</summary>
    Passage,

    /// <summary>A piece of a part, found by a question answering head.</summary>
    Extracted,

    /// <summary>Written by a language model that read the parts.</summary>
    Generated,
}

/// <summary>How a question is answered.</summary>
public sealed record AnswerOptions
{
    /// <summary>Up to how many parts are read, 1 or more.</summary>
    public int Sources { get; init; } = 5;

    /// <summary>How they are found; <see cref="SearchOptions.Top"/> and <see cref="SearchOptions.Reranker"/> of it do not count.</summary>
    public SearchOptions Search { get; init; } = new();

    /// <summary>Evidence must be above this; null: the index's own threshold, and none before it was measured.</summary>
    public double? Threshold { get; init; }

    /// <summary>Longest answer that is written, in tokens.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>Longest answer that is taken from a part, in tokens.</summary>
    public int LongestAnswer { get; init; } = 30;
}

/// <summary>An answer and what it stands on.</summary>
public sealed record DocumentAnswer
{
    /// <summary>False: the documents do not answer the question.</summary>
    public required bool Found { get; init; }

    /// <summary>The answer; null if none was found.</summary>
    public string? Text { get; init; }

    /// <summary>How it came about.</summary>
    public required AnswerKind Kind { get; init; }

    /// <summary>The evidence: the best score, as <see cref="EvidenceThreshold.Of"/> says.</summary>
    public required double Evidence { get; init; }

    /// <summary>What it must be above; null: nothing was asked for.</summary>
    public required double? Threshold { get; init; }

    /// <summary>The parts that were read, best first; of an answer that was not found those that came nearest.</summary>
    public required IReadOnlyList<SearchHit> Sources { get; init; }

    /// <summary>Number of the source that an extracted answer or a passage was taken from; null: of none alone.</summary>
    public int? Source { get; init; }

    /// <summary>The extracted answer's first character in its document's text, in UTF-16 units; null for a generated one.</summary>
    public int? Start { get; init; }

    /// <summary>After its last character.</summary>
    public int? End { get; init; }

    /// <summary>Probability that the question answering head gives an extracted answer; null for others.</summary>
    public double? Score { get; init; }
}
