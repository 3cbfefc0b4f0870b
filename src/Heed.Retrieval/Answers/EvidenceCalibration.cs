using Heed.Models.Embeddings;

namespace Heed.Retrieval;

/// <summary>Measures an <see cref="EvidenceThreshold"/>.</summary>
/// <remarks>Questions are made as in the inverse cloze task (Lee et al. 2019, arXiv:1906.00300, §4): a sentence is the question, what is
/// left of its part is the text that answers it.</remarks>
internal static class EvidenceCalibration
{
    private const int MostParts = 400, EnoughQuestions = 10, FewestWords = 5, MostWords = 40;

    /// <summary>Measures on an index; null if no part of it makes a question that its own part answers best.</summary>
    public static EvidenceThreshold? Of(SearchIndex index, CancellationToken cancellationToken)
    {
        List<(double With, double Without)> scores = Ask(index, Sentence, cancellationToken);
        if (scores.Count < EnoughQuestions) scores.AddRange(Ask(index, HalfOfTheWords, cancellationToken));
        if (scores.Count == 0) return null;
        double[] with = [.. scores.Select(s => s.With)], without = [.. scores.Select(s => s.Without)];
        double threshold = EqualError(with, without);
        return new EvidenceThreshold(ScoreOf(index), threshold, Share(with, threshold), Share(without, threshold), scores.Count);
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

    /// <summary>The threshold that loses as large a share of the first scores as it lets through of the second (equal error rate); the
    /// middle of the gap where nothing is lost, or of the step.</summary>
    /// <param name="with">Scores of questions that can be answered, one or more.</param>
    /// <param name="without">Scores of questions that cannot, one or more.</param>
    internal static double EqualError(double[] with, double[] without)
    {
        double[] steps = [.. with.Concat(without).Distinct().Order()];
        double best = steps[0], least = double.PositiveInfinity;
        for (int i = 0; i + 1 < steps.Length; i++)
        {
            double middle = (steps[i] + steps[i + 1]) / 2;
            double difference = Math.Abs(1 - Share(with, middle) - Share(without, middle));
            if (difference < least) (best, least) = (middle, difference);
        }

        return best;
    }

    /// <summary>A question for each part that has one, asked with its part and without its document.  A question that another document
    /// answers better than its own part is none about this part, and is left out.</summary>
    private static List<(double With, double Without)> Ask(
        SearchIndex index, Func<IndexSnapshot, string, (string Question, string Left)?> make, CancellationToken cancellationToken)
    {
        IndexSnapshot snapshot = index.Snapshot;
        List<(double, double)> scores = [];
        int parts = Math.Min(MostParts, snapshot.Chunks);
        for (int p = 0; p < parts; p++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int part = (int)((long)p * snapshot.Chunks / parts);
            StoredChunk chunk = snapshot.Chunk(part);
            if (make(snapshot, chunk.Text) is not (string question, string left)) continue;
            string read = (chunk with { Text = left }).Indexed(snapshot.DocumentOf(part).Title);
            float[]? vector = ScoreOf(index) == SearchMode.Vectors
                ? index.VectorOf(question, new SearchOptions(), cancellationToken) : null;
            double with = vector is null ? snapshot.ByWords(question, read)
                : snapshot.Manifest.Model!.Similarity.Of(vector, index.VectorOfDocument(read, cancellationToken));
            double without = Evidence(snapshot, ScoreOf(index), question, vector, Others(snapshot, part));
            if (double.IsFinite(without) && with > without) scores.Add((with, without));
        }

        return scores;
    }

    private static SearchMode ScoreOf(SearchIndex index)
        => index.Snapshot.Manifest.Model is { Probe.Count: > 0 } ? SearchMode.Vectors : SearchMode.Words;

    /// <summary>The sentence of the rarest words, and the part without it.</summary>
    private static (string Question, string Left)? Sentence(IndexSnapshot snapshot, string text)
    {
        (int Start, int End)[] sentences = [.. TextBlock.Sentences(text, 0, text.Length)
            .SelectMany(s => TextBlock.Lines(text, s.Start, s.End))
            .Where(s => Count(text[s.Start..s.End]) is >= FewestWords and <= MostWords)];
        if (sentences.Length == 0) return null;
        (int start, int end) = sentences.MaxBy(s => snapshot.MostByWords(text[s.Start..s.End]) / Count(text[s.Start..s.End]));
        string left = string.Join('\n', ((string[])[text[..start].Trim(), text[end..].Trim()]).Where(t => t.Length > 0));
        return Count(left) >= FewestWords ? (text[start..end].Trim(), left) : null;
    }

    /// <summary>Every other word, and the whole part: for documents of single sentences.</summary>
    private static (string Question, string Left)? HalfOfTheWords(IndexSnapshot snapshot, string text)
    {
        string half = string.Join(' ', WordSplitter.Words(text).Where((_, i) => i % 2 == 1).Take(MostWords));
        return Count(half) >= FewestWords ? (half, text) : null;
    }

    private static int Count(string text) => WordSplitter.Words(text).Count();

    /// <summary>The parts of other documents; of the only document its other parts.</summary>
    private static bool[] Others(IndexSnapshot snapshot, int part)
    {
        bool[] allowed = new bool[snapshot.Chunks];
        Array.Fill(allowed, true);
        if (snapshot.Documents > 1) Array.Clear(allowed, part - snapshot.NumberOf(part), snapshot.DocumentOf(part).Chunks);
        else allowed[part] = false;
        return allowed;
    }

    private static double Share(double[] scores, double threshold) => (double)scores.Count(s => s > threshold) / scores.Length;
}
