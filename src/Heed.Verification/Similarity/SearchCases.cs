using System.Text.Json;
using Heed.Generation.Embeddings;
using Heed.Training.Finetuning;

namespace Heed.Verification;

/// <summary>Cases of <c>mining</c>, <c>quantization</c> and <c>fewshot</c>.</summary>
internal static class SearchCases
{
    private const double Score = 1e-6;

    public static string? Mining(GoldenCase c)
    {
        GoldenCase points = c with { Name = "points" };
        switch (c.Kind)
        {
            case "hard_negatives": return Hard(c);
            case "paraphrases":
                {
                    VectorTable table = Table(points, "embeddings");
                    var found = VectorGroups.Paraphrases(table, (int)c.Number("top_k", 100), (int)c.Number("max_pairs", 500_000),
                        c.Text("score", "cosine") == "cosine");
                    if (found.Count != (int)c.Number("pairs", 0)) return $"{found.Count} pairs were found, not {c.Number("pairs", 0)}";
                    return Rows(c.Settings.GetProperty("results"), [.. found.Take(60).Select(f => (object[])[f.Score, f.First, f.Second])]);
                }

            case "search":
                {
                    VectorTable queries = Table(c with { Name = "search" }, "queries"), table = Table(points, "embeddings");
                    var found = Enumerable.Range(0, queries.Count).Select(q
                        => queries.Nearest(q, table, (int)c.Number("top_k", 10), c.Text("score", "cosine") == "cosine")).ToArray();
                    return Rows(c.Settings.GetProperty("indices"), [.. found.Select(f => (object[])[.. f.Select(r => (object)r.Row)])])
                        ?? Rows(c.Settings.GetProperty("scores"), [.. found.Select(f => (object[])[.. f.Select(r => (object)r.Score)])]);
                }

            case "communities":
                return Rows(c.Settings.GetProperty("results"),
                    [.. VectorGroups.Communities(Table(points, "embeddings"), c.Settings.GetProperty("threshold").GetDouble(),
                    (int)c.Number("min_community_size", 10)).Select(g => (object[])[.. g.Select(i => (object)i)])]);
            default: throw new FormatException($"'{c.Kind}' is not known");
        }
    }

    public static string? Quantization(GoldenCase c)
    {
        if (c.Kind == "rescore") return Rescore(c);
        float[] values = c.Floats("embeddings");
        int width = c.Width("embeddings");
        if (c.Kind == "bits")
        {
            double[] bits = [.. QuantizedVectors.Bits(values, width).Select(b => (double)b)];
            return c.Compare("ubinary", bits, 0) ?? c.Compare("binary", [.. bits.Select(b => b - 128)], 0);
        }

        float[] ranges = QuantizedVectors.Ranges(c.Has("calibration") ? c.Floats("calibration") : values, width);
        if (c.Has("ranges") && c.Compare("ranges", [.. ranges.Select(r => (double)r)], 0) is { } off) return off;
        double[] codes = [.. QuantizedVectors.Bytes(values, ranges, width).Select(b => (double)b)];
        return c.Compare("uint8", codes, 0) ?? c.Compare("int8", [.. codes.Select(b => b - 128)], 0);
    }

    public static string? FewShot(GoldenCase c) => c.Kind == "pairs" ? Pairs(c) : Head(c);

    private static VectorTable Table(GoldenCase c, string role) => new(c.Floats(role), c.Width(role));

    private static string? Hard(GoldenCase c)
    {
        GoldenCase shared = c with { Name = "hard_negatives" };
        VectorTable allQueries = Table(shared, "queries"), documents = Table(shared, "documents");
        JsonElement given = c.Settings.GetProperty("pairs");
        (int Query, int Document)[] pairs = given.ValueKind == JsonValueKind.String
            ? [.. Enumerable.Range(0, allQueries.Count).Select(i => (i, i))]
            : [.. given.EnumerateArray().Select(p => (p[0].GetInt32(), p[1].GetInt32()))];
        int[] queries = [.. pairs.Select(p => p.Query).Distinct()];
        // The corpus: all documents, or only the pairs' own.
        int[] corpus = c.Settings.TryGetProperty("corpus", out _) ? [.. pairs.Select(p => p.Document).Distinct()]
            : [.. Enumerable.Range(0, documents.Count)];
        IReadOnlyList<int>[] positives = [.. queries.Select(q
            => (IReadOnlyList<int>)[.. pairs.Where(p => p.Query == q).Select(p => Array.IndexOf(corpus, p.Document))])];
        HardNegatives rule = new()
        {
            Count = (int)c.Number("num_negatives", 3),
            RangeMinimum = (int)c.Number("range_min", 0),
            RangeMaximum = c.Optional("range_max") is { } most ? (int)most : null,
            AbsoluteMargin = c.Optional("absolute_margin"),
            RelativeMargin = c.Optional("relative_margin"),
            MaximumScore = c.Optional("max_score"),
            MinimumScore = c.Optional("min_score"),
            KeepsPositives = c.Flag("include_positives", false),
        };
        VectorTable asked = VectorTable.Of([.. queries.Select(q => allQueries[q].ToArray())]),
            searched = VectorTable.Of([.. corpus.Select(d => documents[d].ToArray())]);
        IReadOnlyList<(int Document, double Score)[]> found = rule.Of(asked, searched, positives);
        string form = c.Text("output_format", "triplet");
        bool scores = c.Flag("output_scores", false);
        List<object[]> rows = [];
        for (int q = 0; q < queries.Length; q++)
        {
            (int Document, double Score)[] negatives = found[q];
            if (form == "n-tuple" && negatives.Length < rule.Count) continue;
            if (form == "labeled-list" && negatives.Length == 0) continue;
            foreach (int p in positives[q])
            {
                int own = corpus[p];
                switch (form)
                {
                    case "triplet":
                        foreach ((int document, double score) in negatives)
                            rows.Add(scores ? [queries[q], own, corpus[document],
                                (object[])[asked.Similarity(q, searched, p, cosine: true), score]] : [queries[q], own, corpus[document]]);
                        break;
                    case "n-tuple": rows.Add([queries[q], own, .. negatives.Select(n => (object)corpus[n.Document])]); break;
                    case "labeled-pair":
                        rows.Add([queries[q], own, 1]);
                        foreach ((int document, _) in negatives) rows.Add([queries[q], corpus[document], 0]);
                        break;
                    default:
                        rows.Add([queries[q], (object[])[own, .. negatives.Select(n => (object)corpus[n.Document])],
                            (object[])[1, .. negatives.Select(_ => (object)0)]]);
                        break;
                }
            }
        }

        return Rows(c.Settings.GetProperty("results"), rows);
    }

    private static string? Rescore(GoldenCase c)
    {
        float[] queries = c.Floats("queries"), corpus = c.Floats("corpus");
        int width = c.Width("queries"), rows = corpus.Length / width, top = (int)c.Number("top_k", 5),
            more = top * (int)c.Number("multiplier", 3);
        bool bits = c.Has("hamming");
        float[] ranges = QuantizedVectors.Ranges(corpus, width);
        byte[] codes = bits ? QuantizedVectors.Bits(corpus, width) : QuantizedVectors.Bytes(corpus, ranges, width);
        byte[] asked = bits ? QuantizedVectors.Bits(queries, width) : QuantizedVectors.Bytes(queries, ranges, width);
        int bytes = codes.Length / rows;
        List<double> first = [], candidates = [], indices = [], scores = [];
        for (int q = 0; q < queries.Length / width; q++)
        {
            ReadOnlyMemory<byte> code = asked.AsMemory(q * bytes, bytes);
            int[] distances = [.. Enumerable.Range(0, rows).Select(r => bits
                ? QuantizedVectors.Hamming(code.Span, codes.AsSpan(r * bytes, bytes))
                : -QuantizedVectors.Product(code.Span, codes.AsSpan(r * bytes, bytes)))];
            first.AddRange(distances.Select(d => (double)(bits ? d : -d)));
            int[] near = QuantizedVectors.Least(distances, more);
            candidates.AddRange(near.Select(n => (double)n));
            ReadOnlyMemory<float> query = queries.AsMemory(q * width, width);
            var best = near.Select(n => (Row: n, Score: bits ? QuantizedVectors.ScoreBits(query.Span, codes.AsSpan(n * bytes, bytes))
                : QuantizedVectors.ScoreBytes(query.Span, codes.AsSpan(n * bytes, bytes), ranges))).OrderByDescending(n
                => n.Score).Take(top).ToArray();
            indices.AddRange(best.Select(b => (double)b.Row));
            scores.AddRange(best.Select(b => b.Score));
        }

        return c.Compare(bits ? "hamming" : "products", first, 0) ?? c.Compare("candidates", candidates, 0)
            ?? c.Compare("indices", indices, 0) ?? c.Compare("scores", scores, Score);
    }

    private static string? Pairs(GoldenCase c)
    {
        int[][] labels = [.. c.Settings.GetProperty("labels").EnumerateArray().Select(l => l.ValueKind == JsonValueKind.Array
            ? [.. l.EnumerateArray().Select((flag, i) => (flag, i)).Where(f => f.flag.GetInt32() != 0).Select(f => f.i)]
            : (int[])[l.GetInt32()])];
        IReadOnlyList<ContrastivePair> unique = ContrastivePairs.Unique(labels);
        int positives = unique.Count(p => p.IsPositive), negatives = unique.Count - positives;
        if (c.Settings.TryGetProperty("unique_pairs", out JsonElement every)
            && Rows(every, [.. unique.Select(p => (object[])[p.First, p.Second, p.IsPositive ? 1 : 0])]) is { } off) return off;
        if (!c.Settings.TryGetProperty("counts", out JsonElement counts)) return null;
        foreach (JsonProperty strategy in counts.EnumerateObject())
        {
            IReadOnlyList<ContrastivePair> pairs = strategy.Name switch
            {
                "oversampling" => ContrastivePairs.Balanced(unique),
                "undersampling" => ContrastivePairs.Balanced(unique, Math.Min(positives, negatives)),
                "unique" => ContrastivePairs.Unbalanced(unique),
                string rounds => ContrastivePairs.Balanced(unique,
                    int.Parse(rounds["iterations".Length..], System.Globalization.CultureInfo.InvariantCulture) * labels.Length),
            };
            (string, int)[] found = [("positives", pairs.Count(p => p.IsPositive)), ("negatives", pairs.Count(p => !p.IsPositive)),
                ("distinct", pairs.Distinct().Count())];
            foreach ((string name, int count) in found)
                if (strategy.Value.GetProperty(name).GetInt32() != count) return $"{strategy.Name}: {name} is {count}, not "
                    + $"{strategy.Value.GetProperty(name).GetInt32()}";
            int[] start = [.. strategy.Value.GetProperty("alternating_start").EnumerateArray().Select(f => f.GetInt32())];
            if (!pairs.Take(start.Length).Select(p => p.IsPositive ? 1
                : 0).SequenceEqual(start)) return $"{strategy.Name}: positives and negatives are in another order";
        }

        return null;
    }

    private static string? Head(GoldenCase c)
    {
        float[] vectors = c.Floats("embeddings");
        int width = c.Width("embeddings"), columns = c.Part[$"{c.Name}/labels"].Shape.Count == 1 ? 1 : c.Width("labels");
        int[] labels = c.Integers("labels");
        LogisticHead[] heads = [.. Enumerable.Range(0, columns).Select(j =>
        {
            int[] own = [.. Enumerable.Range(0, labels.Length / columns).Select(i => labels[(i * columns) + j])];
            return LogisticHead.Fit(vectors, width, own, own.Max() + 1, c.Optional("C") ?? 1, c.Text("class_weight", "") == "balanced");
        })];
        double[] coefficients = [.. heads.SelectMany(h => h.Weights)], expected = c.Numbers("coefficients");
        double distance = Math.Sqrt(coefficients.Zip(expected, (a, b) => (a - b) * (a - b)).Sum()),
            norm = Math.Sqrt(expected.Sum(e => e * e));
        if (coefficients.Length != expected.Length || !(distance <= 1e-5 * norm))
            return FormattableString.Invariant($"coefficients are {distance:0.0e+0} away, {1e-5 * norm:0.0e+0} is allowed");
        return c.Compare("intercepts", [.. heads.SelectMany(h => h.Intercepts)], 1e-5 * Math.Max(1, norm))
            ?? c.Compare("probabilities", Probabilities(vectors), Score)
            ?? (c.Has("new") ? c.Compare("new_probabilities", Probabilities(c.Floats("new")), Score) : null);

        double[] Probabilities(float[] rows) => [.. Enumerable.Range(0, rows.Length / width).SelectMany(i => heads.SelectMany(h =>
        {
            double[] p = h.Probabilities(rows.AsSpan(i * width, width));
            return columns == 1 ? p : p[1..];
        }))];
    }

    /// <summary>Lists of whole numbers, which must be equal, scores, and lists.</summary>
    private static string? Rows(JsonElement expected, IReadOnlyList<object[]> found, string at = "results")
    {
        if (expected.GetArrayLength() != found.Count) return $"{at} has {found.Count} rows, not {expected.GetArrayLength()}";
        for (int i = 0; i < found.Count; i++)
            if (Row(expected[i], found[i], $"{at}[{i}]") is { } off) return off;
        return null;
    }

    private static string? Row(JsonElement expected, object[] found, string at)
    {
        if (expected.GetArrayLength() != found.Length) return $"{at} has {found.Length} entries, not {expected.GetArrayLength()}";
        for (int i = 0; i < found.Length; i++)
        {
            string? off = found[i] switch
            {
                object[] inner => Row(expected[i], inner, $"{at}[{i}]"),
                int number => expected[i].GetDouble() == number ? null : $"{at}[{i}] is {number}, not {expected[i]}",
                double score => Math.Abs(expected[i].GetDouble() - score) <= Score * Math.Max(1, Math.Abs(score)) ? null
                    : FormattableString.Invariant($"{at}[{i}] is {score}, not {expected[i]}"),
                _ => throw new InvalidOperationException(),
            };
            if (off is not null) return off;
        }

        return null;
    }
}
