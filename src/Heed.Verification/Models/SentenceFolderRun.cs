using System.Text.Json;
using Heed.Checkpoints;
using Heed.Generation.Embeddings;
using Heed.Generation.Sampling;

namespace Heed.Verification;

/// <summary>
/// Runs a complete sentence-transformers folder (<c>goldens/similarity/folders</c>' form): <c>expected.json</c> with sentences (or pairs),
/// calls and ids, <c>expected.safetensors</c> with one tensor per call.
/// </summary>
internal static class SentenceFolderRun
{
    public const string RecordName = "expected.json";

    private const string TensorsName = "expected.safetensors";
    private const double Least = 1e-5;

    public static void Run(string folder, VerifyOptions options, List<TensorCheck> checks, VerifyDump? dump)
    {
        string path = Path.Combine(folder, RecordName);
        using JsonDocument record = StrictJson.ReadFile(path);
        JsonElement root = record.RootElement;
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, TensorsName));
        double tolerance = Math.Max(
            Least, 20 * (root.TryGetProperty("noise", out JsonElement noise) ? StrictJson.Number(noise, path, "$.noise") : 0));
        if (root.TryGetProperty("pairs", out JsonElement pairs))
            RunPairs(folder, path, root, pairs, expected, tolerance, options, checks, dump);
        else RunSentences(folder, path, root, expected, tolerance, options, checks, dump);
    }

    private static void RunSentences(
        string folder, string path, JsonElement root, SafetensorsFile expected, double tolerance, VerifyOptions options,
        List<TensorCheck> checks, VerifyDump? dump)
    {
        string[] sentences = Texts(Required(root, "sentences", path), path, "$.sentences");
        using TextEmbedder embedder = TextEmbedder.Open(folder, options.Loading());
        foreach (JsonProperty call in Required(root, "calls", path).EnumerateObject())
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            EmbeddingOptions settings = Options(call, path);
            Compare(
                call.Name, [.. embedder.Embed(sentences, settings, options.CancellationToken).SelectMany(v => v)], expected, tolerance,
                checks, dump);
            if (!Required(root, "input_ids", path).TryGetProperty(call.Name, out JsonElement ids)) continue;
            int wrong = 0;
            for (int i = 0; i < sentences.Length; i++)
                if (!embedder.Ids(sentences[i], settings).SequenceEqual(ids[i].EnumerateArray().Select(id => id.GetInt32()))) wrong++;
            checks.Add(new TensorCheck($"input_ids.{call.Name}", wrong, 0));
        }

        if (root.TryGetProperty("similarity", out JsonElement similarity))
            checks.Add(new TensorCheck("similarity", string.Equals(similarity.GetString(), embedder.Settings.Similarity.ToString(), StringComparison.OrdinalIgnoreCase) ? 0 : 1, 0));
    }

    private static void RunPairs(
        string folder, string path, JsonElement root, JsonElement pairs, SafetensorsFile expected, double tolerance, VerifyOptions options,
        List<TensorCheck> checks, VerifyDump? dump)
    {
        TextPair[] texts = [.. pairs.EnumerateArray().Select((p, i) => Texts(p, path, $"$.pairs[{i}]")).Select(p => new TextPair(p[0], p[1]))];
        using PairScorer scorer = PairScorer.Open(folder, options.Loading());
        foreach (RawTensor tensor in expected.Tensors)
        {
            IReadOnlyList<float[]> rows = tensor.Name switch
            {
                "default" => scorer.Score(texts, options.CancellationToken),
                "logits" => scorer.Logits(texts, options.CancellationToken),
                "softmax" => Softmax(scorer.Score(texts, options.CancellationToken)),
                _ => throw new InvalidFileException(expected.Path, tensor.Name, "is a call that is not known; default, logits and softmax are"),
            };
            Compare(tensor.Name, [.. rows.SelectMany(r => r)], expected, tolerance, checks, dump);
        }

        if (root.TryGetProperty("input_ids", out JsonElement ids))
        {
            int wrong = 0;
            for (int i = 0; i < texts.Length; i++)
                if (!scorer.Ids(texts[i]).SequenceEqual(ids[i].EnumerateArray().Select(id => id.GetInt32()))) wrong++;
            checks.Add(new TensorCheck("input_ids", wrong, 0));
        }

        if (!root.TryGetProperty("rank", out JsonElement rank)) return;
        IReadOnlyList<RankedDocument> ranked = scorer.Rank(
            Required(rank, "query", path).GetString()!, Texts(Required(rank, "documents", path), path, "$.rank.documents"), Required(rank, "top_k", path).GetInt32(), options.CancellationToken);
        JsonElement[] results = [.. Required(rank, "results", path).EnumerateArray()];
        checks.Add(new TensorCheck("rank.order", ranked.Select(r => r.Index).SequenceEqual(results.Select(r => r.GetProperty("corpus_id").GetInt32())) ? 0 : 1, 0));
        for (int i = 0; i < Math.Min(ranked.Count, results.Length); i++)
            checks.Add(new TensorCheck($"rank.score.{i}", Math.Abs(ranked[i].Score - results[i].GetProperty("score").GetDouble()), Math.Max(1e-6, tolerance)));
    }

    private static EmbeddingOptions Options(JsonProperty call, string path)
    {
        EmbeddingOptions options = new();
        foreach (JsonProperty setting in call.Value.EnumerateObject())
        {
            options = setting.Name switch
            {
                "normalize_embeddings" => options with { Normalize = setting.Value.GetBoolean() },
                "truncate_dim" => options with { Dimensions = setting.Value.GetInt32() },
                "prompt" => options with { Prompt = setting.Value.GetString() },
                "prompt_name" => options with { PromptName = setting.Value.GetString() },
                "method" => options with
                {
                    Purpose = setting.Value.GetString() switch
                    {
                        "encode_query" => EmbeddingPurpose.Query,
                        "encode_document" => EmbeddingPurpose.Document,
                        _ => EmbeddingPurpose.Text,
                    },
                },
                _ => throw new InvalidFileException(path, $"$.calls.{call.Name}.{setting.Name}", "is a setting that is not known here"),
            };
        }

        return options;
    }

    private static void Compare(
        string name, float[] actual, SafetensorsFile expected, double tolerance, List<TensorCheck> checks, VerifyDump? dump)
    {
        RawTensor tensor = expected[name];
        float[] values = tensor.ToFloats();
        if (values.Length != actual.Length)
        {
            checks.Add(new TensorCheck(name, double.PositiveInfinity, tolerance));
            return;
        }

        (double distance, double norm) = TensorDistance.Measure(actual, values, tensor.Sizes);
        checks.Add(new TensorCheck(name, distance, tolerance * norm));
        dump?.Add(name, actual, tensor.Sizes);
    }

    private static IReadOnlyList<float[]> Softmax(IReadOnlyList<float[]> rows)
    {
        foreach (float[] row in rows) Probabilities.Softmax([.. row], row);
        return rows;
    }

    private static string[] Texts(JsonElement list, string path, string at)
    {
        if (list.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(path, at, $"is {StrictJson.Describe(list)}; an array of texts was expected");
        return [.. list.EnumerateArray().Select((t, i) => StrictJson.Text(t, path, $"{at}[{i}]"))];
    }

    private static JsonElement Required(JsonElement root, string name, string path)
        => root.TryGetProperty(name, out JsonElement value) ? value : throw new InvalidFileException(path, $"$.{name}", "is missing");
}
