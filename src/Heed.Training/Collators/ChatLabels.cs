using Heed.Templates;
using Heed.Tokenizers;

namespace Heed.Training.Collators;

/// <summary>A conversation as tokens, with labels where the assistant speaks.</summary>
/// <param name="Ids">Token ids, [N].</param>
/// <param name="Labels">The id where the assistant speaks, else <see cref="IgnoredLabel.Value"/>, [N].</param>
/// <param name="CutTokens">Tokens beyond the longest length, which were left out.</param>
internal sealed record ChatTokens(IReadOnlyList<int> Ids, IReadOnlyList<int> Labels, int CutTokens);

/// <summary>Lets the loss of a conversation count on the assistant's words only.</summary>
internal static class ChatLabels
{
    /// <summary>Tokens of a rendered conversation: every token that overlaps <c>{% generation %}</c> text is learned.</summary>
    /// <param name="tokenizer">The tokenizer; the template has written the special tokens.</param>
    /// <param name="rendering">What the chat template gave.</param>
    /// <param name="length">Longest result, in tokens; the end is cut. Null for none.</param>
    public static ChatTokens Of(Tokenizer tokenizer, ChatRendering rendering, int? length = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(rendering);
        TokenEncoding encoding = tokenizer.WithTruncation(null).WithPadding(null).Encode(rendering.Text, addSpecialTokens: false);
        (int Start, int End)[] offsets = encoding.ToCodePoints(rendering.Text);
        int kept = Math.Min(encoding.Count, length ?? int.MaxValue), span = 0;
        int[] labels = new int[kept];
        for (int i = 0; i < kept; i++)
        {
            while (span < rendering.GenerationSpans.Count && rendering.GenerationSpans[span].End.Value <= offsets[i].Start) span++;
            bool isLearned = span < rendering.GenerationSpans.Count && rendering.GenerationSpans[span].Start.Value < offsets[i].End;
            labels[i] = isLearned ? encoding.Ids[i] : IgnoredLabel.Value;
        }

        return new ChatTokens(encoding.Ids[..kept], labels, encoding.Count - kept);
    }
}
