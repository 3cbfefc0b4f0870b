namespace Heed.Retrieval;

/// <summary>Measures an <see cref="EvidenceThreshold"/>.</summary>
internal static class EvidenceCalibration
{
    private const int Questions = 200, WordsPerQuestion = 6, FewestWords = 8;

    /// <summary>Measures on an index; null if it is too small: no part of enough words, or no other document.</summary>
    public static EvidenceThreshold? Of(SearchIndex index, CancellationToken cancellationToken)
    {
        IndexSnapshot snapshot = index.Snapshot;
        if (snapshot.Documents < 2) return null;
        SearchMode of = snapshot.Manifest.Model is { Probe.Count: > 0 } ? SearchMode.Vectors : SearchMode.Words;
        List<double> own = [], foreign = [];
        int asked = Math.Min(Questions, snapshot.Chunks);
        for (int q = 0; q < asked; q++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int position = (int)((long)q * snapshot.Chunks / asked);
            if (Question(snapshot.Chunk(position).Text) is not { } question) continue;
            SegmentDocument document = snapshot.DocumentOf(position);
            bool[] others = new bool[snapshot.Chunks];
            for (int c = 0; c < others.Length; c++) others[c] = !ReferenceEquals(snapshot.DocumentOf(c), document);
            float[]? vector = of == SearchMode.Vectors ? index.VectorOf(question, new SearchOptions(), cancellationToken) : null;
            own.Add(Evidence(snapshot, of, question, vector, null));
            foreign.Add(Evidence(snapshot, of, question, vector, others));
        }

        if (own.Count == 0) return null;
        (double threshold, double kept, double through) = Best(own, foreign);
        return new EvidenceThreshold(of, threshold, kept, through, own.Count);
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

    /// <summary>Six words of a part, as far from each other as they can be; null if it has too few.</summary>
    private static string? Question(string text)
    {
        string[] words = [.. WordSplitter.Words(text).Distinct(StringComparer.Ordinal)];
        return words.Length < FewestWords ? null
            : string.Join(' ', Enumerable.Range(0, WordsPerQuestion).Select(i => words[i * words.Length / WordsPerQuestion]));
    }

    /// <summary>The least of the thresholds that separate best.</summary>
    private static (double Threshold, double Kept, double LetThrough) Best(List<double> own, List<double> foreign)
    {
        (double Threshold, double Kept, double LetThrough) best = (0, 0, 1);
        // Just above a foreign score lies the least of the thresholds that let the same share through.
        foreach (double threshold in foreign.Select(Math.BitIncrement).Append(own.Min()).Order())
        {
            double kept = Share(own, threshold), through = Share(foreign, threshold);
            if (kept - through > best.Kept - best.LetThrough) best = (threshold, kept, through);
        }

        return best;
    }

    private static double Share(List<double> scores, double threshold) => (double)scores.Count(s => s >= threshold) / scores.Count;
}
