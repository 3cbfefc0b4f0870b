using System.Runtime.InteropServices;
using Heed.Generation.Embeddings;

namespace Heed.Retrieval;

/// <summary>How far a commit is.</summary>
/// <param name="Documents">Documents in the index so far.</param>
/// <param name="Embedded">Parts embedded by this writer so far.</param>
public readonly record struct SearchIndexProgress(int Documents, long Embedded);

/// <summary>Changes an index in a folder. What was committed is on the disk: a kill at any moment loses what came after the last commit
/// and nothing else, and a new writer resumes from there. One writer at a time; readers are not disturbed.</summary>
/// <remarks>Documents whose content is what the index holds already are passed over, so a build that is begun again resumes.</remarks>
/// <example><code>
/// using SearchIndexWriter writer = SearchIndexWriter.Open("index", embedder: embedder);
/// foreach (string file in Directory.GetFiles("docs")) writer.Put(new SearchDocument { Key = file, Text = File.ReadAllText(file) });
/// writer.Commit();
/// </code></example>
public sealed partial class SearchIndexWriter : IDisposable
{
    private const string LockName = "lock", SegmentEnding = ".safetensors";
    private const int EmbeddedAtOnce = 32;

    private readonly string _folder;
    private readonly FileStream _lock;
    private readonly TextEmbedder? _embedder;
    private readonly IProgress<SearchIndexProgress>? _progress;
    private readonly Dictionary<string, Known> _known = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, StoredDocument> _pending = new(StringComparer.Ordinal);
    private readonly HashSet<string> _removed = new(StringComparer.Ordinal);
    private IndexManifest _manifest;
    private int _pendingChunks;
    private long _embedded;

    private SearchIndexWriter(
        string folder, FileStream locked, IndexManifest manifest, TextEmbedder? embedder, IProgress<SearchIndexProgress>? progress)
        => (_folder, _lock, _manifest, _embedder, _progress) = (folder, locked, manifest, embedder, progress);

    /// <summary>Number of documents that are committed.</summary>
    public int Documents => _known.Count;

    /// <summary>Keys of the documents that are committed.</summary>
    public IReadOnlyCollection<string> Keys => _known.Keys;

    /// <summary>How the index is built.</summary>
    public SearchIndexSettings Settings => _manifest.Settings;

    /// <summary>Opens an index for changes, or creates one.</summary>
    /// <param name="folder">Its folder; is created.</param>
    /// <param name="settings">How to build it; null: as it is, or the standard for a new one.</param>
    /// <param name="embedder">The model that makes the vectors, the same as before; null: words only, or documents bring vectors along. It
    /// stays the caller's.</param>
    /// <param name="progress">Receives how far commits are; may be null.</param>
    /// <exception cref="InputException">The settings or the model are not those of the index, or a file is damaged.</exception>
    /// <exception cref="StorageException">Another writer is open, or the folder cannot be written.</exception>
    public static SearchIndexWriter Open(string folder, SearchIndexSettings? settings = null, TextEmbedder? embedder = null,
        IProgress<SearchIndexProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        settings = settings?.Validated();
        FileStream locked = Lock(folder);
        try
        {
            DurableFile.RemoveLeftovers(folder);
            bool isNew = !IndexManifest.IsIn(folder);
            IndexManifest manifest = isNew
                ? new IndexManifest
                {
                    Settings = settings ?? new SearchIndexSettings(),
                    Model = embedder is null ? null
                : IndexModel.Of(embedder)
                }
                : IndexManifest.Read(folder);
            SearchIndexWriter writer = new(folder, locked, manifest, embedder, progress);
            if (isNew) manifest.Write(folder);
            else writer.Check(settings);
            writer.ReadKeys();
            writer.RemoveUnused();
            return writer;
        }
        catch
        {
            locked.Dispose();
            throw;
        }
    }

    /// <summary>Adds a document, or replaces the one of its key. Commits by itself when enough parts wait.</summary>
    /// <param name="document">The document.</param>
    /// <param name="cancellationToken">Ends a commit between layers; what was committed before stays.</param>
    /// <returns>False: the index holds this document with this content already.</returns>
    /// <exception cref="InputException">The key is empty, a field or the vector does not fit.</exception>
    /// <exception cref="StorageException">The disk is full, or a file cannot be written.</exception>
    public bool Put(SearchDocument document, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(document);
        if (document.Key.Length == 0) throw new InputException("key: is empty; a document needs one.");
        SortedDictionary<string, object> metadata = StoredDocument.MetadataOf(document);
        string hash = StoredDocument.HashOf(document, metadata);
        if (_pending.TryGetValue(document.Key, out StoredDocument? waiting))
        {
            if (waiting.Hash == hash) return false;
            _pendingChunks -= waiting.Chunks.Count;
            _pending.Remove(document.Key);
        }

        _removed.Remove(document.Key);
        if (_known.TryGetValue(document.Key, out Known known) && known.Hash == hash) return false;
        IReadOnlyList<StoredChunk> chunks = Cut(document);
        _pending.Add(document.Key, new StoredDocument(document.Key, document.Title, hash, metadata, chunks));
        _pendingChunks += chunks.Count;
        if (_pendingChunks >= Settings.ChunksPerCommit) Commit(cancellationToken);
        return true;
    }

    /// <summary>Removes a document.</summary>
    /// <returns>False: there is none of this key.</returns>
    public bool Remove(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        bool waited = _pending.Remove(key, out StoredDocument? waiting);
        if (waited) _pendingChunks -= waiting!.Chunks.Count;
        return (_known.ContainsKey(key) && _removed.Add(key)) || waited;
    }

    /// <summary>Makes all changes so far permanent and visible, all of them or none.</summary>
    /// <param name="cancellationToken">Looked at before each layer of the embedder; the changes then wait on.</param>
    /// <exception cref="StorageException">The disk is full, or a file cannot be written; the index is as it was.</exception>
    public void Commit(CancellationToken cancellationToken = default)
    {
        if (_pending.Count == 0 && _removed.Count == 0) return;
        Embed(cancellationToken);
        List<SegmentEntry> segments = [.. _manifest.Segments.Select((s, i) => Without(s, i, [.. _removed, .. _pending.Keys]))];
        int next = _manifest.Next;
        if (_pending.Count > 0)
        {
            StoredDocument[] documents = [.. _pending.Values];
            string name = SegmentName(next++);
            SegmentWriter.Write(Path.Combine(_folder, name), documents, _manifest.Width, Settings.Vectors);
            segments.Add(new SegmentEntry(name, documents.Sum(d => d.Chunks.Count), []));
        }

        IndexManifest after = _manifest with { Segments = segments, Next = next, Evidence = null };
        after.Write(_folder);
        _manifest = after;
        foreach (string key in _removed) _known.Remove(key);
        int document = 0;
        foreach (StoredDocument d in _pending.Values) _known[d.Key] = new Known(d.Hash, segments.Count - 1, document++);
        _pending.Clear();
        _removed.Clear();
        _pendingChunks = 0;
        Merge(cancellationToken);
        RemoveUnused();
        _progress?.Report(new SearchIndexProgress(_known.Count, _embedded));
    }

    /// <summary>Measures from which evidence on a question counts as answerable by these documents, and keeps the number in the index;
    /// nothing is done where it is there already.</summary>
    /// <param name="cancellationToken">Looked at before each question.</param>
    /// <exception cref="StorageException">A file cannot be read or written.</exception>
    public void Calibrate(CancellationToken cancellationToken = default)
    {
        Commit(cancellationToken);
        if (_manifest.Evidence is not null) return;
        using SearchIndex index = SearchIndex.Open(_folder, _manifest.Model?.Probe.Count > 0 ? _embedder : null);
        if (EvidenceCalibration.Of(index, cancellationToken) is not { } evidence) return;
        IndexManifest after = _manifest with { Evidence = evidence };
        after.Write(_folder);
        _manifest = after;
    }

    /// <summary>Lets the index go. What was not committed is lost.</summary>
    public void Dispose() => _lock.Dispose();

    private void Check(SearchIndexSettings? settings)
    {
        if (settings is not null && settings with { ChunksPerCommit = Settings.ChunksPerCommit } != Settings)
            throw new InputException($"{_folder}: was built with other settings ({Settings.Vectors}, {Settings.Words}, {Settings.Chunks}). "
                + "Leave them out, or build another index.");
        if (_embedder is not null)
        {
            if (_manifest.Model is null && _manifest.Segments.Count == 0) _manifest = _manifest with { Model = IndexModel.Of(_embedder) };
            else if (_manifest.Model is { } model) model.Check(_embedder, _folder);
            else throw new InputException($"{_folder}: was built without vectors. Leave the model out, or build another index.");
        }
        else if (_manifest.Model is { Probe.Count: > 0 } made)
        {
            throw new InputException($"{_folder}: has vectors of {made.Name}; name this model (--model), so that new documents get "
                + $"some too.");
        }
    }

    private StoredChunk[] Cut(SearchDocument document)
    {
        if (document.Vector is { } vector)
        {
            float[] given = vector.ToArray();
            if (_embedder is not null)
                throw new InputException($"document '{Printable.Shorten(document.Key)}': brings a vector along, and the index's are made "
                    + "by a model. Leave one of them out.");
            if (Array.Exists(given, v => !float.IsFinite(v)))
                throw new InputException($"document '{Printable.Shorten(document.Key)}': its vector holds a number that is not finite.");
            if (given.Length == 0 || (_manifest.Width > 0 && given.Length != _manifest.Width))
                throw new InputException(FormattableString.Invariant($"document '{Printable.Shorten(document.Key)}': its vector has ")
                    + FormattableString.Invariant($"{given.Length} numbers; {Math.Max(1, _manifest.Width)} were expected."));
            _manifest = _manifest.Model is not null ? _manifest
                : _known.Count + _pending.Count > 0 ? throw new InputException($"{_folder}: was built without vectors. Build another "
                + $"index.")
                : _manifest with
                {
                    Model = new IndexModel(IndexModel.Given, given.Length, Settings.Similarity, [])
                };
            return [new StoredChunk(0, document.Text.Length, "", document.Text) { Vector = given }];
        }

        if (_manifest.Width > 0 && _embedder is null)
            throw new InputException($"document '{Printable.Shorten(document.Key)}': has no vector, and the index's documents bring theirs "
                + "along.");
        return [.. TextChunker.Cut(document.Text, document.Form, Room(document.Title), _embedder is null ? null : Tokens)
            .Select(c => new StoredChunk(c.Start, c.End, c.Heading, document.Text[c.Start..c.End]))];
    }

    /// <summary>Tokens of a part: title and special tokens are read with it.</summary>
    private int Room(string? title)
    {
        int most = Settings.Chunks.MaximumTokens;
        if (_embedder is null) return most;
        int frame = Document("").Count, above = string.IsNullOrEmpty(title) ? 0 : Tokens(title);
        return Math.Max(most / 4, Math.Min(most, _embedder.MaximumLength - frame - above));
    }

    private int Tokens(string text) => Document(text).Count - Document("").Count;

    private IReadOnlyList<int> Document(string text) => _embedder!.Ids(text, new EmbeddingOptions { Purpose = EmbeddingPurpose.Document });

    /// <summary>Makes the vectors that are missing, texts of like length together.</summary>
    private void Embed(CancellationToken cancellationToken)
    {
        if (_embedder is null) return;
        (StoredChunk Chunk, string Text)[] missing = [.. _pending.Values
            .SelectMany(d => d.Chunks.Where(c => c.Vector is null).Select(c => (c, c.Indexed(d.Title)))).OrderByDescending(c
            => c.Item2.Length)];
        foreach ((StoredChunk Chunk, string Text)[] some in missing.Chunk(EmbeddedAtOnce))
        {
            IReadOnlyList<float[]> vectors = _embedder.Embed([.. some.Select(s => s.Text)],
                new EmbeddingOptions { Purpose = EmbeddingPurpose.Document }, cancellationToken);
            for (int i = 0; i < some.Length; i++) some[i].Chunk.Vector = vectors[i];
            _embedded += some.Length;
            _progress?.Report(new SearchIndexProgress(_known.Count, _embedded));
        }
    }

    private SegmentEntry Without(SegmentEntry segment, int number, IEnumerable<string> keys)
    {
        int[] gone = [.. keys.Where(k => _known.TryGetValue(k, out Known known) && known.Segment == number).Select(k
            => _known[k].Document)];
        return gone.Length == 0 ? segment : segment with { Removed = [.. segment.Removed.Concat(gone).Order()] };
    }

    private void ReadKeys()
    {
        for (int s = 0; s < _manifest.Segments.Count; s++)
        {
            SegmentEntry entry = _manifest.Segments[s];
            HashSet<int> removed = [.. entry.Removed];
            using IndexSegment segment = IndexSegment.Open(Path.Combine(_folder, entry.File), _manifest.Width);
            for (int d = 0; d < segment.Documents.Count; d++)
                if (!removed.Contains(d)) _known[segment.Documents[d].Key] = new Known(segment.Documents[d].Hash, s, d);
        }
    }

    private static string SegmentName(int number)
        => number.ToString("D6", System.Globalization.CultureInfo.InvariantCulture) + SegmentEnding;

    /// <summary>Deletes segments that no list names: of a commit that was killed, or merged into another.</summary>
    private void RemoveUnused()
    {
        HashSet<string> used = [.. _manifest.Segments.Select(s => s.File)];
        foreach (string file in Directory.EnumerateFiles(_folder, "*" + SegmentEnding))
        {
            if (used.Contains(Path.GetFileName(file))) continue;
            try
            {
                File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A reader has it open where that forbids deleting; the next writer tries again.
            }
        }
    }

    private static FileStream Lock(string folder)
    {
        string path = Path.Combine(folder, LockName);
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new StorageException($"{folder}: another process is changing this index. Wait for it, or build another one.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be written: {e.Message.TrimEnd('.')}. Choose another folder.", e);
        }
    }

    /// <param name="Hash">What the document is made of.</param>
    /// <param name="Segment">Number of its segment.</param>
    /// <param name="Document">Its number there.</param>
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Known(string Hash, int Segment, int Document);
}
