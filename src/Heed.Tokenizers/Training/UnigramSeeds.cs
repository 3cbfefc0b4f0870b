using System.Text;

namespace Heed.Tokenizers.Training;

/// <summary>A piece of text and its weight: a count or, later, a log probability.</summary>
internal readonly record struct UnigramPiece(string Text, double Score);

/// <summary>
/// The pieces that Unigram training starts from: all characters by frequency, then the substrings that are followed by two
/// different characters somewhere among the distinct words, by occurrences × length (each word counts once).
/// </summary>
/// <remarks>Those substrings are the inner nodes of a suffix tree: the intervals of equal prefix in the sorted list of suffixes.</remarks>
internal static class UnigramSeeds
{
    public static List<UnigramPiece> Make(IReadOnlyList<WordCount> words, UnigramTrainerSettings settings, IProgress<TrainingProgress>? progress, ParallelOptions parallel)
    {
        (int[] text, Dictionary<int, long> characters) = Flatten(words);
        int[] suffixes = SortSuffixes(text, settings.MaximumPieceLength, parallel);
        List<(long Score, int Start, int Length)> substrings = RepeatedSubstrings(text, suffixes, settings.MaximumPieceLength);
        substrings.Sort((a, b) => Order(text, a, b));

        List<UnigramPiece> seeds = [];
        foreach ((int character, long count) in characters.OrderByDescending(entry => entry.Value).ThenByDescending(entry => entry.Key))
            seeds.Add(new UnigramPiece(char.ConvertFromUtf32(character), count));
        foreach ((long score, int start, int length) in substrings)
        {
            if (seeds.Count >= settings.SeedSize) break;
            StringBuilder piece = new();
            for (int i = start; i < start + length; i++) piece.Append(char.ConvertFromUtf32(text[i]));
            seeds.Add(new UnigramPiece(piece.ToString(), score));
        }

        progress?.Report(new TrainingProgress(TrainingPhase.Seed, seeds.Count, seeds.Count));
        double logSum = Math.Log(seeds.Sum(seed => seed.Score));
        return seeds.ConvertAll(seed => seed with { Score = Math.Log(seed.Score) - logSum });
    }

    /// <summary>All words one after another, each ended by −1; and how often each character occurs in the text.</summary>
    private static (int[] Text, Dictionary<int, long> Characters) Flatten(IReadOnlyList<WordCount> words)
    {
        List<int> text = [];
        Dictionary<int, long> characters = [];
        foreach ((string word, long count) in words)
        {
            foreach (Rune rune in word.EnumerateRunes())
            {
                text.Add(rune.Value);
                System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(characters, rune.Value, out _) += count;
            }

            text.Add(-1);
        }

        return ([.. text], characters);
    }

    /// <summary>The starts of all suffixes of words, in the order of their first characters; a word's end comes before any character,
    /// and of equal suffixes the earlier one comes first.</summary>
    /// <remarks>Sorted by their first three characters as numbers, then each run of equal ones by comparing on.</remarks>
    private static int[] SortSuffixes(int[] text, int longest, ParallelOptions parallel)
    {
        int count = text.Count(character => character >= 0);
        int[] sorted = new int[count];
        ulong[] keys = new ulong[count];
        for (int i = 0, to = 0; i < text.Length; i++)
        {
            if (text[i] < 0) continue;
            sorted[to] = i;
            keys[to++] = Key(text, i);
        }

        parallel.CancellationToken.ThrowIfCancellationRequested();
        Array.Sort(keys, sorted);
        parallel.CancellationToken.ThrowIfCancellationRequested();
        Comparison<int> compare = (a, b) => Compare(text, a, b, longest);
        // Parts begin where a run begins, so that threads share none.
        const int Parts = 64;
        Parallel.For(0, Parts, parallel, part =>
        {
            int first = RunFrom(keys, (int)((long)count * part / Parts)), end = RunFrom(keys, (int)((long)count * (part + 1) / Parts));
            while (first < end)
            {
                int last = first + 1;
                while (last < end && keys[last] == keys[first]) last++;
                if (last - first > 1) sorted.AsSpan(first, last - first).Sort(compare);
                first = last;
            }
        });
        return sorted;
    }

    // Three characters of 21 bits; what follows the end of the word is left out.
    private static ulong Key(int[] text, int start)
    {
        ulong key = 0;
        bool ended = false;
        for (int i = 0; i < 3; i++)
        {
            ended = ended || text[start + i] < 0;
            key = (key << 21) | (ended ? 0 : (ulong)text[start + i] + 1);
        }

        return key;
    }

    private static int RunFrom(ulong[] keys, int at)
    {
        while (at > 0 && at < keys.Length && keys[at] == keys[at - 1]) at++;
        return at;
    }

    private static int Compare(int[] text, int a, int b, int longest)
    {
        for (int i = 0; i <= longest; i++)
        {
            int difference = text[a + i] - text[b + i];
            if (difference != 0) return difference;
            if (text[a + i] < 0) break;
        }

        return a - b;
    }

    /// <summary>Length of the common prefix, the end of the word counting as a character, at most one above the longest piece.</summary>
    private static int CommonPrefix(int[] text, int a, int b, int longest)
    {
        int length = 0;
        while (length <= longest && text[a + length] == text[b + length])
        {
            length++;
            if (text[a + length - 1] < 0) break;
        }

        return length;
    }

    private static List<(long Score, int Start, int Length)> RepeatedSubstrings(int[] text, int[] suffixes, int longest)
    {
        List<(long Score, int Start, int Length)> found = [];
        Stack<(int Length, int First)> open = new();     // intervals of suffixes that share a prefix of this length
        open.Push((0, 0));
        for (int i = 1; i <= suffixes.Length; i++)
        {
            int common = i < suffixes.Length ? CommonPrefix(text, suffixes[i - 1], suffixes[i], longest) : 0;
            int first = i - 1;
            while (open.Peek().Length > common)
            {
                (int length, first) = open.Pop();
                int start = suffixes[first];
                if (length >= 2 && length <= longest && text[start + length - 1] >= 0) found.Add(((long)(i - first) * length, start, length));
            }

            if (open.Peek().Length < common) open.Push((common, first));
        }

        return found;
    }

    /// <summary>Higher score first; of equal scores the text that is later in code point order, as the reference sorts them.</summary>
    private static int Order(int[] text, (long Score, int Start, int Length) a, (long Score, int Start, int Length) b)
    {
        if (a.Score != b.Score) return b.Score.CompareTo(a.Score);
        for (int i = 0; i < Math.Min(a.Length, b.Length); i++)
            if (text[a.Start + i] != text[b.Start + i]) return text[b.Start + i] - text[a.Start + i];
        return b.Length - a.Length;
    }
}
