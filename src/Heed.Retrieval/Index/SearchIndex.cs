using Heed.Generation.Embeddings;

namespace Heed.Retrieval;

/// <summary>An index in a folder, opened for searching: what it held at its last commit. Any number of threads may ask one, and a writer
/// may change the folder meanwhile; <see cref="Refresh"/> looks again.</summary>
/// <example><code>
/// using TextEmbedder embedder = TextEmbedder.Open("models/all-MiniLM-L6-v2");
/// using SearchIndex index = SearchIndex.Open("index", embedder);
/// foreach (SearchHit hit in index.Search("where is my parcel?")) Console.WriteLine($"{hit.Key}: {hit.Text}");
/// </code></example>
public sealed class SearchIndex : IDisposable
{
    /// <summary>A writer may delete merged files between the reading of the list and the opening.</summary>
    private const int Attempts = 5;

    /// <summary>Where a part that is reranked carries what it is.</summary>
    private const string HitField = "heed.hit";

    private readonly TextEmbedder? _embedder;
    private IndexSnapshot _snapshot;

    private SearchIndex(string folder, TextEmbedder? embedder, IndexSnapshot snapshot)
        => (Folder, _embedder, _snapshot) = (folder, embedder, snapshot);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Number of documents.</summary>
    public int Documents => _snapshot.Documents;

    /// <summary>Number of parts.</summary>
    public int Chunks => _snapshot.Chunks;

    /// <summary>Numbers per vector; 0 without vectors.</summary>
    public int Dimensions => _snapshot.Manifest.Width;

    /// <summary>Name of the model that made the vectors; null without vectors.</summary>
    public string? Model => _snapshot.Manifest.Model?.Name;

    /// <summary>How the index was built.</summary>
    public SearchIndexSettings Settings => _snapshot.Manifest.Settings;

    /// <summary>From which evidence on a question counts as answerable; null before <see cref="SearchIndexWriter.Calibrate"/>.</summary>
    public EvidenceThreshold? Evidence => _snapshot.Manifest.Evidence;

    internal IndexSnapshot Snapshot => _snapshot;

    /// <summary>Opens an index.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="embedder">The model that made its vectors, which embeds the queries; null: queries bring vectors along, or only words
    /// count. It stays the caller's.</param>
    /// <exception cref="StorageException">There is no index, or a file cannot be read.</exception>
    /// <exception cref="InputException">A file is damaged, or the model is another one.</exception>
    public static SearchIndex Open(string folder, TextEmbedder? embedder = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        IndexSnapshot snapshot = Load(folder, []);
        try
        {
            if (embedder is not null && snapshot.Manifest.Model is { } model) model.Check(embedder, folder);
            return new SearchIndex(folder, snapshot.Manifest.Model is null ? null : embedder, snapshot);
        }
        catch
        {
            foreach (IndexSegment segment in snapshot.Segments) segment.Dispose();
            throw;
        }
    }

    /// <summary>Looks at the folder again: searches that begin later see its last commit. Segments that are open stay open.</summary>
    /// <exception cref="StorageException">A file cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is damaged.</exception>
    public void Refresh()
    {
        IndexSnapshot before = _snapshot;
        Dictionary<string, IndexSegment> open = new(StringComparer.Ordinal);
        for (int s = 0; s < before.Segments.Count; s++) open[before.Manifest.Segments[s].File] = before.Segments[s];
        _snapshot = Load(Folder, open);   // a segment that is left out is closed when the last search that reads it has ended
    }

    /// <summary>The parts that fit a query best.</summary>
    /// <param name="query">The query; may be empty where <see cref="SearchOptions.Vector"/> is given and words do not count.</param>
    /// <param name="options">How to search; null: the best ten.</param>
    /// <param name="cancellationToken">Looked at before each layer of the embedder.</param>
    /// <returns>Best first; equal ones in ordinal order of their documents' keys, then of their places.</returns>
    /// <exception cref="InputException">The mode needs vectors, and there are none, or the vector's length is another one.</exception>
    /// <exception cref="ArgumentException">A number is out of its range, or a reranker was given.</exception>
    public IReadOnlyList<SearchHit> Search(string query, SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SearchOptions();
        if (options.Reranker is not null) throw new ArgumentException("A reranker is asked by SearchAsync.", nameof(options));
        return Find(query, options, options.Top, cancellationToken);
    }

    /// <summary>As <see cref="Search"/>, on a thread of the pool, and with the reranker of the options.</summary>
    /// <inheritdoc cref="Search"/>
    public async Task<IReadOnlyList<SearchHit>> SearchAsync(
        string query, SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SearchOptions();
        int top = options.Reranker is null ? options.Top : Math.Max(options.Top, options.Candidates);
        IReadOnlyList<SearchHit> hits = await Task.Run(() => Find(query, options, top, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        return options.Reranker is { } reranker
            ? await Rerank(reranker, query, hits, options.Top, cancellationToken).ConfigureAwait(false) : hits;
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (IndexSegment segment in _snapshot.Segments) segment.Dispose();
    }

    internal float[]? VectorOf(string query, SearchOptions options, CancellationToken cancellationToken)
    {
        if (options.Vector is { } given) return given.ToArray();
        return _embedder?.Embed(query, new EmbeddingOptions { Purpose = EmbeddingPurpose.Query }, cancellationToken);
    }

    /// <summary>The vector that a text gets as a part of a document; there must be an embedder.</summary>
    internal float[] VectorOfDocument(string text, CancellationToken cancellationToken)
        => _embedder!.Embed(text, new EmbeddingOptions { Purpose = EmbeddingPurpose.Document }, cancellationToken);

    private static async Task<IReadOnlyList<SearchHit>> Rerank(
        IReranker reranker, string query, IReadOnlyList<SearchHit> hits, int top, CancellationToken cancellationToken)
    {
        RetrievalChunk[] chunks = [.. hits.Select(hit => new RetrievalChunk(hit.Text, hit.Score)
        {
            Record = new Dictionary<string, object>(hit.Metadata, StringComparer.Ordinal) { [HitField] = hit },
        })];
        IReadOnlyList<RetrievalChunk> ordered = await reranker.RerankAsync(query, chunks, cancellationToken).ConfigureAwait(false);
        return [.. ordered.Take(top).Select(c => ((SearchHit)c.Record[HitField]) with { Score = c.Score })];
    }

    private List<SearchHit> Find(string query, SearchOptions options, int top, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Top, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Candidates, 1, nameof(options));
        IndexSnapshot snapshot = _snapshot;
        SearchMode mode = options.Mode
            ?? (snapshot.Manifest.Model is not null && (options.Vector is not null || _embedder is not null) ? SearchMode.Hybrid
            : SearchMode.Words);
        float[]? vector = mode == SearchMode.Words ? null : Vector(snapshot, query, options, cancellationToken);
        bool[]? allowed = snapshot.Allowed(options.Filter);
        // One result per document may need more parts than there are results.
        for (int depth = Math.Max(top, mode == SearchMode.Hybrid ? options.Candidates
            : 1); ; depth = (int)Math.Min(snapshot.Chunks, 4L * depth))
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<Ranked> words = mode == SearchMode.Vectors ? [] : snapshot.ByWords(query, depth, allowed);
            List<Ranked> vectors = vector is null ? [] : snapshot.ByVectors(vector, depth, allowed);
            IReadOnlyList<Ranked> order = mode switch
            {
                SearchMode.Words => words,
                SearchMode.Vectors => vectors,
                _ => RankFusion.Reciprocal([[.. vectors.Select(r => r.Item)], [.. words.Select(r => r.Item)]]),
            };
            HashSet<string> seen = new(StringComparer.Ordinal);
            Ranked[] kept = [.. (options.OnePerDocument ? order.Where(r => seen.Add(snapshot.DocumentOf(r.Item).Key)) : order).Take(top)];
            if (kept.Length < top && depth < snapshot.Chunks && (words.Count == depth || vectors.Count == depth)) continue;
            Dictionary<int, double> byWords = words.ToDictionary(r => r.Item, r => r.Score),
                byVectors = vectors.ToDictionary(r => r.Item, r => r.Score);
            return [.. kept.Select(r => Hit(snapshot, r, byWords, byVectors))];
        }
    }

    private static SearchHit Hit(IndexSnapshot snapshot, Ranked ranked, Dictionary<int, double> words, Dictionary<int, double> vectors)
    {
        SegmentDocument document = snapshot.DocumentOf(ranked.Item);
        StoredChunk chunk = snapshot.Chunk(ranked.Item);
        return new SearchHit
        {
            Key = document.Key,
            Title = document.Title,
            Chunk = snapshot.NumberOf(ranked.Item),
            Start = chunk.Start,
            End = chunk.End,
            Heading = chunk.Heading,
            Text = chunk.Text,
            Score = ranked.Score,
            WordScore = words.TryGetValue(ranked.Item, out double w) ? w : null,
            VectorScore = vectors.TryGetValue(ranked.Item, out double v) ? v : null,
            Metadata = document.Metadata,
        };
    }

    private float[] Vector(IndexSnapshot snapshot, string query, SearchOptions options, CancellationToken cancellationToken)
    {
        if (snapshot.Manifest.Model is not { } model)
            throw new InputException($"{Folder}: has no vectors; build it with a model (--model), or search by words (--mode words).");
        float[] vector = VectorOf(query, options, cancellationToken) ?? throw new InputException($"{Folder}: the query has no vector. "
            + $"Name the model that made the index's vectors, {model.Name} (--model), or search by words (--mode words).");
        return vector.Length == model.Width ? vector
            : throw new InputException($"{Folder}: the query's vector has {vector.Length} numbers and the index's have {model.Width}.");
    }

    private static IndexSnapshot Load(string folder, Dictionary<string, IndexSegment> open)
    {
        for (int attempt = 1; ; attempt++)
        {
            IndexManifest manifest = IndexManifest.Read(folder);
            List<IndexSegment> segments = [];
            try
            {
                foreach (SegmentEntry entry in manifest.Segments)
                {
                    segments.Add(open.TryGetValue(entry.File, out IndexSegment? known) ? known
                        : IndexSegment.Open(Path.Combine(folder, entry.File), manifest.Width));
                    if (segments[^1].Chunks != entry.Chunks || (entry.Removed.Count > 0
                        && entry.Removed[^1] >= segments[^1].Documents.Count))
                        throw new InvalidFileException(Path.Combine(folder, entry.File), "", $"has {segments[^1].Chunks} chunks and "
                            + $"{segments[^1].Documents.Count} documents, which {IndexManifest.FileName} contradicts. Build the index "
                            + $"again");
                }

                return new IndexSnapshot(manifest, segments);
            }
            catch (HeedException e)
            {
                foreach (IndexSegment segment in segments)
                    if (!open.ContainsValue(segment)) segment.Dispose();
                if (e is not StorageException || attempt == Attempts || IndexManifest.Read(folder).Next == manifest.Next) throw;
            }
        }
    }
}
