using System.Text.Json;
using Heed.Retrieval;

namespace Heed.Verification;

/// <summary>Cases of <c>vectors</c>: files of word vectors, and which words are near.</summary>
internal static class WordVectorCases
{
    /// <summary>Cosines differ from the reference's by less.</summary>
    private const double Allowed = 1e-6;

    public static string? Compare(GoldenCase c)
    {
        string folder = Path.Combine(c.Part.Folder, c.Part.Name);
        if (c.Has("vectors")) return File(c, WordVectors.Read(Path.Combine(folder, c.Name)));
        WordVectors vectors = WordVectors.Read(Path.Combine(folder, c.Text("file", "")));
        JsonElement results = c.Settings.GetProperty("results");
        switch (c.Name)
        {
            case "most_similar":
                int top = c.Settings.GetProperty("top_n").GetInt32();
                return results.EnumerateObject()
                    .Select(r => Scores(r.Value, vectors.MostSimilar([r.Name], top: top), r.Name)).FirstOrDefault(d => d is not null);
            case "most_similar.several":
                return Each(results, (r, at) => Scores(r.GetProperty("results"), vectors.MostSimilar(
                    Words(r.GetProperty("positive")), Words(r.GetProperty("negative")), c.Settings.GetProperty("top_n").GetInt32()), at));
            case "analogy": return Each(results, (r, at) => Analogy(vectors, r, at));
            case "doesnt_match": return Each(results, (r, at) => OddOne(vectors, r, at));
            case "similarity":
                return Each(results, (r, at) => vectors.Similarity(r[0].GetString()!, r[1].GetString()!) is var found
                    && Math.Abs(found - r[2].GetDouble()) <= Allowed ? null : FormattableString.Invariant($"{at} is {found}, not {r[2]}"));
            default: throw new FormatException($"'{c.Name}' is no case of this version");
        }
    }

    private static string? File(GoldenCase c, WordVectors vectors)
    {
        string[] words = Words(c.Settings.GetProperty("words"));
        if (!vectors.Words.SequenceEqual(words, StringComparer.Ordinal))
            return $"has the words {string.Join(", ", vectors.Words.Take(5))} … ({vectors.Words.Count}); {words.Length} others were "
                + $"expected";
        float[] expected = c.Floats("vectors");
        if (vectors.Width * words.Length != expected.Length) return $"has vectors of {vectors.Width} numbers";
        for (int i = 0; i < expected.Length; i++)
        {
            float found = vectors.Row(i / vectors.Width)[i % vectors.Width];
            if (BitConverter.SingleToInt32Bits(found) != BitConverter.SingleToInt32Bits(expected[i]))
                return FormattableString.Invariant($"vectors[{i / vectors.Width}][{i % vectors.Width}] is {found:R}, not {expected[i]:R}");
        }

        return null;
    }

    private static string? Analogy(WordVectors vectors, JsonElement row, string at)
    {
        (string a, string b, string c) = (row.GetProperty("a").GetString()!, row.GetProperty("b").GetString()!,
            row.GetProperty("c").GetString()!);
        JsonElement expected = row.GetProperty("results");
        return Scores(expected, vectors.Analogy(a, b, c, expected.GetArrayLength()), at)
            ?? Word(row.GetProperty("if the three were allowed"), vectors.MostSimilar([b, c], [a], 1, includeGiven: true)[0].Word,
                at + " with the three")
            ?? Word(row.GetProperty("3CosMul"), vectors.AnalogyByProduct(a, b, c, 1)[0].Word, at + " by 3CosMul");
    }

    private static string? OddOne(WordVectors vectors, JsonElement row, string at)
    {
        string[] words = Words(row.GetProperty("words"));
        IReadOnlyList<WordScore> found = vectors.DoesntMatch(words);
        if (Word(row.GetProperty("result"), found[0].Word, at) is { } off) return off;
        for (int i = 0; i < words.Length; i++)
        {
            double score = found.First(f => f.Word == words[i]).Score, expected = row.GetProperty("similarity_to_mean")[i].GetDouble();
            if (!(Math.Abs(score - expected) <= Allowed))
                return FormattableString.Invariant($"{at}: '{words[i]}' is {score}, not {expected}");
        }

        return null;
    }

    private static string? Scores(JsonElement expected, IReadOnlyList<WordScore> found, string at)
    {
        if (expected.GetArrayLength() != found.Count) return $"{at} has {found.Count} words, not {expected.GetArrayLength()}";
        for (int i = 0; i < found.Count; i++)
        {
            if (Word(expected[i][0], found[i].Word, $"{at}[{i}]") is { } off) return off;
            if (!(Math.Abs(found[i].Score - expected[i][1].GetDouble()) <= Allowed))
                return FormattableString.Invariant($"{at}[{i}] is {found[i].Score}, not {expected[i][1]}");
        }

        return null;
    }

    private static string? Word(JsonElement expected, string found, string at)
        => expected.GetString() == found ? null : $"{at} is '{found}', not '{expected}'";

    private static string? Each(JsonElement rows, Func<JsonElement, string, string?> compare)
        => rows.EnumerateArray().Select((row, i) => compare(row, $"results[{i}]")).FirstOrDefault(d => d is not null);

    private static string[] Words(JsonElement list) => [.. list.EnumerateArray().Select(w => w.GetString()!)];
}
