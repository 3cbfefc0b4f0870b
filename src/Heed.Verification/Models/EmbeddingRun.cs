using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Embeddings;

namespace Heed.Verification;

/// <summary>
/// Runs a folder of sentence embeddings (<c>goldens/embeddings</c>' form): <c>input_ids.json</c>, an array of ids per text;
/// <c>embeddings.safetensors</c> with <c>embeddings</c> [B, D], <c>similarities</c> [B, B], and for any text <c>NAME.input_ids</c> with its
/// <c>NAME.hidden_states.n</c> and <c>NAME.attentions.n</c>. The model lies elsewhere.
/// </summary>
internal static class EmbeddingRun
{
    public const string TensorsName = "embeddings.safetensors";

    private const string IdsName = "input_ids.json";
    private const string InputName = ".input_ids";

    public static void Run(string folder, VerifyOptions options, List<TensorCheck> checks, VerifyDump? dump)
    {
        string model = options.Model
            ?? throw new UsageException(
                $"{folder}: holds embeddings and no model; name the folder of the model that made them (--model DIR).");
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, TensorsName));
        int[][] texts = ReadIds(Path.Combine(folder, IdsName));
        using SentenceEmbedder embedder = SentenceEmbedder.Load(model, options.Loading());
        using TensorScope scope = TensorScope.Begin();
        Tensor vectors = embedder.Embed(texts, cancellationToken: options.CancellationToken);                        // [B, D]
        Dictionary<string, Tensor> made = new(StringComparer.Ordinal) { ["embeddings"] = vectors, ["similarities"] = Similarities(vectors, embedder.Settings.Similarity) };
        foreach (RawTensor input in golden.Tensors.Where(t => t.Name.EndsWith(InputName, StringComparison.Ordinal)))
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            string prefix = input.Name[..^(InputName.Length - 1)];
            ModelInputs inputs = GoldenFolder.ReadInputs(new Dictionary<string, RawTensor> { ["input_ids"] = input }, golden.Path);
            ModelOutput output = embedder.Model!.Run(inputs, new RunOptions { Details = true, CancellationToken = options.CancellationToken, Hooks = options.Hooks?.Invoke() });
            foreach ((string name, Tensor tensor) in OutputNames.Of(embedder.Model, output)) made[prefix + name] = tensor;
        }

        foreach (RawTensor expected in golden.Tensors.Where(t => t.DType.IsFloat()))
            ModelVerifier.Compare(expected, made.GetValueOrDefault(expected.Name), null, checks, dump);
    }

    private static int[][] ReadIds(string path)
    {
        using JsonDocument json = StrictJson.ReadFile(path);
        JsonElement root = json.RootElement;
        if (root.ValueKind != JsonValueKind.Array || root.EnumerateArray().Any(row => row.ValueKind != JsonValueKind.Array || row.EnumerateArray().Any(id => id.ValueKind != JsonValueKind.Number || !id.TryGetInt32(out _))))
            throw new InvalidFileException(path, "$", "is not an array of arrays of ids; write one array of whole numbers for each text");
        return [.. root.EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())];
    }

    /// <summary>All pairs, compared as the folder specifies: [B, D] → [B, B].</summary>
    private static Tensor Similarities(Tensor vectors, VectorSimilarity similarity)
    {
        int B = vectors.Shape[0], D = vectors.Shape[1];
        Tensor pairs = Tensor.Uninitialized(B, B);
        for (int a = 0; a < B; a++)
            for (int b = 0; b < B; b++)
                pairs[a, b] = (float)similarity.Of(vectors.Span.Slice(a * D, D), vectors.Span.Slice(b * D, D));
        return pairs;
    }
}
