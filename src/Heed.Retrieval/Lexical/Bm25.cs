using System.Runtime.InteropServices;

namespace Heed.Retrieval;

/// <summary>Documents ranked by the words that they share with a query (BM25), in memory. Any number of threads may ask one.</summary>
/// <example><code>
/// Bm25 words = new(["the card was charged twice", "a refund was promised"]);
/// foreach (Ranked best in words.Search("refund", 3)) Console.WriteLine($"{best.Item}: {best.Score:0.000}");
/// </code></example>
public sealed class Bm25
{
    private readonly Bm25Options _options;
    private readonly Dictionary<string, List<Posting>> _postings = new(StringComparer.Ordinal);
    private readonly List<int> _lengths = [];
    private readonly double _mean;

    /// <summary>Counts the words of documents.</summary>
    /// <param name="documents">The documents; empty ones count too.</param>
    /// <param name="options">How words count; null: Lucene's form, k1 = 1.2, b = 0.75.</param>
    /// <exception cref="ConfigException">An option is out of its range.</exception>
    public Bm25(IEnumerable<string> documents, Bm25Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(documents);
        _options = (options ?? new Bm25Options()).Validated();
        long words = 0;
        foreach (string document in documents)
        {
            int length = Count(_postings, _lengths.Count, document);
            _lengths.Add(length);
            words += length;
        }

        _mean = _lengths.Count == 0 ? 0 : (double)words / _lengths.Count;
    }

    /// <summary>Number of documents.</summary>
    public int Documents => _lengths.Count;

    /// <summary>The words of a text as they are counted: lower case, runs of letters, digits and <c>_</c>.</summary>
    public static IReadOnlyList<string> Words(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. WordSplitter.Words(text)];
    }

    /// <summary>The score of every document.  A word that stands twice in the query counts twice; an unknown one counts nothing.</summary>
    /// <param name="query">The query.</param>
    /// <returns>One number per document, in their order.</returns>
    public double[] Scores(string query)
    {
        ArgumentNullException.ThrowIfNull(query);
        double[] scores = new double[_lengths.Count];
        foreach (string word in WordSplitter.Words(query))
        {
            if (!_postings.TryGetValue(word, out List<Posting>? postings)) continue;
            double rarity = _options.Rarity(scores.Length, postings.Count);
            int next = 0;
            if (_options.CountsAbsence)
            {
                for (int d = 0; d < scores.Length; d++)
                {
                    bool has = next < postings.Count && postings[next].Item == d;
                    scores[d] += rarity * _options.Saturation(has ? postings[next++].Count : 0, _lengths[d], _mean);
                }
            }
            else
            {
                foreach (Posting p in CollectionsMarshal.AsSpan(postings))
                    scores[p.Item] += rarity * _options.Saturation(p.Count, _lengths[p.Item], _mean);
            }
        }

        return scores;
    }

    /// <summary>The documents that match best.</summary>
    /// <param name="query">The query.</param>
    /// <param name="top">Up to how many; documents of score 0 are left out.</param>
    /// <returns>Best first; of equal scores the earlier document.</returns>
    public IReadOnlyList<Ranked> Search(string query, int top)
    {
        double[] scores = Scores(query);
        return [.. TopK.Of<double>(scores, top).Where(d => scores[d] > 0).Select(d => new Ranked(d, scores[d]))];
    }

    /// <summary>Adds a document's words to postings; its number must be greater than those before.</summary>
    /// <returns>How many words it has.</returns>
    internal static int Count(Dictionary<string, List<Posting>> postings, int document, string text)
    {
        int length = 0;
        foreach (string word in WordSplitter.Words(text))
        {
            length++;
            ref List<Posting>? list = ref CollectionsMarshal.GetValueRefOrAddDefault(postings, word, out _);
            list ??= [];
            Span<Posting> known = CollectionsMarshal.AsSpan(list);
            if (known.Length > 0 && known[^1].Item == document) known[^1] = new Posting(document, known[^1].Count + 1);
            else list.Add(new Posting(document, 1));
        }

        return length;
    }
}

/// <summary>How often a word stands in a document.</summary>
/// <param name="Item">The document.</param>
/// <param name="Count">Occurrences, 1 or more.</param>
internal readonly record struct Posting(int Item, int Count);
