using System.Linq.Expressions;
using System.Runtime.CompilerServices;
using Heed.Models.Embeddings;
using Heed.Retrieval;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace Heed.Extensions.AI;

public sealed partial class SearchIndexCollection<TKey, TRecord>
{
    /// <inheritdoc/>
    public override IAsyncEnumerable<VectorSearchResult<TRecord>> SearchAsync<TInput>(
        TInput searchValue, int top, VectorSearchOptions<TRecord>? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new VectorSearchOptions<TRecord>();
        _ = _model.GetVectorPropertyOrSingle(options);
        return FindAsync(searchValue, "", SearchMode.Vectors, top, options.Skip, options.Filter, options.IncludeVectors,
            options.ScoreThreshold,
            cancellationToken);
    }

    /// <summary>Searches by vector and words at once, joined by reciprocal ranks; the score is their sum.</summary>
    /// <inheritdoc/>
    public IAsyncEnumerable<VectorSearchResult<TRecord>> HybridSearchAsync<TInput>(TInput searchValue, ICollection<string> keywords,
        int top,
        HybridSearchOptions<TRecord>? options = null, CancellationToken cancellationToken = default)
        where TInput : notnull
    {
        ArgumentNullException.ThrowIfNull(keywords);
        options ??= new HybridSearchOptions<TRecord>();
        return FindAsync(searchValue, string.Join(' ', keywords), SearchMode.Hybrid, top, options.Skip, options.Filter,
            options.IncludeVectors,
            options.ScoreThreshold, cancellationToken);
    }

    private async IAsyncEnumerable<VectorSearchResult<TRecord>> FindAsync(object? searchValue, string words, SearchMode mode, int top,
        int skip,
        Expression<Func<TRecord, bool>>? filter, bool withVectors, double? least,
            [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(searchValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        SearchIndex index = Opened();
        if (index.Chunks == 0) yield break;
        ReadOnlyMemory<float>[] vector = await VectorsAsync([searchValue], cancellationToken).ConfigureAwait(false);
        Func<TRecord, bool>? fits = filter?.Compile();
        IReadOnlyList<SearchHit> hits = await index.SearchAsync(
            words,
            new SearchOptions
            {
                Top = checked(top + skip),
                Mode = mode,
                Vector = vector[0],
                Filter = fits is null ? null : SearchFilter.Where(metadata => fits(_records.Record<TRecord>(metadata, null))),
            },
            cancellationToken).ConfigureAwait(false);
        // The library's distances are negative, so that greater is nearer; the abstraction's are not.
        bool isDistance = mode == SearchMode.Vectors && _settings.Similarity == VectorSimilarity.Euclidean;
        IndexSnapshot snapshot = index.Snapshot;
        foreach (SearchHit hit in hits.Skip(skip))
        {
            double score = isDistance ? -hit.Score : hit.Score;
            if (least is { } threshold && (isDistance ? score > threshold : score < threshold)) yield break;
            float[]? own = withVectors && snapshot.PositionOf(hit.Key) is { } position ? snapshot.Chunk(position).Vector : null;
            yield return new VectorSearchResult<TRecord>(_records.Record<TRecord>(hit.Metadata, own), score);
        }
    }

    /// <summary>Vectors as they are given, or made by the embedding generator.</summary>
    private async Task<ReadOnlyMemory<float>[]> VectorsAsync(object?[] values, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<float>?[] given = [.. values.Select(SearchIndexRecords.Vector)];
        if (Array.Exists(given, v => v is null))
        {
            if (_model.VectorProperty.EmbeddingGenerator is null)
                throw new NotSupportedException($"{_model.VectorProperty.ModelName}: is "
                    + $"{values[Array.FindIndex(given, v => v is null)]?.GetType()
                    .Name ?? "null"}, and there is no embedding generator. Give a vector, or a generator to the collection.");
            IReadOnlyList<Embedding> made = await _model.VectorProperty.GenerateEmbeddingsAsync(values,
                cancellationToken).ConfigureAwait(false);
            given = [.. made.Select(m => (ReadOnlyMemory<float>?)((Embedding<float>)m).Vector)];
        }

        foreach (ReadOnlyMemory<float>? vector in given)
            if (vector!.Value.Length != _model.VectorProperty.Dimensions)
                throw new ArgumentException($"{_model.VectorProperty.ModelName}: has {vector.Value.Length} numbers; "
                    + $"{_model.VectorProperty.Dimensions} were defined.", nameof(values));
        return [.. given.Select(v => v!.Value)];
    }
}
