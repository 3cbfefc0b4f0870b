using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;
using Heed.Retrieval;

namespace Heed.Verification;

/// <summary>Cases of <c>packed</c>: half-precision and binary vectors, and search over them.</summary>
internal static class PackedCases
{
    private const double Score = 1e-6;

    public static string? Compare(GoldenCase c) => c.Kind switch
    {
        "half" when c.Name == "half.edges" => c.Compare("half", [.. PackedVectors.Halves(c.Floats("values")).Select(h => (double)h)], 0),
        "half" => Half(c),
        "hamming" => Hamming(c),
        "rescored" => Rescored(c),
        _ => throw new FormatException($"'{c.Kind}' is not known"),
    };

    private static string? Half(GoldenCase c)
    {
        float[] corpus = c.Floats("corpus");
        int width = c.Width("corpus");
        return c.Compare("half", [.. PackedVectors.Halves(corpus).Select(h => (double)h)], 0)
            ?? RankingCases.Ranking(c, PackedVectors.Pack(corpus, width, VectorFormat.Float16), VectorSimilarity.Dot, "indices")
            ?? RankingCases.Ranking(c, PackedVectors.Pack(corpus, width), VectorSimilarity.Dot, "float32_indices");
    }

    private static string? Hamming(GoldenCase c)
    {
        int bytes = c.Width("corpus");
        PackedVectors corpus = PackedVectors.OfBits(Bytes(c, "corpus"), 8 * bytes);
        List<double> distances = [], indices = [];
        foreach (byte[] query in Bytes(c, "queries").Chunk(bytes))
        {
            for (int i = 0; i < corpus.Count; i++) distances.Add(QuantizedVectors.Hamming(query, corpus.BitsOf(i)));
            indices.AddRange(corpus.NearBits(query, c.Width("indices"), []).Select(i => (double)i));
        }

        return c.Compare("distances", distances, 0) ?? c.Compare("indices", indices, 0);
    }

    private static string? Rescored(GoldenCase c)
    {
        PackedVectors corpus = PackedVectors.OfBits(Bytes(c, "corpus_bits"), c.Width("queries"));
        int top = (int)c.Number("k", 0), multiplier = (int)c.Number("multiplier", 1);
        List<double> candidates = [], indices = [], scores = [];
        foreach (float[] query in RankingCases.Rows(c, "queries"))
        {
            candidates.AddRange(corpus.NearBits(query, top * multiplier, []).Select(i => (double)i));
            IReadOnlyList<Ranked> found = corpus.Nearest(query, top, VectorSimilarity.Dot, multiplier: multiplier);
            indices.AddRange(found.Select(f => (double)f.Item));
            scores.AddRange(found.Select(f => f.Score));
        }

        return c.Compare("candidates", candidates, 0) ?? c.Compare("indices", indices, 0) ?? c.Compare("scores", scores, Score);
    }

    private static byte[] Bytes(GoldenCase c, string role) => Array.ConvertAll(c.Numbers(role), v => (byte)v);
}
