using System.Diagnostics.CodeAnalysis;
using System.Linq.Expressions;
using System.Runtime.CompilerServices;
using Heed.Models.Embeddings;
using Heed.Retrieval;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;
using Microsoft.Extensions.VectorData.ProviderServices;

namespace Heed.Extensions.AI;

/// <summary>
/// A search index in a folder as a collection of Microsoft.Extensions.VectorData: exact vector search, hybrid search, filters. An upsert is
/// a commit: it is on the disk and visible when the call returns.
/// </summary>
/// <remarks>
/// Keys: string, int, long, Guid. One vector, given or made by the collection's embedding generator, compared by cosine similarity (the
/// standard), dot product or Euclidean distance. Data: string, bool, int, long, float, double, string[], List&lt;string&gt;. Properties
/// marked
/// <see cref="VectorStoreDataAttribute.IsFullTextIndexed"/> are searched by words, or every string if none is. Any number of threads may
/// use
/// one; another process may read the folder, not write it, while this is open.
/// </remarks>
/// <typeparam name="TKey">The key's type.</typeparam>
/// <typeparam name="TRecord">The record's type.</typeparam>
public sealed partial class SearchIndexCollection<TKey, TRecord> : VectorStoreCollection<TKey, TRecord>, IKeywordHybridSearchable<TRecord>
    where TKey : notnull
    where TRecord : class
{
    private readonly string _folder;
    private readonly CollectionModel _model;
    private readonly SearchIndexRecords _records;
    private readonly SearchIndexSettings _settings;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private SearchIndexWriter? _writer;
    private SearchIndex? _index;

    /// <summary>Takes a folder. Nothing is opened or created yet.</summary>
    /// <param name="folder">The index's folder.</param>
    /// <param name="definition">The properties; null: the attributes of <typeparamref name="TRecord"/>.</param>
    /// <param name="embeddings">Embeds properties and queries that are texts; null: vectors are given.</param>
    /// <param name="vectors">How vectors are kept: float32 or float16.</param>
    /// <exception cref="NotSupportedException">A property's type or distance is not supported.</exception>
    [RequiresUnreferencedCode("The properties of the record's type are found by reflection.")]
    [RequiresDynamicCode("Filters are compiled.")]
    public SearchIndexCollection(string folder, VectorStoreCollectionDefinition? definition = null, IEmbeddingGenerator? embeddings = null,
        VectorFormat vectors = VectorFormat.Float32)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = folder;
        _model = typeof(TRecord) == typeof(Dictionary<string, object?>)
            ? new SearchIndexModelBuilder().BuildDynamic(
                definition ?? throw new ArgumentException("Records that are dictionaries need a definition.", nameof(definition)),
                    embeddings)
            : new SearchIndexModelBuilder().Build(typeof(TRecord), typeof(TKey), definition, embeddings);
        _records = new SearchIndexRecords(_model);
        _settings = new SearchIndexSettings
        {
            Vectors = vectors,
            Similarity = _model.VectorProperty.DistanceFunction switch
            {
                null or DistanceFunction.CosineSimilarity => VectorSimilarity.Cosine,
                DistanceFunction.DotProductSimilarity => VectorSimilarity.Dot,
                DistanceFunction.EuclideanDistance => VectorSimilarity.Euclidean,
                string other => throw new NotSupportedException($"{_model.VectorProperty.ModelName}: the distance function {other} is not "
                    + "supported; CosineSimilarity, DotProductSimilarity and EuclideanDistance are."),
            },
        };
    }

    /// <summary>The folder's name.</summary>
    public override string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_folder)));

    /// <inheritdoc/>
    public override Task<bool> CollectionExistsAsync(CancellationToken cancellationToken = default)
        => Task.FromResult(IndexManifest.IsIn(_folder));

    /// <inheritdoc/>
    public override Task EnsureCollectionExistsAsync(CancellationToken cancellationToken = default)
        => Changing(static _ => { }, cancellationToken);

    /// <inheritdoc/>
    public override async Task EnsureCollectionDeletedAsync(CancellationToken cancellationToken = default)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Close();
            if (IndexManifest.IsIn(_folder)) Directory.Delete(_folder, recursive: true);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <inheritdoc/>
    public override Task UpsertAsync(TRecord record, CancellationToken cancellationToken = default)
        => UpsertAsync([record], cancellationToken);

    /// <inheritdoc/>
    public override async Task UpsertAsync(IEnumerable<TRecord> records, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(records);
        TRecord[] all = [.. records];
        if (all.Length == 0) return;
        object?[] values = [.. all.Select(r => _model.VectorProperty.GetValueAsObject(r))];
        ReadOnlyMemory<float>[] vectors = await VectorsAsync(values, cancellationToken).ConfigureAwait(false);
        await Changing(
            writer =>
            {
                for (int i = 0; i < all.Length; i++) writer.Put(_records.Document(all[i], vectors[i]), cancellationToken);
                writer.Commit(cancellationToken);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Task DeleteAsync(TKey key, CancellationToken cancellationToken = default) => DeleteAsync([key], cancellationToken);

    /// <inheritdoc/>
    public override Task DeleteAsync(IEnumerable<TKey> keys, CancellationToken cancellationToken = default)
    {
        string[] gone = [.. keys.Select(k => SearchIndexRecords.Key(k))];
        return Changing(
            writer =>
            {
                foreach (string key in gone) writer.Remove(key);
                writer.Commit(cancellationToken);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public override Task<TRecord?> GetAsync(TKey key, RecordRetrievalOptions? options = null, CancellationToken cancellationToken = default)
    {
        IndexSnapshot snapshot = Opened().Snapshot;
        return Task.FromResult(snapshot.PositionOf(SearchIndexRecords.Key(key)) is { } position
            ? Record(snapshot, position, options?.IncludeVectors ?? false) : null);
    }

    /// <inheritdoc/>
    public override async IAsyncEnumerable<TRecord> GetAsync(Expression<Func<TRecord, bool>> filter, int top,
        FilteredRecordRetrievalOptions<TRecord>? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        await Task.CompletedTask.ConfigureAwait(false);
        IndexSnapshot snapshot = Opened().Snapshot;
        Func<TRecord, bool> fits = filter.Compile();
        IEnumerable<TRecord> found = Enumerable.Range(0, snapshot.Chunks).Select(c => Record(snapshot, c, options?.IncludeVectors ?? false))
            .Where(fits);
        IOrderedEnumerable<TRecord>? ordered = null;
        foreach (var sort in options?.OrderBy?.Invoke(new FilteredRecordRetrievalOptions<TRecord>.OrderByDefinition()).Values ?? [])
        {
            Func<TRecord, object?> by = sort.PropertySelector.Compile();
            ordered = ordered is null ? (sort.Ascending ? found.OrderBy(by) : found.OrderByDescending(by))
                : sort.Ascending ? ordered.ThenBy(by) : ordered.ThenByDescending(by);
        }

        foreach (TRecord record in (ordered ?? found).Skip(options?.Skip ?? 0).Take(top))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return record;
        }
    }

    /// <inheritdoc/>
    public override object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(VectorStoreCollectionMetadata)
                ? new VectorStoreCollectionMetadata { VectorStoreSystemName = "heed", CollectionName = Name }
            : serviceType == typeof(SearchIndex) ? Opened()
            : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Close();
            _writing.Dispose();
        }

        base.Dispose(disposing);
    }

    private TRecord Record(IndexSnapshot snapshot, int position, bool withVector)
        => _records.Record<TRecord>(snapshot.DocumentOf(position).Metadata, withVector ? snapshot.Chunk(position).Vector : null);

    private SearchIndex Opened()
    {
        if (_index is { } open) return open;
        if (!IndexManifest.IsIn(_folder)) throw new VectorStoreException($"The collection {Name} does not exist; call "
            + $"EnsureCollectionExistsAsync.")
        {
            VectorStoreSystemName = "heed",
            CollectionName = Name,
        };
        SearchIndex opened = SearchIndex.Open(_folder);
        if (Interlocked.CompareExchange(ref _index, opened, null) is not { } other) return opened;
        opened.Dispose();
        return other;
    }

    private async Task Changing(Action<SearchIndexWriter> change, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await Task.Run(
                () =>
                {
                    _writer ??= SearchIndexWriter.Open(_folder, IndexManifest.IsIn(_folder) ? null : _settings);
                    change(_writer);
                    _index?.Refresh();
                },
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    private void Close()
    {
        _index?.Dispose();
        _writer?.Dispose();
        (_index, _writer) = (null, null);
    }
}
