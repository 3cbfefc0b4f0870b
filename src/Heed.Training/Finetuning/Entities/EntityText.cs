using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>A text whose entities are known, by a tag for each word or by labelled parts.</summary>
internal abstract record EntityText(DataPlace Place)
{
    /// <summary>What the model reads, for people.</summary>
    public abstract string Text { get; }

    /// <summary>All that is learned from, for a sum.</summary>
    public abstract IEnumerable<string> Parts { get; }

    /// <summary>The tags that it has, some of them often.</summary>
    public abstract IEnumerable<string> Tags { get; }

    /// <summary>Tokens of the text, special ones included.</summary>
    /// <param name="tokenizer">Without truncation.</param>
    public abstract int Count(Tokenizer tokenizer);

    /// <summary>The text as the model reads it.</summary>
    /// <param name="tokenizer">With the truncation that is wanted.</param>
    /// <param name="labels">The tags in the order of the model's outputs.</param>
    /// <exception cref="InputException">A tag is none of <paramref name="labels"/>.</exception>
    public abstract TaggedText Align(Tokenizer tokenizer, IReadOnlyList<string> labels);
}

/// <summary>Words with a tag each: the first token of a word is learned.</summary>
internal sealed record WordsText(TaggedExample Example) : EntityText(Example.Place)
{
    public override string Text => string.Join(' ', Example.Words);

    public override IEnumerable<string> Parts => [.. Example.Words, .. Example.Tags];

    public override IEnumerable<string> Tags => Example.Tags;

    public override int Count(Tokenizer tokenizer) => tokenizer.EncodeWords(Example.Words).Count;

    public override TaggedText Align(Tokenizer tokenizer, IReadOnlyList<string> labels)
    {
        TaggedTokens tokens = TagAlignment.Align(tokenizer, Example, labels);
        return new TaggedText(new EncodedText([.. tokens.Ids], [.. tokens.TypeIds]), [.. tokens.Labels], Example.Tags, tokens.LostWords)
        {
            Unit = i => Example.Words[i],
        };
    }
}

/// <summary>A text with labelled parts: each token is learned.</summary>
internal sealed record SpansText(SpanExample Example) : EntityText(Example.Place)
{
    public override string Text => Example.Text;

    public override IEnumerable<string> Parts
        => [Example.Text, .. Example.Spans.Select(s => FormattableString.Invariant($"{s.Start} {s.End} {s.Label}"))];

    public override IEnumerable<string> Tags
        => Example.Spans.SelectMany(s => (string[])["B-" + s.Label, "I-" + s.Label]).Prepend(EntityData.Outside);

    public override int Count(Tokenizer tokenizer) => tokenizer.Encode(Example.Text).Count;

    public override TaggedText Align(Tokenizer tokenizer, IReadOnlyList<string> labels)
    {
        TaggedSpans spans = SpanAlignment.Align(tokenizer, Example);
        TokenEncoding encoding = spans.Encoding;
        int[] tokenLabels = new int[encoding.Count];
        List<string> words = [];
        int kept = 0;
        for (int i = 0; i < tokenLabels.Length; i++)
        {
            tokenLabels[i] = encoding.SpecialTokensMask[i] != 0 ? IgnoredLabel.Value : IndexOf(labels, spans.Tags[kept++]);
            if (encoding.SpecialTokensMask[i] == 0) words.Add(Example.Text[encoding.Starts[i]..encoding.Ends[i]].Trim());
        }

        // A part without a token is an entity that the model cannot find: it stands behind the others.
        string[] gold = [.. spans.Tags, .. spans.Lost.Select(s => "B-" + s.Label)];
        return new TaggedText(new EncodedText([.. encoding.Ids], [.. encoding.TypeIds]), tokenLabels, gold,
            [.. Enumerable.Range(kept, gold.Length - kept)])
        {
            Uneven = spans.Uneven.Count,
            Unit = i => i < words.Count ? words[i] : "…",
        };
    }

    private int IndexOf(IReadOnlyList<string> labels, string tag)
    {
        for (int i = 0; i < labels.Count; i++) if (labels[i] == tag) return i;
        throw new InputException($"{Place}: the tag '{Printable.Shorten(tag)}' is none of the {labels.Count} tags known.");
    }
}

/// <summary>A text as the model reads it, with the tags of its units: words, or tokens.</summary>
/// <param name="Encoded">The tokens.</param>
/// <param name="Labels">[T]: the index of a tag at the token of each unit that is kept, in order; else
/// <see cref="IgnoredLabel.Value"/>.</param>
/// <param name="Gold">The tag of each unit.</param>
/// <param name="Lost">Units without a token, in order: cut off, or empty. They count as predicted <c>O</c>.</param>
internal sealed record TaggedText(EncodedText Encoded, int[] Labels, IReadOnlyList<string> Gold, IReadOnlyList<int> Lost)
{
    /// <summary>Labelled parts that begin or end inside a token.</summary>
    public int Uneven { get; init; }

    /// <summary>The text of a unit, for people.</summary>
    public required Func<int, string> Unit { get; init; }

    /// <summary>Units that are lost though they have a tag other than <c>O</c>.</summary>
    public int LostTags => Lost.Count(i => Gold[i] != EntityData.Outside);
}
