using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Collators;

/// <summary>A sentence as tokens with a label each.</summary>
/// <param name="Ids">Token ids, [N].</param>
/// <param name="Labels">Index of each token's tag, [N]; <see cref="IgnoredLabel.Value"/> where nothing is to be learned.</param>
/// <param name="LostWords">Words without a token: cut off, or empty. An evaluation counts them as predicted <c>O</c>.</param>
internal sealed record TaggedTokens(IReadOnlyList<int> Ids, IReadOnlyList<int> Labels, IReadOnlyList<int> LostWords)
{
    /// <summary>Segment of each token, [N].</summary>
    public required IReadOnlyList<int> TypeIds { get; init; }
}

/// <summary>The label of a position that the loss leaves out.</summary>
internal static class IgnoredLabel
{
    /// <summary>PyTorch's <c>ignore_index</c>.</summary>
    public const int Value = -100;
}

/// <summary>Gives the tags of words to the tokens of these words.</summary>
internal static class TagAlignment
{
    /// <summary>
    /// Tokens of a sentence with their labels: the first token of a word carries its tag, the others nothing, or the tag
    /// too.
    /// </summary>
    /// <param name="tokenizer">The tokenizer, with the truncation that is wanted.</param>
    /// <param name="example">Words and tags.</param>
    /// <param name="labelNames">The tags in the order of their indices.</param>
    /// <param name="labelAllTokens">True: later tokens of a word carry its tag too, with <c>B-</c> turned into <c>I-</c> if there is such a
    /// tag.</param>
    /// <exception cref="InputException">A tag is none of <paramref name="labelNames"/>.</exception>
    public static TaggedTokens Align(Tokenizer tokenizer, TaggedExample example, IReadOnlyList<string> labelNames,
        bool labelAllTokens = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(example);
        ArgumentNullException.ThrowIfNull(labelNames);
        Dictionary<string, int> indices = new(StringComparer.Ordinal);
        for (int i = 0; i < labelNames.Count; i++) indices[labelNames[i]] = i;
        TokenEncoding encoding = tokenizer.EncodeWords(example.Words);
        int[] labels = new int[encoding.Count];
        bool[] kept = new bool[example.Words.Count];
        int before = -1;
        for (int i = 0; i < labels.Length; i++)
        {
            int word = encoding.WordIds[i];
            labels[i] = word < 0 || (word == before && !labelAllTokens) ? IgnoredLabel.Value
                : word == before ? Inside(example.Tags[word]) : Index(example.Tags[word], word);
            if (word >= 0) kept[word] = true;
            before = word;
        }

        return new TaggedTokens(encoding.Ids, labels, [.. Enumerable.Range(0, kept.Length).Where(w => !kept[w])]) { TypeIds = encoding.TypeIds };

        int Inside(string tag) => tag.StartsWith("B-", StringComparison.Ordinal) && indices.TryGetValue("I-" + tag[2..], out int inside)
            ? inside : indices[tag];

        int Index(string tag, int word) => indices.TryGetValue(tag, out int index) ? index
            : throw new InputException($"{example.Place}: the tag '{Printable.Shorten(tag)}' of word {word} is none of the {indices.Count} tags known.");
    }
}
