namespace Heed.Retrieval;

/// <summary>A text as rows of a vocabulary: sentence after sentence, four bytes per word.</summary>
internal sealed class WordCorpus
{
    /// <summary>Words of the longest sentence; a longer line is cut (word2vec.c's limit).</summary>
    public const int LongestSentence = 1000;

    private readonly int[] _ids;

    private WordCorpus(string[] words, long[] counts, int[] ids, long total) => (Words, Counts, _ids, Total) = (words, counts, ids, total);

    /// <summary>The words, the most frequent first; of equally frequent ones the one that came first.</summary>
    public string[] Words { get; }

    /// <summary>How often each comes.</summary>
    public long[] Counts { get; }

    /// <summary>Σ <see cref="Counts"/>: the words that are learned from.</summary>
    public long Total { get; }

    /// <summary>Reads texts once.</summary>
    /// <param name="texts">The texts; each of their lines is a sentence.</param>
    /// <param name="config">What separates words, and how often a word must come.</param>
    /// <param name="cancellationToken">Looked at before each text.</param>
    /// <exception cref="InputException">No word comes often enough.</exception>
    /// <exception cref="BudgetException">The text or the tables are longer than an array.</exception>
    public static WordCorpus Read(IEnumerable<string> texts, WordVectorConfig config, CancellationToken cancellationToken)
    {
        Dictionary<string, int> seen = new(StringComparer.Ordinal);
        List<long> counts = [];
        int[] ids = new int[1 << 16];
        int filled = 0, length = 0;
        foreach (string text in texts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (string line in text.Split('\n'))
            {
                length = 0;
                foreach (string word in config.SplitsAtBlanks ? line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                    : WordSplitter.Words(line)) Take(word);
                if (length > 0) Append(-1);
            }
        }

        int[] order = [.. Enumerable.Range(0, counts.Count).Where(i => counts[i] >= config.MinimumCount).OrderByDescending(i => counts[i])];
        if (order.Length == 0) throw new InputException($"--min-count, {nameof(WordVectorConfig)}.{nameof(config.MinimumCount)}: is "
            + $"{config.MinimumCount}, and no word of the text comes that often (the most frequent "
                + $"{(counts.Count == 0 ? 0 : counts.Max())} "
            + "times). Give more text, or a lower number.");
        int[] place = [.. Enumerable.Repeat(-2, counts.Count)];
        for (int i = 0; i < order.Length; i++) place[order[i]] = i;
        int kept = 0;
        for (int i = 0; i < filled; i++)
            if ((ids[i] < 0 ? -1 : place[ids[i]]) is > -2 and var id) ids[kept++] = id;
        string[] all = [.. seen.Keys];      // a dictionary that nothing is removed from enumerates in the order of adding
        return new WordCorpus([.. order.Select(i => all[i])], [.. order.Select(i => counts[i])], ids.AsSpan(0, kept).ToArray(),
            order.Sum(i => counts[i]));

        void Take(string word)
        {
            if (!seen.TryGetValue(word, out int id))
            {
                id = counts.Count;
                seen.Add(word, id);
                counts.Add(0);
            }

            counts[id]++;
            if (length == LongestSentence)
            {
                Append(-1);
                length = 0;
            }

            Append(id);
            length++;
        }

        void Append(int id)
        {
            if (filled == Array.MaxLength) throw new BudgetException($"The text has more than {Array.MaxLength:N0} words, which is the "
                + "most that is learned from at once. Give a part of it.");
            if (filled == ids.Length) Array.Resize(ref ids, (int)Math.Min(Array.MaxLength, 2L * ids.Length));
            ids[filled++] = id;
        }
    }

    /// <summary>The sentences that have a word of the vocabulary, in the text's order.</summary>
    public IEnumerable<ReadOnlyMemory<int>> Sentences()
    {
        for (int start = 0; start < _ids.Length;)
        {
            int length = Array.IndexOf(_ids, -1, start) is var end and >= 0 ? end - start : _ids.Length - start;
            if (length > 0) yield return _ids.AsMemory(start, length);
            start += length + 1;
        }
    }
}
