namespace Heed.Training.Finetuning;

/// <summary>Two texts by index, and whether they share a label.</summary>
internal readonly record struct ContrastivePair(int First, int Second, bool IsPositive);

/// <summary>Pairs of few labelled texts to learn a distance from, as SetFit makes them: i ≤ j, a text with itself included.</summary>
internal static class ContrastivePairs
{
    /// <summary>Every pair; a text without labels is a negative with itself.</summary>
    /// <param name="labels">Labels of each text.</param>
    public static IReadOnlyList<ContrastivePair> Unique(IReadOnlyList<IReadOnlyList<int>> labels)
    {
        List<ContrastivePair> pairs = [];
        for (int i = 0; i < labels.Count; i++)
            for (int j = i; j < labels.Count; j++) pairs.Add(new ContrastivePair(i, j, labels[i].Any(labels[j].Contains)));
        return pairs;
    }

    /// <summary>
    /// Positives and negatives in turn, as many of each: as the more frequent kind, the other starting again from its first
    /// (oversampling).
    /// </summary>
    /// <param name="pairs">In the order in which each kind is taken.</param>
    /// <param name="each">How many of each kind; null: as many as the more frequent kind has. 0 of a kind that has none.</param>
    public static IReadOnlyList<ContrastivePair> Balanced(IReadOnlyList<ContrastivePair> pairs, int? each = null)
    {
        ContrastivePair[] positives = [.. pairs.Where(p => p.IsPositive)], negatives = [.. pairs.Where(p => !p.IsPositive)];
        int count = each ?? Math.Max(positives.Length, negatives.Length);
        List<ContrastivePair> balanced = [];
        for (int i = 0; i < count; i++)
        {
            if (positives.Length > 0) balanced.Add(positives[i % positives.Length]);
            if (negatives.Length > 0) balanced.Add(negatives[i % negatives.Length]);
        }

        return balanced;
    }

    /// <summary>Each pair once: positives and negatives in turn while there are both, then the rest.</summary>
    public static IReadOnlyList<ContrastivePair> Unbalanced(IReadOnlyList<ContrastivePair> pairs)
    {
        ContrastivePair[] positives = [.. pairs.Where(p => p.IsPositive)], negatives = [.. pairs.Where(p => !p.IsPositive)];
        List<ContrastivePair> all = [];
        for (int i = 0; i < Math.Max(positives.Length, negatives.Length); i++)
        {
            if (i < positives.Length) all.Add(positives[i]);
            if (i < negatives.Length) all.Add(negatives[i]);
        }

        return all;
    }
}
