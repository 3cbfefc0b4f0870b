using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Collators;

/// <summary>A text as tokens, with the tags that its labelled parts give them.</summary>
/// <param name="Encoding">The tokens, special ones included, as far as they fit.</param>
/// <param name="Tags">A tag for each token of the whole text, special ones left out: <c>B-</c> and <c>I-</c> of its part, else
/// <c>O</c>.</param>
/// <param name="Lost">Parts to which no token is left: they cover none, or share their only one with the part before.</param>
/// <param name="Uneven">Parts that begin or end inside a token: the whole token is learned.</param>
internal sealed record TaggedSpans(
    TokenEncoding Encoding, IReadOnlyList<string> Tags, IReadOnlyList<LabelledSpan> Lost, IReadOnlyList<LabelledSpan> Uneven);

/// <summary>Gives the labels of parts of a text to the tokens that lie in them.</summary>
internal static class SpanAlignment
{
    /// <summary>Tokens of a text with their tags.</summary>
    /// <param name="tokenizer">The tokenizer, with the truncation that is wanted; the end of a text is cut.</param>
    /// <param name="example">A text and its parts.</param>
    public static TaggedSpans Align(Tokenizer tokenizer, SpanExample example)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(example);
        TokenEncoding encoding = tokenizer.Encode(example.Text);
        TokenEncoding whole = tokenizer.Truncation is null ? encoding : tokenizer.WithTruncation(null).Encode(example.Text);
        int[] tokens = [.. Enumerable.Range(0, whole.Count).Where(i => whole.SpecialTokensMask[i] == 0)];
        string[] tags = new string[tokens.Length];
        Array.Fill(tags, "O");
        List<LabelledSpan> lost = [], uneven = [];
        int next = 0;
        foreach (LabelledSpan span in example.Spans)
        {
            // Parts and tokens both come in order; a token that a part has is not given to the next one.
            int first = next;
            while (first < tokens.Length && !Overlaps(first, span)) first++;
            int last = first;
            while (last < tokens.Length && Overlaps(last, span)) last++;
            if (first == last)
            {
                lost.Add(span);
                continue;
            }

            for (int i = first; i < last; i++) tags[i] = (i == first ? "B-" : "I-") + span.Label;
            if (HasText(whole.Starts[tokens[first]], span.Start) || HasText(span.End, whole.Ends[tokens[last - 1]])) uneven.Add(span);
            next = last;
        }

        return new TaggedSpans(encoding, tags, lost, uneven);

        bool Overlaps(int token, LabelledSpan span)
        {
            (int start, int end) = (whole.Starts[tokens[token]], whole.Ends[tokens[token]]);
            // A token may begin with the blank before its word: that is not enough.
            return start < span.End && end > span.Start && start < end && HasText(Math.Max(start, span.Start), Math.Min(end, span.End));
        }

        bool HasText(int from, int to) => from < to && !example.Text.AsSpan(from, to - from).IsWhiteSpace();
    }
}
