using Heed.Generation.Embeddings;
using Heed.Testing;

namespace Heed.Retrieval.Tests;

public class RerankerTests
{
    private static readonly string[] Texts = ["the card was charged twice", "late parcel", "a refund", "parcel"];

    [Fact]
    public async Task A_cross_encoder_orders_parts_as_the_model_ranks_them_alone_and_in_a_batch()
    {
        using PairScorer scorer = PairScorer.Open(Path.Combine(Repository.Goldens, "similarity", "folders", "cross-encoder"));
        CrossEncoderReranker reranker = new(scorer);
        RetrievalChunk[] chunks = [.. Texts.Select((t, i) => new RetrievalChunk(t, i)
        {
            Record = new Dictionary<string, object> { ["n"] = (long)i },
        })];
        IReadOnlyList<RankedDocument> expected = scorer.Rank("where is my parcel?", Texts);
        IReadOnlyList<RetrievalChunk> found = await reranker.RerankAsync("where is my parcel?", chunks);
        Assert.Equal(expected.Select(e => ((double)e.Score, (object)(long)e.Index)), found.Select(f => (f.Score, f.Record["n"])));
        IReadOnlyList<IReadOnlyList<RetrievalChunk>> both = await reranker.RerankBatchAsync(["money?", "where is my parcel?"],
            [chunks[..2], chunks]);
        Assert.Equal(found.Select(f => (f.Content, f.Score)), both[1].Select(f => (f.Content, f.Score)));
        Assert.Equal(2, both[0].Count);
        await Assert.ThrowsAsync<ArgumentException>(() => reranker.RerankBatchAsync(["a"], [chunks, chunks]));
        using CancellationTokenSource stop = new();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reranker.RerankAsync("a", chunks, stop.Token));
    }

    [Fact]
    public async Task A_search_reads_its_candidates_again()
    {
        using TemporaryFolder folder = new();
        using (SearchIndexWriter writer = SearchIndexWriter.Open(folder.Path))
        {
            for (int i = 0; i < Texts.Length; i++) writer.Put(new SearchDocument { Key = $"{i}", Text = Texts[i] });
            writer.Commit();
        }

        using SearchIndex index = SearchIndex.Open(folder.Path);
        SearchOptions options = new() { Top = 1, Reranker = new Backwards() };
        SearchHit hit = Assert.Single(await index.SearchAsync("late parcel", options));
        Assert.Equal(("3", 1.0), (hit.Key, hit.Score));
        Assert.Throws<ArgumentException>(() => index.Search("late parcel", options));
    }

    /// <summary>The default batch calls this one query after the other.</summary>
    private sealed class Backwards : IReranker
    {
        public Task<IReadOnlyList<RetrievalChunk>> RerankAsync(
            string query, IReadOnlyList<RetrievalChunk> chunks, CancellationToken cancellationToken = default)
            => Task.FromResult<IReadOnlyList<RetrievalChunk>>([.. chunks.Reverse().Select((c, i)
            => new RetrievalChunk(c.Content, 1.0 / (i + 1))
            {
                Record = c.Record,
            })]);
    }
}
