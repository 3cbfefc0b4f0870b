namespace Heed.Generation;

/// <summary>How answers are found; what is omitted holds for every model.</summary>
public sealed record QuestionOptions
{
    /// <summary>Up to how many answers.</summary>
    public int Top { get; init; } = 1;

    /// <summary>Longest answer in tokens (<c>max_answer_len</c>).</summary>
    public int LongestAnswer { get; init; } = 15;

    /// <summary>True: "the context holds no answer" is an answer, with an empty text (<c>handle_impossible_answer</c>).</summary>
    public bool MayBeMissing { get; init; }

    /// <summary>True: answers begin and end with whole words.</summary>
    public bool WholeWords { get; init; } = true;

    /// <summary>Tokens of a window, question and special tokens included (<c>max_seq_len</c>); null: as many as the model reads, at most
    /// 384.</summary>
    public int? Length { get; init; }

    /// <summary>Tokens of the context that two windows have in common (<c>doc_stride</c>); null: half a window, at most 128.</summary>
    public int? Stride { get; init; }
}

/// <summary>An answer found in a context.</summary>
/// <param name="Text">The part of the context; empty for "there is no answer".</param>
/// <param name="Start">Its first character in the context, in UTF-16 units.</param>
/// <param name="End">After its last character.</param>
/// <param name="Score">Product of the probabilities of its start and its end; the sum over windows that found the same text, so it may
/// exceed 1.</param>
public sealed record Answer(string Text, int Start, int End, double Score);
