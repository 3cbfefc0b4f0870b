using System.Globalization;
using System.Text.Json;
using Heed.Models.Embeddings;
using Heed.Retrieval;

namespace Heed.Verification;

/// <summary>Cases of <c>ranking</c>: fused lists, diversified lists, the best k, exact search.</summary>
internal static class RankingCases
{
    private const double Sum = 1e-9, Score = 1e-6;

    public static string? Compare(GoldenCase c) => c.Kind switch
    {
        "fusion" => Fusion(c),
        "mmr" => Diversity(c),
        "top_k" => Best(c),
        "search" => Search(c),
        _ => throw new FormatException($"'{c.Kind}' is not known"),
    };

    private static string? Fusion(GoldenCase c)
    {
        int[][] lists = [.. c.Settings.GetProperty("lists").EnumerateArray()
            .Select(l => l.EnumerateArray().Select(i => i.GetInt32()).ToArray())];
        JsonElement given = c.Settings.GetProperty("weights"), expected = c.Settings.GetProperty("results");
        double[]? weights = given.ValueKind == JsonValueKind.Null ? null : [.. given.EnumerateArray().Select(w => w.GetDouble())];
        IReadOnlyList<Ranked> found = RankFusion.Reciprocal(lists, weights, c.Number("k", 60));
        if (found.Count != expected.GetArrayLength()) return $"{found.Count} items were fused, not {expected.GetArrayLength()}";
        for (int i = 0; i < found.Count; i++)
        {
            int item = expected[i][0].GetInt32();
            double sum = expected[i][1].GetDouble();
            if (found[i].Item != item || !(Math.Abs(found[i].Score - sum) <= Sum))
                return string.Create(CultureInfo.InvariantCulture, $"results[{i}] is {found[i]}, not {item} with {sum:R}");
        }

        return null;
    }

    private static string? Diversity(GoldenCase c)
    {
        IReadOnlyList<int> found = MaximalMarginalRelevance.Select(c.Floats("query"), Rows(c, "items"), (int)c.Number("k", 0),
            c.Settings.GetProperty("lambda").GetDouble());
        int[] expected = [.. c.Settings.GetProperty("results").EnumerateArray().Select(i => i.GetInt32())];
        return found.SequenceEqual(expected) ? null : $"[{string.Join(", ", found)}] was chosen, not [{string.Join(", ", expected)}]";
    }

    private static string? Best(GoldenCase c) => c.Compare("indices",
        [.. Rows(c, "scores").SelectMany(row => TopK.Of<float>(row, (int)c.Number("k", 0))).Select(i => (double)i)], 0);

    private static string? Search(GoldenCase c)
    {
        VectorSimilarity similarity = c.Name switch
        {
            "search.dot" => VectorSimilarity.Dot,
            "search.cosine" => VectorSimilarity.Cosine,
            "search.euclidean" => VectorSimilarity.Euclidean,
            _ => throw new FormatException($"the measure of '{c.Name}' is not known"),
        };
        return Ranking(c, PackedVectors.Pack(c.Floats("corpus"), c.Width("corpus")), similarity, "indices");
    }

    /// <summary>Rows and scores of each query; scores within 1e-6 of the row's norm.</summary>
    internal static string? Ranking(GoldenCase c, PackedVectors corpus, VectorSimilarity similarity, string indices)
    {
        double[] rows = c.Numbers(indices);
        double[]? expected = indices == "indices" ? c.Numbers("scores") : null;
        int top = c.Width(indices), q = 0;
        foreach (float[] query in Rows(c, "queries"))
        {
            IReadOnlyList<Ranked> found = corpus.Nearest(query, top, similarity);
            double norm = expected is null ? 0 : Math.Sqrt(expected.AsSpan(q * top, top).ToArray().Sum(s => s * s));
            for (int i = 0; i < top; i++)
            {
                int at = (q * top) + i;
                if (i >= found.Count || found[i].Item != (int)rows[at])
                    return $"{indices}[{q}, {i}] is {(i < found.Count ? found[i].Item : -1)}, not {rows[at]}";
                if (expected is not null && !(Math.Abs(found[i].Score - expected[at]) <= Score * norm))
                    return string.Create(CultureInfo.InvariantCulture, $"scores[{q}, {i}] is {found[i].Score:R}, not {expected[at]:R}");
            }

            q++;
        }

        return null;
    }

    /// <summary>The rows of a tensor of rank 2.</summary>
    internal static float[][] Rows(GoldenCase c, string role)
    {
        float[] values = c.Floats(role);
        return [.. values.Chunk(c.Width(role))];
    }
}
