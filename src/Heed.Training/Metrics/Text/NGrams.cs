namespace Heed.Training.Metrics;

/// <summary>Counts of n-grams.</summary>
internal static class NGrams
{
    /// <summary>N-grams of words; words hold no white space, so a blank joins them unambiguously.</summary>
    public static Dictionary<string, int> OfWords(IReadOnlyList<string> words, int n)
    {
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        string[] parts = new string[n];
        for (int i = 0; i + n <= words.Count; i++)
        {
            for (int j = 0; j < n; j++) parts[j] = words[i + j];
            Add(counts, n == 1 ? parts[0] : string.Join(' ', parts));
        }

        return counts;
    }

    /// <summary>N-grams of the code points of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="starts">Where each code point starts, and the text's length at the end.</param>
    /// <param name="n">Code points in each.</param>
    public static Dictionary<string, int> OfCharacters(string text, IReadOnlyList<int> starts, int n)
    {
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int i = 0; i + n < starts.Count; i++)
        {
            ReadOnlySpan<char> gram = text.AsSpan(starts[i], starts[i + n] - starts[i]);
            lookup[gram] = lookup.TryGetValue(gram, out int count) ? count + 1 : 1;
        }

        return counts;
    }

    /// <summary>The n-grams that both hold, each as often as the rarer side has it.</summary>
    public static int Matches(Dictionary<string, int> first, Dictionary<string, int> second)
    {
        int matches = 0;
        foreach ((string gram, int count) in first)
            if (second.TryGetValue(gram, out int other)) matches += Math.Min(count, other);
        return matches;
    }

    /// <summary>Raises the counts of <paramref name="to"/> to those of <paramref name="from"/> where these are higher.</summary>
    public static void Raise(Dictionary<string, int> to, Dictionary<string, int> from)
    {
        foreach ((string gram, int count) in from)
            if (!to.TryGetValue(gram, out int known) || known < count) to[gram] = count;
    }

    private static void Add(Dictionary<string, int> counts, string gram) => counts[gram] = counts.GetValueOrDefault(gram) + 1;
}
