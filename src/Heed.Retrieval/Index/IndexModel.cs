using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;

namespace Heed.Retrieval;

/// <summary>Which model made an index's vectors: its name, and the vector of a fixed text, by which any model can be held against
/// it.</summary>
/// <param name="Name">The folder's name, or "vectors of the caller".</param>
/// <param name="Width">Numbers per vector.</param>
/// <param name="Similarity">How vectors are compared.</param>
/// <param name="Probe">First numbers of the vector of the probe; empty for vectors of the caller.</param>
/// <param name="Folder">The folder that was opened, where commands look for it again; null: of no model.</param>
internal sealed record IndexModel(string Name, int Width, VectorSimilarity Similarity, IReadOnlyList<float> Probe, string? Folder = null)
{
    /// <summary>Name of an index whose documents bring vectors along.</summary>
    public const string Given = "vectors of the caller";

    private const string ProbeText = "The quick brown fox jumps over the lazy dog.";
    private const int ProbeNumbers = 16;

    /// <summary>Differences that another class of bits or a format of 16 bits makes, and no other model.</summary>
    private const float Tolerance = 0.02f;

    public static IndexModel Of(TextEmbedder embedder)
        => new(Path.GetFileName(Path.TrimEndingDirectorySeparator(embedder.Folder)), embedder.Dimensions, embedder.Settings.Similarity,
            ProbeOf(embedder), Path.GetFullPath(embedder.Folder));

    /// <summary>Refuses a model that makes other vectors.</summary>
    /// <param name="embedder">The model.</param>
    /// <param name="index">The index, for the error.</param>
    /// <exception cref="InputException">It does.</exception>
    public void Check(TextEmbedder embedder, string index)
    {
        if (Probe.Count == 0)
            throw new InputException($"{index}: holds {Given}, not a model's. Open it without a model, and give queries as vectors.");
        bool fits = embedder.Dimensions == Width;
        float[] probe = fits ? ProbeOf(embedder) : [];
        double largest = Probe.Max(MathF.Abs);
        for (int i = 0; i < Math.Min(probe.Length, Probe.Count); i++) fits &= Math.Abs(probe[i] - Probe[i]) <= Tolerance * largest;
        if (!fits)
            throw new InputException($"{index}: its vectors ({Width} numbers each) were made by {Name}, and {embedder.Folder} makes others "
                + $"({embedder.Dimensions} numbers each). Name the model that made them, or build the index anew with this one.");
    }

    private static float[] ProbeOf(TextEmbedder embedder)
    {
        float[] vector = embedder.Embed(ProbeText, new EmbeddingOptions { Purpose = EmbeddingPurpose.Document });
        return vector[..Math.Min(ProbeNumbers, vector.Length)];
    }
}
