using System.Text.Json;
using Heed.Generation.Embeddings;
using Heed.Generation.Sampling;
using Heed.Generation.Understanding;
using Heed.Models;
using Heed.Models.Embeddings;

namespace Heed.Verification;

/// <summary>Rows of sentence-transformers: scores of pairs, vectors of texts, their similarities.</summary>
internal static class EmbeddingTaskCases
{
    /// <summary>How a row departs; null if it does not, <see cref="TaskVerification.NotMine"/> for other tasks.</summary>
    public static string? Difference(TaskFolder models, string task, JsonElement row) => task switch
    {
        "cross-encoder.predict" => Pairs(models.OpenScorer(row.Text("model")), row),
        "cross-encoder.rank" => Rank(models.OpenScorer(row.Text("model")), row),
        "sentence-embeddings.encode" => Vectors(models.OpenEmbedder(row.Text("model")), EmbeddingPurpose.Text, row),
        "sentence-embeddings.encode_query" => Vectors(models.OpenEmbedder(row.Text("model")), EmbeddingPurpose.Query, row),
        "sentence-embeddings.encode_document" => Vectors(models.OpenEmbedder(row.Text("model")), EmbeddingPurpose.Document, row),
        "similarity" => Similarity(models, row),
        _ => TaskVerification.NotMine,
    };

    private static string? Pairs(PairScorer scorer, JsonElement row)
    {
        JsonElement inputs = row.GetProperty("inputs");
        bool isOne = inputs.GetArrayLength() > 0 && inputs[0].ValueKind == JsonValueKind.String;
        JsonElement[] pairs = isOne ? [inputs] : [.. inputs.EnumerateArray()];
        IReadOnlyList<float[]> scores = Score(scorer, [.. pairs.Select(p => new TextPair(p[0].GetString()!, p[1].GetString()!))],
            row.Settings());
        object[] output = [.. scores.Select(s => s.Length == 1 ? (object)s[0] : s)];
        return ScoreComparison.Difference(row.GetProperty("output"), isOne ? output[0] : output, "output", TaskRow.Score);
    }

    private static string? Rank(PairScorer scorer, JsonElement row)
    {
        JsonElement inputs = row.GetProperty("inputs"), settings = row.Settings();
        string query = inputs.Text("query");
        string[] documents = inputs.GetProperty("documents").Texts();
        IReadOnlyList<RankedDocument> ranked = settings.Has("activation_fn", out _) || settings.Has("prompt", out _)
            ? [.. Score(scorer, [.. documents.Select(d => new TextPair(query, d))], settings).Select((s, i) => new RankedDocument(i, s[0]))
                .OrderByDescending(r => r.Score).Take(settings.NumberOr("top_k", int.MaxValue))]
            : scorer.Rank(query, documents, settings.Has("top_k", out JsonElement top) ? top.GetInt32() : null);
        bool withText = settings.FlagOr("return_documents", false);
        return ScoreComparison.Difference(row.GetProperty("output"), ranked.Select(r =>
        {
            Dictionary<string, object?> output = new() { ["corpus_id"] = r.Index, ["score"] = r.Score };
            if (withText) output["text"] = documents[r.Index];
            return output;
        }), "output", TaskRow.Score);
    }

    private static IReadOnlyList<float[]> Score(PairScorer scorer, TextPair[] pairs, JsonElement settings)
    {
        string prompt = settings.TextOrNull("prompt") ?? "";
        pairs = Array.ConvertAll(pairs, p => p with { First = prompt + p.First });
        string? function = settings.TextOrNull("activation_fn");
        IReadOnlyList<float[]> scores = function is null ? scorer.Score(pairs) : scorer.Logits(pairs);
        foreach (float[] row in scores)
        {
            if (function == "sigmoid") Probabilities.Sigmoid(row);
            else if (function == "tanh") for (int i = 0; i < row.Length; i++) row[i] = MathF.Tanh(row[i]);
            else if (function is not (null or "identity")) throw new FormatException($"the function '{function}' is not known");
            if (row.Length > 1 && settings.FlagOr("apply_softmax", false)) Probabilities.Softmax([.. row], row);
        }

        return scores;
    }

    private static string? Vectors(TextEmbedder embedder, EmbeddingPurpose purpose, JsonElement row)
    {
        JsonElement settings = row.Settings(), inputs = row.GetProperty("inputs");
        EmbeddingOptions options = new()
        {
            Purpose = purpose,
            Prompt = settings.TextOrNull("prompt"),
            PromptName = settings.TextOrNull("prompt_name"),
            Dimensions = settings.Has("truncate_dim", out JsonElement dimensions) ? dimensions.GetInt32() : null,
            Normalize = settings.FlagOr("normalize_embeddings", false),
        };
        string[] texts = inputs.OneOrMore();
        object[] output = settings.TextOrNull("output_value") == "token_embeddings"
            ? [.. texts.Select(t => TokenVectors.Of(embedder.Model!, new ModelInputs { InputIds = TokenGrid.Of([[.. embedder.Ids(t,
                options)]]) }, default))]
            : [.. embedder.Embed(texts, options)];
        return ScoreComparison.Difference(row.GetProperty("output"), inputs.ValueKind == JsonValueKind.Array ? output : output[0],
            "output", TaskRow.Score);
    }

    private static string? Similarity(TaskFolder models, JsonElement row)
    {
        bool given = row.TryGetProperty("vectors", out JsonElement vectors);
        TextEmbedder? embedder = given ? null : models.OpenEmbedder(row.Text("model"));
        IReadOnlyList<float[]> a = Sides("a"), b = Sides("b");
        if (row.TryGetProperty("default", out JsonElement standard) && embedder is not null
            && VectorSimilarities.Names.First(n => n.Value == embedder.Settings.Similarity).Word is var name
                && name != standard.GetString())
            return $"default is '{name}', not {StrictJson.Describe(standard)}";
        Dictionary<string, object?> all = [], pairs = [];
        foreach ((string kind, VectorSimilarity value) in ((string, VectorSimilarity)[])[("cosine", VectorSimilarity.Cosine),
            ("dot", VectorSimilarity.Dot), ("euclidean", VectorSimilarity.Euclidean), ("manhattan", VectorSimilarity.Manhattan)])
        {
            all[kind] = a.Select(u => b.Select(v => value.Of(u, v)).ToArray()).ToArray();
            pairs[kind] = a.Zip(b, (u, v) => value.Of(u, v)).ToArray();
        }

        return ScoreComparison.Difference(row.GetProperty("output"), all, "output", TaskRow.Score)
            ?? (row.TryGetProperty("pairwise", out JsonElement pairwise)
                ? ScoreComparison.Difference(pairwise, pairs, "pairwise", TaskRow.Score) : null);

        IReadOnlyList<float[]> Sides(string side) => given
            ? [.. vectors.GetProperty(side).EnumerateArray().Select(v => Array.ConvertAll(v.Reals(), x => (float)x))]
            : embedder!.Embed(row.GetProperty("inputs").GetProperty(side).Texts());
    }
}
