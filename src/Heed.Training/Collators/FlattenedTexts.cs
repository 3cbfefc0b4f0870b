namespace Heed.Training.Collators;

/// <summary>Several texts as one row without padding, each with positions of its own.</summary>
/// <param name="Ids">The texts' ids end to end, [N].</param>
/// <param name="Labels">The ids, and <see cref="IgnoredLabel.Value"/> at each text's first token, which nothing predicts, [N].</param>
/// <param name="Positions">Place of each token in its text, [N].</param>
/// <param name="Texts">Number of each token's text among those that are not empty, [N].</param>
/// <param name="Starts">First token of each text, and N at the end.</param>
internal sealed record FlattenedTexts(
    IReadOnlyList<int> Ids, IReadOnlyList<int> Labels, IReadOnlyList<int> Positions, IReadOnlyList<int> Texts, IReadOnlyList<int> Starts)
{
    /// <summary>Texts as one row; empty ones are left out.</summary>
    public static FlattenedTexts Of(IEnumerable<IReadOnlyList<int>> texts)
    {
        List<int> ids = [], labels = [], positions = [], numbers = [], starts = [0];
        foreach (IReadOnlyList<int> text in texts)
        {
            if (text.Count == 0) continue;
            for (int t = 0; t < text.Count; t++)
            {
                ids.Add(text[t]);
                labels.Add(t == 0 ? IgnoredLabel.Value : text[t]);
                positions.Add(t);
                numbers.Add(starts.Count - 1);
            }

            starts.Add(ids.Count);
        }

        return new FlattenedTexts(ids, labels, positions, numbers, starts);
    }
}
