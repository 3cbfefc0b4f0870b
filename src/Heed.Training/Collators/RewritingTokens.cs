using Heed.Tokenizers;
using Heed.Training.Data;

namespace Heed.Training.Collators;

/// <summary>A text and what it becomes, as tokens.</summary>
/// <param name="Source">What the encoder reads.</param>
/// <param name="Target">What the decoder is to write.</param>
internal sealed record RewritingTokens(IReadOnlyList<int> Source, IReadOnlyList<int> Target)
{
    /// <summary>The tokens of an example, cut to the longest lengths.</summary>
    /// <param name="tokenizer">The tokenizer; its own truncation and padding do not count.</param>
    /// <param name="example">Text and target.</param>
    /// <param name="prefix">What stands before the text, such as <c>summarize: </c>.</param>
    /// <param name="sourceLength">Longest source, in tokens; null for none.</param>
    /// <param name="targetLength">Longest target, in tokens; null for none.</param>
    public static RewritingTokens Of(Tokenizer tokenizer, RewritingExample example, string prefix = "", int? sourceLength = null,
        int? targetLength = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(example);
        return new(Cut(sourceLength).Encode(prefix + example.Source).Ids, Cut(targetLength).Encode(example.Target).Ids);

        Tokenizer Cut(int? length) => tokenizer.WithPadding(null).WithTruncation(length is { } longest ? new TruncationOptions(longest)
            : null);
    }

    /// <summary>The decoder's input while it learns: the start id and all labels but the last; ignored ones become padding.</summary>
    /// <param name="labels">Labels of one row, padded.</param>
    /// <param name="start">The decoder's start id.</param>
    /// <param name="padding">The padding id.</param>
    public static int[] DecoderInputs(IReadOnlyList<int> labels, int start, int padding)
    {
        ArgumentNullException.ThrowIfNull(labels);
        int[] inputs = new int[labels.Count];
        for (int t = 0; t < inputs.Length; t++) inputs[t] = t == 0 ? start : labels[t - 1] == IgnoredLabel.Value ? padding : labels[t - 1];
        return inputs;
    }
}
