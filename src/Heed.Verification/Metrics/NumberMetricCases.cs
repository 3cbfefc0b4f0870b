using System.Text.Json;
using Heed.Training.Metrics;

namespace Heed.Verification;

/// <summary>Rows of measures of numbers, vectors, rankings of documents and whole texts.</summary>
internal static class NumberMetricCases
{
    /// <summary>What the measure gives for a row; null if it is none of these.</summary>
    public static object? Compute(string metric, JsonElement row) => metric switch
    {
        "regression" => RegressionRow(row),
        "correlation" => CorrelationRow(row),
        "sts" => Sts(row),
        "perplexity" => PerplexityRow(row),
        "strided_perplexity" => Strided(row),
        "retrieval" => RetrievalRow(row),
        "mcnemar" => McNemar(row),
        "paired_bootstrap" => Describe(Significance.PairedBootstrap(row.GetProperty("first").Reals(), row.GetProperty("second").Reals(),
            row.GetProperty("resamples").IntegerRows())),
        _ => null,
    };

    public static Dictionary<string, object?> Describe(BootstrapResult result) => new()
    {
        ["difference"] = result.Difference,
        ["differences"] = result.Differences,
        ["p"] = new Dictionary<string, object?>
        {
            ["koehn"] = result.Koehn,
            ["berg_kirkpatrick"] = result.BergKirkpatrick,
            ["sacrebleu"] = result.SacreBleu
        },
    };

    private static Dictionary<string, object?> RegressionRow(JsonElement row)
    {
        RegressionReport report = Regression.Evaluate(row.GetProperty("gold").Reals(), row.GetProperty("predicted").Reals());
        return new() { ["pearson"] = report.Pearson, ["spearman"] = report.Spearman, ["mse"] = report.MeanSquaredError };
    }

    private static Dictionary<string, object?> CorrelationRow(JsonElement row)
    {
        RegressionReport report = Regression.Evaluate(row.GetProperty("gold").Reals(), row.GetProperty("predicted").Reals());
        return new()
        {
            ["pearson"] = report.Pearson,
            ["spearman"] = report.Spearman,
            ["kendall_tau_b"] = report.KendallTauB,
            ["r2"] = report.R2,
            ["mae"] = report.MeanAbsoluteError,
            ["mse"] = report.MeanSquaredError,
            ["rmse"] = report.RootMeanSquaredError,
        };
    }

    private static Dictionary<string, object?> Sts(JsonElement row)
    {
        float[] left = [.. row.GetProperty("left").Matrix(out int width).Select(v => (float)v)],
            right = [.. row.GetProperty("right").Matrix(out _).Select(v => (float)v)];
        SimilarityReport report = Similarity.Evaluate(left, right, width, row.GetProperty("gold").Reals());
        return new()
        {
            ["cosine"] = Pair(report.Cosine),
            ["dot"] = Pair(report.Dot),
            ["euclidean"] = Pair(report.Euclidean),
            ["manhattan"] = Pair(report.Manhattan)
        };

        static Dictionary<string, object?> Pair(SimilarityCorrelation c) => new() { ["pearson"] = c.Pearson, ["spearman"] = c.Spearman };
    }

    private static Dictionary<string, object?> PerplexityRow(JsonElement row)
    {
        PerplexityReport report = Perplexity.Evaluate(row.GetProperty("documents").EnumerateArray().Select(d =>
        {
            double[] nats = d.GetProperty("nats").Reals();
            return new DocumentLoss(nats.Sum(), nats.Length, d.GetProperty("bytes").GetInt64());
        }));
        return new()
        {
            ["tokens"] = report.Tokens,
            ["mean_nats"] = report.MeanNats,
            ["perplexity"] = report.Value,
            ["bits_per_token"] = report.BitsPerToken,
            ["bits_per_byte"] = report.BitsPerByte,
        };
    }

    private static Dictionary<string, object?> Strided(JsonElement row)
    {
        double[] cost = row.GetProperty("cost").Reals();
        IReadOnlyList<StridedWindow> windows = Perplexity.Windows(cost.Length, row.Number("window"), row.Number("stride"));
        List<int[]> scored = [];
        foreach (StridedWindow window in windows)
            for (int i = window.FirstScored; i < window.End; i++) scored.Add([i, i - window.Begin]);
        // The toy of the rows: a token costs its own nats and 1 / context.
        double nats = scored.Sum(s => cost[s[0]] + (1.0 / s[1]));
        PerplexityReport report = Perplexity.Evaluate([new DocumentLoss(nats, scored.Count, 0)]);
        return new()
        {
            ["windows"] = windows.Select(w => new[] { w.Begin, w.End, w.Scored }),
            ["scored"] = scored,
            ["tokens"] = scored.Count,
            ["sum_nats"] = nats,
            ["mean_nats"] = report.MeanNats,
            ["perplexity"] = report.Value,
        };
    }

    private static Dictionary<string, object?> RetrievalRow(JsonElement row)
    {
        RetrievalReport report = RetrievalMetrics.Evaluate(
            row.GetProperty("relevance").EnumerateObject().ToDictionary(q => q.Name,
                q => (IReadOnlyDictionary<string, int>)q.Value.EnumerateObject().ToDictionary(d => d.Name, d => d.Value.GetInt32())),
            row.GetProperty("run").EnumerateObject().ToDictionary(q => q.Name,
                q => (IReadOnlyDictionary<string, double>)q.Value.EnumerateObject().ToDictionary(d => d.Name, d => d.Value.GetDouble())),
            row.GetProperty("k").Integers());
        return new()
        {
            ["mean"] = Describe(report.Mean),
            ["mean_with_relevant"] = report.MeanWithRelevant is { } mean ? Describe(mean) : null,
            ["queries_with_relevant"] = report.QueriesWithRelevant,
            ["per_query"] = report.Queries.ToDictionary(q => q.Key, q => (object?)Describe(q.Value)),
        };

        static Dictionary<string, object?> Describe(RetrievalScores scores)
        {
            Dictionary<string, object?> named = new() { ["mrr"] = scores.Mrr, ["map"] = scores.Map };
            foreach ((int k, RetrievalAtK at) in scores.AtK)
            {
                foreach ((string name, double value) in (ReadOnlySpan<(string, double)>)[("ndcg", at.Ndcg),
                    ("ndcg_exp", at.NdcgExponential), ("mrr", at.Mrr), ("map", at.Map),
                    ("map_capped", at.MapCapped), ("recall", at.Recall), ("precision", at.Precision),
                        ("hit", at.Hit)]) named[FormattableString.Invariant($"{name}@{k}")] = value;
            }

            return named;
        }
    }

    private static Dictionary<string, object?> McNemar(JsonElement row)
    {
        McNemarResult result = Significance.McNemar(row.GetProperty("gold").Integers(), row.GetProperty("first").Integers(),
            row.GetProperty("second").Integers());
        return new()
        {
            ["both_right"] = result.BothRight,
            ["only_first_right"] = result.OnlyFirstRight,
            ["only_second_right"] = result.OnlySecondRight,
            ["both_wrong"] = result.BothWrong,
            ["p_value"] = result.PValue,
        };
    }
}
