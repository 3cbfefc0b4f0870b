namespace Heed.Training.Metrics;

/// <summary>Measures of the first k results of a query, or their means.</summary>
/// <param name="Ndcg">Discounted cumulative gain over that of the best order; gain = grade, discount log2(rank + 1) (trec_eval,
/// scikit-learn).</param>
/// <param name="NdcgExponential">The same with gain 2^grade − 1: another number unless grades are 0 and 1.</param>
/// <param name="Mrr">1 / rank of the first relevant result; 0 if it is beyond k.</param>
/// <param name="Map">Mean over the relevant documents of the precision at their rank; 0 for those beyond k (trec_eval's map_cut).</param>
/// <param name="MapCapped">The same sum over min(k, relevant documents).</param>
/// <param name="Recall">Relevant results / relevant documents.</param>
/// <param name="Precision">Relevant results / k, however few results there are.</param>
/// <param name="Hit">1 if a result is relevant.</param>
public sealed record RetrievalAtK(double Ndcg, double NdcgExponential, double Mrr, double Map, double MapCapped, double Recall,
    double Precision, double Hit);

/// <summary>Measures of one query, or their means.</summary>
/// <param name="Mrr">1 / rank of the first relevant result.</param>
/// <param name="Map">Mean over the relevant documents of the precision at their rank; 0 for those not found.</param>
/// <param name="AtK">The measures of the first k results, by k.</param>
public sealed record RetrievalScores(double Mrr, double Map, IReadOnlyDictionary<int, RetrievalAtK> AtK);

/// <summary>What <see cref="RetrievalMetrics"/> found.</summary>
public sealed record RetrievalReport
{
    /// <summary>Each query's measures; all 0 without relevant documents or without results.</summary>
    public required IReadOnlyDictionary<string, RetrievalScores> Queries { get; init; }

    /// <summary>The means over all queries.</summary>
    public required RetrievalScores Mean { get; init; }

    /// <summary>The means over the queries with a relevant document; null if there is none.</summary>
    public required RetrievalScores? MeanWithRelevant { get; init; }

    /// <summary>Number of queries with a relevant document.</summary>
    public required int QueriesWithRelevant { get; init; }
}

/// <summary>nDCG, MRR, MAP, recall and precision of retrieved documents, by trec_eval's definitions.</summary>
/// <remarks>Results are ordered by falling score, equal scores by falling id in ordinal order. A grade above 0 is relevant; what was not
/// judged counts 0.</remarks>
public static class RetrievalMetrics
{
    /// <summary>Compares results with judgements.</summary>
    /// <param name="relevance">For each query the grades of judged documents.</param>
    /// <param name="run">For each query the scores of returned documents; a query that lacks is one without results.</param>
    /// <param name="cuts">The k to report, each 1 or more.</param>
    /// <exception cref="ArgumentException">There is no query, or a score is NaN.</exception>
    public static RetrievalReport Evaluate(IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>> relevance,
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> run, IReadOnlyList<int> cuts)
    {
        ArgumentNullException.ThrowIfNull(relevance);
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(cuts);
        if (relevance.Count == 0) throw new ArgumentException("There is no query; one or more are needed.", nameof(relevance));
        foreach (int k in cuts) ArgumentOutOfRangeException.ThrowIfLessThan(k, 1, nameof(cuts));
        Dictionary<string, RetrievalScores> queries = new(StringComparer.Ordinal);
        List<RetrievalScores> withRelevant = [];
        foreach ((string query, IReadOnlyDictionary<string, int> judged) in relevance)
        {
            RetrievalScores scores = Query(query, judged, run.GetValueOrDefault(query), cuts);
            queries.Add(query, scores);
            if (judged.Values.Any(g => g > 0)) withRelevant.Add(scores);
        }

        return new RetrievalReport
        {
            Queries = queries,
            Mean = Mean([.. queries.Values], cuts),
            MeanWithRelevant = withRelevant.Count == 0 ? null : Mean(withRelevant, cuts),
            QueriesWithRelevant = withRelevant.Count,
        };
    }

    private static RetrievalScores Query(string query, IReadOnlyDictionary<string, int> judged,
        IReadOnlyDictionary<string, double>? results, IReadOnlyList<int> cuts)
    {
        KeyValuePair<string, double>[] ranked = [.. results ?? new Dictionary<string, double>()];
        foreach ((string document, double score) in ranked)
            if (double.IsNaN(score)) throw new ArgumentException($"The score of document '{document}' for query '{query}' is NaN, which has no rank.", nameof(results));
        Array.Sort(ranked, (a, b) => a.Value != b.Value ? b.Value.CompareTo(a.Value) : string.CompareOrdinal(b.Key, a.Key));
        int[] grades = [.. ranked.Select(r => Math.Max(0, judged.GetValueOrDefault(r.Key)))];
        int[] ideal = [.. judged.Values.Where(g => g > 0).OrderDescending()];
        int first = Array.FindIndex(grades, g => g > 0) + 1;
        Dictionary<int, RetrievalAtK> atK = [];
        foreach (int k in cuts)
        {
            int found = grades.Take(k).Count(g => g > 0);
            double precisions = Precisions(grades, k);
            atK[k] = new RetrievalAtK(
                Share(Gain(grades, k, Linear), Gain(ideal, k, Linear)),
                Share(Gain(grades, k, Exponential), Gain(ideal, k, Exponential)),
                first > 0 && first <= k ? 1.0 / first : 0,
                Share(precisions, ideal.Length),
                Share(precisions, Math.Min(k, ideal.Length)),
                Share(found, ideal.Length),
                (double)found / k,
                found > 0 ? 1 : 0);
        }

        return new RetrievalScores(first > 0 ? 1.0 / first : 0, Share(Precisions(grades, grades.Length), ideal.Length), atK);
    }

    private static RetrievalScores Mean(List<RetrievalScores> scores, IReadOnlyList<int> cuts)
    {
        Dictionary<int, RetrievalAtK> atK = [];
        foreach (int k in cuts)
        {
            RetrievalAtK[] all = [.. scores.Select(s => s.AtK[k])];
            atK[k] = new RetrievalAtK(all.Average(a => a.Ndcg), all.Average(a => a.NdcgExponential), all.Average(a => a.Mrr),
                all.Average(a => a.Map),
                all.Average(a => a.MapCapped), all.Average(a => a.Recall), all.Average(a => a.Precision), all.Average(a => a.Hit));
        }

        return new RetrievalScores(scores.Average(s => s.Mrr), scores.Average(s => s.Map), atK);
    }

    /// <summary>Σ precision at each relevant rank up to k.</summary>
    private static double Precisions(int[] grades, int k)
    {
        double sum = 0;
        int found = 0;
        for (int i = 0; i < Math.Min(k, grades.Length); i++)
            if (grades[i] > 0) sum += (double)++found / (i + 1);
        return sum;
    }

    private static double Gain(int[] grades, int k, Func<int, double> gain)
    {
        double sum = 0;
        for (int i = 0; i < Math.Min(k, grades.Length); i++) sum += gain(grades[i]) / Math.Log2(i + 2);
        return sum;
    }

    private static double Linear(int grade) => grade;

    private static double Exponential(int grade) => Math.Pow(2, grade) - 1;

    private static double Share(double part, double whole) => whole == 0 ? 0 : part / whole;
}
