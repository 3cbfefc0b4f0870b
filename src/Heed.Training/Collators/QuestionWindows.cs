using System.Collections.Immutable;
using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Collators;

/// <summary>A question with one window of its context.</summary>
internal sealed record QuestionWindow
{
    /// <summary>Token ids of question and window, [N].</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>Segment of each token, [N].</summary>
    public required IReadOnlyList<int> TypeIds { get; init; }

    /// <summary>First token of the context.</summary>
    public required int ContextStart { get; init; }

    /// <summary>After the context's last token; equal to <see cref="ContextStart"/> if there is none.</summary>
    public required int ContextEnd { get; init; }

    /// <summary>First character of each token in the context, in UTF-16 units, [N]; −1 outside the context.</summary>
    public required IReadOnlyList<int> Starts { get; init; }

    /// <summary>The character after each token's last, [N]; −1 outside the context.</summary>
    public required IReadOnlyList<int> Ends { get; init; }

    /// <summary>Token where the answer begins; that of <c>[CLS]</c> if the window does not hold it whole.</summary>
    public required int StartPosition { get; init; }

    /// <summary>Token where the answer ends; that of <c>[CLS]</c> if the window does not hold it whole.</summary>
    public required int EndPosition { get; init; }

    /// <summary>True if the answer lies in the window whole.</summary>
    public bool HoldsAnswer => StartPosition >= ContextStart && StartPosition < ContextEnd;
}

/// <summary>Cuts contexts into windows that fit a model, and finds the answer in each.</summary>
/// <remarks>
/// As transformers' <c>run_qa</c>, except that an answer which begins in the last token of a window stays there: the script's loop runs on
/// past the window.
/// </remarks>
internal static class QuestionWindows
{
    /// <summary>The windows of a question's context.</summary>
    /// <param name="tokenizer">The tokenizer; its own truncation and padding do not count.</param>
    /// <param name="example">The question; the first of its answers is learned.</param>
    /// <param name="length">Longest window with question and special tokens, in tokens.</param>
    /// <param name="stride">Tokens that a window shares with the one before.</param>
    /// <exception cref="ConfigException">The question leaves no room for the context.</exception>
    public static IReadOnlyList<QuestionWindow> Of(Tokenizer tokenizer, QuestionExample example, int length, int stride)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(example);
        Tokenizer cutting = tokenizer.WithPadding(null).WithTruncation(new TruncationOptions(length)
        {
            Strategy =
            TruncationStrategy.OnlySecond,
            Stride = stride
        });
        TokenEncoding first = cutting.Encode(example.Question.TrimStart(), example.Context);
        int? cls = tokenizer.SpecialTokens.TryGetValue("cls_token", out string? name) ? tokenizer.TokenToId(name) : null;
        return [.. first.Overflowing.Prepend(first).Select(window => Window(window, example, cls))];
    }

    private static QuestionWindow Window(TokenEncoding encoding, QuestionExample example, int? cls)
    {
        int[] starts = new int[encoding.Count], ends = new int[encoding.Count];
        ImmutableArray<int> sequences = encoding.SequenceIds;
        int begin = sequences.IndexOf(1), end = sequences.LastIndexOf(1) + 1;
        for (int i = 0; i < starts.Length; i++) (starts[i], ends[i]) = sequences[i] == 1 ? (encoding.Starts[i], encoding.Ends[i])
            : (-1, -1);
        int none = cls is { } id ? Math.Max(0, encoding.Ids.IndexOf(id)) : 0;
        (int from, int to) = (none, none);
        if (begin >= 0 && example.Answers.Count > 0)
        {
            ContextAnswer answer = example.Answers[0];
            int last = answer.Start + answer.Text.Length;
            if (starts[begin] <= answer.Start && ends[end - 1] >= last)
            {
                from = end - 1;
                while (starts[from] > answer.Start) from--;
                to = begin;
                while (ends[to] < last) to++;
            }
        }

        return new QuestionWindow
        {
            Ids = encoding.Ids,
            TypeIds = encoding.TypeIds,
            ContextStart = Math.Max(0, begin),
            ContextEnd = begin < 0 ? 0 : end,
            Starts = starts,
            Ends = ends,
            StartPosition = from,
            EndPosition = to,
        };
    }
}
