using System.Text;

namespace Heed.Retrieval;

/// <summary>What an index holds at one commit. Parts are numbered by the ordinal order of their documents' keys, so that results do not
/// depend on how the index came about.</summary>
internal sealed class IndexSnapshot
{
    private readonly View[] _views;
    private readonly (int View, int Chunk)[] _chunks;
    private readonly int[] _wordCounts;
    private readonly double _meanWords;

    public IndexSnapshot(IndexManifest manifest, IReadOnlyList<IndexSegment> segments)
    {
        Manifest = manifest;
        Segments = segments;
        List<(string Key, int View, int Document)> documents = [];
        _views = new View[segments.Count];
        for (int v = 0; v < _views.Length; v++)
        {
            HashSet<int> removed = [.. manifest.Segments[v].Removed];
            _views[v] = new View(segments[v], new int[segments[v].Chunks]);
            Array.Fill(_views[v].Positions, -1);
            for (int d = 0; d < segments[v].Documents.Count; d++)
                if (!removed.Contains(d)) documents.Add((segments[v].Documents[d].Key, v, d));
        }

        documents.Sort(static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        Documents = documents.Count;
        _chunks = new (int, int)[documents.Sum(d => segments[d.View].Documents[d.Document].Chunks)];
        _wordCounts = new int[_chunks.Length];
        int position = 0;
        long words = 0;
        foreach ((_, int v, int d) in documents)
        {
            SegmentDocument document = segments[v].Documents[d];
            for (int c = document.First; c < document.First + document.Chunks; c++, position++)
            {
                _chunks[position] = (v, c);
                _views[v].Positions[c] = position;
                words += _wordCounts[position] = segments[v].WordCounts[c];
            }
        }

        _meanWords = _chunks.Length == 0 ? 0 : (double)words / _chunks.Length;
    }

    public IndexManifest Manifest { get; }

    public IReadOnlyList<IndexSegment> Segments { get; }

    /// <summary>Number of documents.</summary>
    public int Documents { get; }

    /// <summary>Number of parts.</summary>
    public int Chunks => _chunks.Length;

    /// <summary>The document of a part.</summary>
    public SegmentDocument DocumentOf(int position)
    {
        (int view, int chunk) = _chunks[position];
        return Segments[view].Documents[Segments[view].DocumentOf[chunk]];
    }

    /// <summary>The first part of the document of a key; null: there is none, or it has no part.</summary>
    public int? PositionOf(string key)
    {
        int from = 0, to = Chunks;
        while (from < to)
        {
            int middle = from + ((to - from) / 2);
            if (string.CompareOrdinal(DocumentOf(middle).Key, key) < 0) from = middle + 1;
            else to = middle;
        }

        return from < Chunks && DocumentOf(from).Key == key ? from : null;
    }

    /// <summary>A part with its text.</summary>
    public StoredChunk Chunk(int position)
    {
        (int view, int chunk) = _chunks[position];
        return Segments[view].Chunk(chunk);
    }

    /// <summary>Number of a part in its document.</summary>
    public int NumberOf(int position) => _chunks[position].Chunk - DocumentOf(position).First;

    /// <summary>The parts of documents that fit a filter; null: all do.</summary>
    public bool[]? Allowed(SearchFilter? filter)
    {
        if (filter is null) return null;
        bool[] allowed = new bool[Chunks];
        foreach (View view in _views)
        {
            foreach (SegmentDocument document in view.Segment.Documents)
            {
                bool fits = filter.Fits(document.Metadata);
                for (int c = document.First; c < document.First + document.Chunks; c++)
                    if (view.Positions[c] >= 0) allowed[view.Positions[c]] = fits;
            }
        }

        return allowed;
    }

    /// <summary>The parts that share most words with a query, best first; parts that share none are left out.</summary>
    public List<Ranked> ByWords(string query, int top, bool[]? allowed)
    {
        double[] scores = new double[Chunks];
        Bm25Options options = Manifest.Settings.Words;
        int[]? occurrences = options.CountsAbsence ? new int[Chunks] : null;
        foreach (string word in WordSplitter.Words(query))
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(word);
            int holding = Holding(utf8);
            if (holding == 0) continue;
            double rarity = options.Rarity(Chunks, holding);
            if (occurrences is not null) Array.Clear(occurrences);
            foreach (View view in _views)
            {
                ReadOnlySpan<int> postings = view.Segment.Postings(utf8);
                for (int p = 0; p < postings.Length; p += 2)
                {
                    int position = view.Positions[postings[p]];
                    if (position < 0) continue;
                    if (occurrences is not null) occurrences[position] = postings[p + 1];
                    else scores[position] += rarity * options.Saturation(postings[p + 1], _wordCounts[position], _meanWords);
                }
            }

            if (occurrences is null) continue;
            for (int c = 0; c < scores.Length; c++) scores[c] += rarity * options.Saturation(occurrences[c], _wordCounts[c], _meanWords);
        }

        if (allowed is not null)
            for (int c = 0; c < scores.Length; c++) if (!allowed[c]) scores[c] = 0;
        return [.. TopK.Of<double>(scores, top).Where(c => scores[c] > 0).Select(c => new Ranked(c, scores[c]))];
    }

    /// <summary>The most that BM25 can give a part for a query, as if every word stood in it without end; a word of no part counts as the
    /// rarest.</summary>
    public double MostByWords(string query)
    {
        Bm25Options options = Manifest.Settings.Words;
        double sum = 0;
        foreach (string word in WordSplitter.Words(query))
            sum += options.Rarity(Chunks, Math.Max(1, Holding(Encoding.UTF8.GetBytes(word)))) * options.Saturation(1 << 20, 0, _meanWords);
        return sum;
    }

    /// <summary>The BM25 score of a text that is no part, as if it were one, over the most that a part could have for the query.</summary>
    public double ByWords(string query, string text)
    {
        Bm25Options options = Manifest.Settings.Words;
        string[] words = [.. WordSplitter.Words(text)];
        double sum = 0, most = MostByWords(query);
        foreach (string word in WordSplitter.Words(query))
        {
            if (Holding(Encoding.UTF8.GetBytes(word)) is not (> 0 and int holding)) continue;
            sum += options.Rarity(Chunks, holding) * options.Saturation(words.Count(w => w == word), words.Length, _meanWords);
        }

        return most > 0 ? sum / most : 0;
    }

    /// <summary>The parts whose vectors are nearest to a query's, nearest first.</summary>
    public List<Ranked> ByVectors(ReadOnlySpan<float> query, int top, bool[]? allowed)
    {
        List<Ranked> found = [];
        foreach (View view in _views)
        {
            if (view.Segment.Vectors is not { } vectors) continue;
            bool[] may = new bool[vectors.Count];
            for (int c = 0; c < may.Length; c++) may[c] = view.Positions[c] is >= 0 and var position && (allowed is null
                || allowed[position]);
            // A segment's chunks lie in the order of positions, so its ties are broken as the whole index's.
            foreach (Ranked r in vectors.Nearest(query, top, Manifest.Model!.Similarity, may))
                found.Add(new Ranked(view.Positions[r.Item], r.Score));
        }

        found.Sort(static (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Item.CompareTo(b.Item));
        return found.Count > top ? found[..top] : found;
    }

    /// <summary>Number of parts that hold a word.</summary>
    private int Holding(byte[] word)
    {
        int count = 0;
        foreach (View view in _views)
        {
            ReadOnlySpan<int> postings = view.Segment.Postings(word);
            for (int p = 0; p < postings.Length; p += 2) if (view.Positions[postings[p]] >= 0) count++;
        }

        return count;
    }

    /// <param name="Segment">The segment.</param>
    /// <param name="Positions">The number of each of its chunks in the whole index; −1 for removed ones.</param>
    private sealed record View(IndexSegment Segment, int[] Positions);
}
