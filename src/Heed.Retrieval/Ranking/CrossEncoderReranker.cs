using Heed.Generation.Embeddings;

namespace Heed.Retrieval;

/// <summary>Orders parts by a cross-encoder, which reads query and part at once.</summary>
public sealed class CrossEncoderReranker : IReranker
{
    private readonly PairScorer _scorer;

    /// <summary>Takes a cross-encoder, which stays the caller's.</summary>
    /// <param name="scorer">The model; it gives one number per pair.</param>
    /// <exception cref="InputException">It gives more than one.</exception>
    public CrossEncoderReranker(PairScorer scorer)
    {
        ArgumentNullException.ThrowIfNull(scorer);
        _scorer = scorer.Outputs == 1 ? scorer : throw new InputException($"The model gives {scorer.Outputs} numbers per pair; parts are "
            + "ordered by one. Open a cross-encoder with one label, such as cross-encoder/ms-marco-MiniLM-L6-v2.");
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RetrievalChunk>> RerankAsync(
        string query, IReadOnlyList<RetrievalChunk> chunks, CancellationToken cancellationToken = default)
        => (await RerankBatchAsync([query], [chunks], cancellationToken).ConfigureAwait(false))[0];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<IReadOnlyList<RetrievalChunk>>> RerankBatchAsync(IReadOnlyList<string> queries,
        IReadOnlyList<IReadOnlyList<RetrievalChunk>> chunks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(chunks);
        if (queries.Count != chunks.Count)
            throw new ArgumentException($"There are {chunks.Count} lists for {queries.Count} queries; one each is needed.", nameof(chunks));
        TextPair[] pairs = [.. queries.SelectMany((query, q) => chunks[q].Select(c => new TextPair(query, c.Content)))];
        IReadOnlyList<float[]> scores = await _scorer.ScoreAsync(pairs, cancellationToken).ConfigureAwait(false);
        int at = 0;
        return [.. chunks.Select(list => (IReadOnlyList<RetrievalChunk>)[.. list
            .Select(c => new RetrievalChunk(c.Content, scores[at++][0]) { Record = c.Record }).OrderByDescending(c => c.Score)])];
    }
}
