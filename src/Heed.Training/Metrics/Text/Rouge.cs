namespace Heed.Training.Metrics;

/// <summary>What <see cref="Rouge"/> found; precision over the prediction, recall over the reference.</summary>
/// <param name="Rouge1">Words in common.</param>
/// <param name="Rouge2">Pairs of neighbouring words in common.</param>
/// <param name="RougeL">Longest common subsequence of the whole texts.</param>
/// <param name="RougeLsum">Union of the longest common subsequences of lines; papers on summaries report this one as ROUGE-L. Without line
/// breaks it is <paramref name="RougeL"/>.</param>
public sealed record RougeScore(FScore Rouge1, FScore Rouge2, FScore RougeL, FScore RougeLsum);

/// <summary>ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum of a text beside its reference.</summary>
/// <remarks>
/// Lin 2004, as Google's rouge_score computes it: lower case, every character outside a–z and 0–9 separates words.
/// <b>Letters with accents and other scripts are deleted</b>: for other languages than English the numbers mislead.
/// </remarks>
public static class Rouge
{
    /// <summary>The scores of one text.</summary>
    /// <param name="reference">The reference, sentences on lines of their own for ROUGE-Lsum.</param>
    /// <param name="predicted">The text.</param>
    /// <param name="stemmer">Compare stems (<see cref="PorterStemmer"/>) of words longer than three characters.</param>
    public static RougeScore Evaluate(string reference, string predicted, bool stemmer = false)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(predicted);
        List<string> gold = Words(reference, stemmer), words = Words(predicted, stemmer);
        return new RougeScore(Overlap(gold, words, 1), Overlap(gold, words, 2), Subsequence(gold, words),
            Lines(reference, predicted, stemmer));
    }

    /// <summary>For each measure the score of the reference with the highest F1, the first at ties.</summary>
    /// <param name="references">One reference or more.</param>
    /// <param name="predicted">The text.</param>
    /// <param name="stemmer">Compare stems.</param>
    /// <exception cref="ArgumentException">There is no reference.</exception>
    public static RougeScore Best(IReadOnlyList<string> references, string predicted, bool stemmer = false)
    {
        ArgumentNullException.ThrowIfNull(references);
        if (references.Count == 0) throw new ArgumentException("There is no reference; one or more are needed.", nameof(references));
        RougeScore[] scores = [.. references.Select(r => Evaluate(r, predicted, stemmer))];
        return new RougeScore(Highest(s => s.Rouge1), Highest(s => s.Rouge2), Highest(s => s.RougeL), Highest(s => s.RougeLsum));

        FScore Highest(Func<RougeScore, FScore> part) => scores.Select(part).MaxBy(s => s.F1)!;
    }

    private static List<string> Words(string text, bool stemmer)
    {
        string lower = ReferenceText.ToLower(text);
        List<string> words = [];
        int start = -1;
        for (int i = 0; i <= lower.Length; i++)
        {
            if (i < lower.Length && (char.IsAsciiLetterLower(lower[i]) || char.IsAsciiDigit(lower[i])))
            {
                if (start < 0) start = i;
            }
            else if (start >= 0)
            {
                string word = lower[start..i];
                words.Add(stemmer && word.Length > 3 ? PorterStemmer.Stem(word) : word);
                start = -1;
            }
        }

        return words;
    }

    private static FScore Overlap(List<string> gold, List<string> words, int n)
        => FScore.Of(NGrams.Matches(NGrams.OfWords(words, n), NGrams.OfWords(gold, n)), Math.Max(0, words.Count - n + 1),
            Math.Max(0, gold.Count - n + 1), withSupport: false);

    private static FScore Subsequence(List<string> gold, List<string> words)
        => gold.Count == 0 || words.Count == 0 ? new FScore(0, 0, 0)
            : FScore.Of(Table(gold, words)[gold.Count, words.Count], words.Count, gold.Count, withSupport: false);

    /// <summary>Longest common subsequences of the first i words of one text and the first j of the other.</summary>
    private static int[,] Table(List<string> gold, List<string> words)
    {
        int[,] table = new int[gold.Count + 1, words.Count + 1];
        for (int i = 1; i <= gold.Count; i++)
            for (int j = 1; j <= words.Count; j++)
                table[i, j] = gold[i - 1] == words[j - 1] ? table[i - 1, j - 1] + 1 : Math.Max(table[i - 1, j], table[i, j - 1]);
        return table;
    }

    private static FScore Lines(string reference, string predicted, bool stemmer)
    {
        List<string>[] gold = Split(reference), lines = Split(predicted);
        int goldWords = gold.Sum(l => l.Count), words = lines.Sum(l => l.Count);
        if (goldWords == 0 || words == 0) return new FScore(0, 0, 0);
        Dictionary<string, int> goldLeft = NGrams.OfWords([.. gold.SelectMany(l => l)], 1),
            left = NGrams.OfWords([.. lines.SelectMany(l => l)], 1);
        int hits = 0;
        foreach (List<string> line in gold)
        {
            foreach (int at in Union(line, lines))
            {
                string word = line[at];
                if (left.GetValueOrDefault(word) <= 0 || goldLeft[word] <= 0) continue;
                hits++;
                left[word]--;
                goldLeft[word]--;
            }
        }

        return FScore.Of(hits, words, goldWords, withSupport: false);

        List<string>[] Split(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => Words(l, stemmer))];
    }

    /// <summary>The places of a reference line that one of the lines' longest common subsequences takes, in order.</summary>
    private static SortedSet<int> Union(List<string> gold, List<string>[] lines)
    {
        SortedSet<int> places = [];
        foreach (List<string> line in lines)
        {
            int[,] table = Table(gold, line);
            int i = gold.Count, j = line.Count;
            while (i > 0 && j > 0)
            {
                if (gold[i - 1] == line[j - 1])
                {
                    places.Add(--i);
                    j--;
                }
                else if (table[i, j - 1] > table[i - 1, j])
                {
                    j--;
                }
                else
                {
                    i--;
                }
            }
        }

        return places;
    }
}
