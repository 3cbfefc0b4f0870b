namespace Heed.Retrieval;

/// <summary>Measures an <see cref="EvidenceThreshold"/>.</summary>
internal static class EvidenceCalibration
{
    private const int Questions = 200, WordsPerQuestion = 6, FewestWords = 8, Rarely = 20;

    /// <summary>Measures on an index; null if it is too small: no part of enough words, or no other document.</summary>
    public static EvidenceThreshold? Of(SearchIndex index, CancellationToken cancellationToken)
    {
        IndexSnapshot snapshot = index.Snapshot;
        if (snapshot.Documents < 2) return null;
        SearchMode of = snapshot.Manifest.Model is { Probe.Count: > 0 } ? SearchMode.Vectors : SearchMode.Words;
        int asked = Math.Min(Questions, snapshot.Chunks);
        string[][] parts = [.. Enumerable.Range(0, asked)
            .Select(q => Words(snapshot.Chunk((int)((long)q * snapshot.Chunks / asked)).Text)).Where(w => w.Length >= FewestWords)];
        if (parts.Length < 2) return null;
        double Ask(IEnumerable<string> words)
        {
            cancellationToken.ThrowIfCancellationRequested();
            string question = string.Join(' ', words);
            return Evidence(snapshot, of, question,
                of == SearchMode.Vectors ? index.VectorOf(question, new SearchOptions(), cancellationToken) : null, null);
        }

        double[] together = new double[parts.Length], apart = new double[parts.Length];
        for (int q = 0; q < parts.Length; q++)
        {
            string[] own = parts[q];
            together[q] = Ask(Enumerable.Range(0, WordsPerQuestion).Select(i => own[i * own.Length / WordsPerQuestion]));
            int from = q;
            apart[q] = Ask(Enumerable.Range(0, WordsPerQuestion).Select(i =>
            {
                string[] other = parts[(from + (i * Math.Max(1, parts.Length / WordsPerQuestion))) % parts.Length];
                return other[((5 * from) + (3 * i)) % other.Length];
            }));
        }

        // The least score that one of twenty reaches, or fewer.
        double threshold = apart.Order().ElementAt(apart.Length - 1 - (apart.Length / Rarely));
        return new EvidenceThreshold(of, threshold, Share(together, threshold), Share(apart, threshold), parts.Length);
    }

    /// <summary>The best score of a question.</summary>
    /// <param name="snapshot">The index.</param>
    /// <param name="of">Which score.</param>
    /// <param name="question">The question.</param>
    /// <param name="vector">Its vector, where vectors count.</param>
    /// <param name="allowed">The parts that count; null: all.</param>
    public static double Evidence(IndexSnapshot snapshot, SearchMode of, string question, float[]? vector, bool[]? allowed)
    {
        if (of == SearchMode.Vectors) return snapshot.ByVectors(vector!, 1, allowed) is [var nearest, ..] ? nearest.Score
            : double.NegativeInfinity;
        double most = snapshot.MostByWords(question);
        return most > 0 && snapshot.ByWords(question, 1, allowed) is [var best, ..] ? best.Score / most : 0;
    }

    private static string[] Words(string text) => [.. WordSplitter.Words(text).Distinct(StringComparer.Ordinal)];

    private static double Share(double[] scores, double threshold) => (double)scores.Count(s => s > threshold) / scores.Length;
}
