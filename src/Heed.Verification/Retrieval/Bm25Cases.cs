using System.Text.Json;
using Heed.Retrieval;

namespace Heed.Verification;

/// <summary>Cases of <c>bm25</c>: words of a corpus, scores and the best five by each form.</summary>
internal static class Bm25Cases
{
    private const double Score = 1e-6;

    public static string? Compare(GoldenCase c)
    {
        JsonElement corpus = c.Part.Cases.First(o => o.Name == "corpus").Settings;
        string[] documents = Texts(corpus.GetProperty("documents")), queries = Texts(corpus.GetProperty("queries"));
        if (c.Name == "corpus")
            return Words(documents, corpus.GetProperty("tokens"), "tokens")
                ?? Words(queries, corpus.GetProperty("query_tokens"), "query_tokens");
        Bm25 words = new(documents, new Bm25Options
        {
            Form = c.Text("method", "lucene") switch
            {
                "lucene" => Bm25Form.Lucene,
                "robertson" => Bm25Form.Robertson,
                "atire" => Bm25Form.Atire,
                "bm25+" => Bm25Form.Plus,
                "bm25l" => Bm25Form.L,
                string other => throw new FormatException($"'{other}' is no form of BM25"),
            },
            K1 = c.Optional("k1") ?? 1.2,
            B = c.Optional("b") ?? 0.75,
            Delta = c.Optional("delta") ?? 0.5,
        });
        double[][] scores = [.. queries.Select(words.Scores)];
        return c.Compare("scores", [.. scores.SelectMany(s => s)], Score)
            ?? c.Compare("top5", [.. scores.SelectMany(s => TopK.Of<double>(s, c.Width("top5"))).Select(i => (double)i)], 0);
    }

    private static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(t => t.GetString()!)];

    private static string? Words(string[] texts, JsonElement expected, string what)
    {
        for (int i = 0; i < texts.Length; i++)
        {
            string[] found = [.. Bm25.Words(texts[i])], wanted = Texts(expected[i]);
            if (!found.SequenceEqual(wanted, StringComparer.Ordinal))
                return $"{what}[{i}] is [{string.Join(", ", found)}], not [{string.Join(", ", wanted)}]";
        }

        return expected.GetArrayLength() == texts.Length ? null : $"{what} has {texts.Length} rows, not {expected.GetArrayLength()}";
    }
}
