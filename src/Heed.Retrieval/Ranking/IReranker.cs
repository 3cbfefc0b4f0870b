using System.Collections.ObjectModel;

namespace Heed.Retrieval;

/// <summary>A part of a text that was found, and how well it fits.</summary>
/// <param name="content">The text.</param>
/// <param name="score">How well it fits: greater is better.</param>
public sealed class RetrievalChunk(string content, double score)
{
    /// <summary>The text.</summary>
    public string Content { get; } = content;

    /// <summary>How well it fits: greater is better.</summary>
    public double Score { get; } = score;

    /// <summary>What else is known of it.</summary>
    public IReadOnlyDictionary<string, object> Record { get; init; } = ReadOnlyDictionary<string, object>.Empty;
}

/// <summary>Reads parts that were found again, beside the query, and orders them.</summary>
/// <remarks>In the shape of the interface that dotnet/extensions proposes for Microsoft.Extensions.DataRetrieval (issue 7507): a query and
/// chunks in, chunks in their order out. A batch is added.</remarks>
public interface IReranker
{
    /// <summary>Orders parts by how well they answer a query.</summary>
    /// <param name="query">The query.</param>
    /// <param name="chunks">The parts, in any order.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The parts with the reranker's scores, best first; of equal scores the earlier part.</returns>
    Task<IReadOnlyList<RetrievalChunk>> RerankAsync(
        string query, IReadOnlyList<RetrievalChunk> chunks, CancellationToken cancellationToken = default);

    /// <summary>Orders the parts of several queries.</summary>
    /// <param name="queries">The queries.</param>
    /// <param name="chunks">The parts of each.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>What <see cref="RerankAsync"/> gives for each query.</returns>
    /// <exception cref="ArgumentException">There is not one list per query.</exception>
    async Task<IReadOnlyList<IReadOnlyList<RetrievalChunk>>> RerankBatchAsync(IReadOnlyList<string> queries,
        IReadOnlyList<IReadOnlyList<RetrievalChunk>> chunks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(chunks);
        if (queries.Count != chunks.Count)
            throw new ArgumentException($"There are {chunks.Count} lists for {queries.Count} queries; one each is needed.", nameof(chunks));
        IReadOnlyList<RetrievalChunk>[] ordered = new IReadOnlyList<RetrievalChunk>[queries.Count];
        for (int q = 0; q < ordered.Length; q++)
            ordered[q] = await RerankAsync(queries[q], chunks[q], cancellationToken).ConfigureAwait(false);
        return ordered;
    }
}
