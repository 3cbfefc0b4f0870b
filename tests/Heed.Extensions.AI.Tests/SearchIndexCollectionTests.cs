using Heed.Generation.Embeddings;
using Heed.Retrieval;
using Heed.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData;

namespace Heed.Extensions.AI.Tests;

/// <summary>The index behind Microsoft.Extensions.VectorData, and the embedder behind Microsoft.Extensions.AI.</summary>
public class SearchIndexCollectionTests
{
    private static readonly Hotel[] Hotels =
    [
        new() { Id = 7, Name = "Sea View", Text = "quiet rooms by the sea", Stars = 4, Tags = ["sea", "quiet"], Vector = new float[] { 1,
            0, 0 } },
        new() { Id = 2, Name = "Central", Text = "rooms near the station", Stars = 3, Price = 80.5, Tags = [], Vector = new float[] { 0,
            1, 0 } },
        new() { Id = 5, Name = "Harbour", Text = "loud, by the sea", Stars = 2, Tags = ["sea"], Vector = new float[] { 0.9f, 0.1f, 0 } },
    ];

    [Fact]
    public async Task Records_are_kept_found_and_removed()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("hotels");
        using (SearchIndexCollection<int, Hotel> hotels = new(path))
        {
            Assert.Equal("hotels", hotels.Name);
            Assert.False(await hotels.CollectionExistsAsync());
            await Assert.ThrowsAsync<VectorStoreException>(() => hotels.GetAsync(7));
            await hotels.EnsureCollectionExistsAsync();
            Assert.True(await hotels.CollectionExistsAsync());
            Assert.Empty(await All(hotels.SearchAsync(new float[] { 1, 0, 0 }, 3)));
            await hotels.UpsertAsync(Hotels);
            List<VectorSearchResult<Hotel>> near = await All(hotels.SearchAsync(new float[] { 1, 0, 0 }, 2));
            Assert.Equal([7, 5], near.Select(r => r.Record.Id));
            Assert.Equal(1, near[0].Score);
            Assert.True(near[0].Record.Vector.IsEmpty);
            Assert.Equal((4, null, "quiet rooms by the sea"), (near[0].Record.Stars, near[0].Record.Price, near[0].Record.Text));
            Assert.Equal(["sea", "quiet"], near[0].Record.Tags);
        }

        using SearchIndexCollection<int, Hotel> again = new(path);
        Hotel central = (await again.GetAsync(2, new RecordRetrievalOptions { IncludeVectors = true }))!;
        Assert.Equal((80.5, 1f), (central.Price, central.Vector.Span[1]));
        await again.UpsertAsync(new Hotel
        {
            Id = 2,
            Name = "Central",
            Text = "closed",
            Stars = 1,
            Tags = [],
            Vector = new float[] { 0, 0,
            1 }
        });
        Assert.Equal("closed", (await again.GetAsync(2))!.Text);
        await again.DeleteAsync(7);
        Assert.Null(await again.GetAsync(7));
        Assert.Equal([5, 2], (await All(again.SearchAsync(new float[] { 1, 0, 0 }, 5))).Select(r => r.Record.Id));
        await again.EnsureCollectionDeletedAsync();
        Assert.False(await again.CollectionExistsAsync());
        Assert.False(Directory.Exists(path));
    }

    [Fact]
    public async Task Filters_orders_thresholds_and_pages_count()
    {
        using TemporaryFolder folder = new();
        using SearchIndexCollection<int, Hotel> hotels = new(folder.File("hotels"));
        await hotels.UpsertAsync(Hotels);
        float[] query = [1, 0, 0];
        Assert.Equal([5], (await All(hotels.SearchAsync(query, 5, new() { Filter = h => h.Stars < 3 }))).Select(r => r.Record.Id));
        Assert.Equal([5, 2], (await All(hotels.SearchAsync(query, 2, new() { Skip = 1 }))).Select(r => r.Record.Id));
        Assert.Equal([7, 5], (await All(hotels.SearchAsync(query, 5, new() { ScoreThreshold = 0.5 }))).Select(r => r.Record.Id));
        Assert.Equal([7], (await All(hotels.HybridSearchAsync(query, ["quiet", "sea"], 1))).Select(r => r.Record.Id));
        Assert.Equal([7, 2], (await All(hotels.GetAsync(h => h.Stars >= 3, 5, new() { OrderBy = o => o.Descending(h => h.Stars) })))
            .Select(h => h.Id));
        VectorSearchResult<Hotel> with = Assert.Single(await All(hotels.SearchAsync(query, 1, new() { IncludeVectors = true })));
        Assert.Equal(query, with.Record.Vector.ToArray());
        await Assert.ThrowsAsync<ArgumentException>(async () => await All(hotels.SearchAsync(new float[] { 1 }, 1)));
        await Assert.ThrowsAsync<NotSupportedException>(async () => await All(hotels.SearchAsync("a text", 1)));
    }

    [Fact]
    public async Task Dictionaries_distances_and_generated_vectors_work()
    {
        using TemporaryFolder folder = new();
        using TextEmbedder embedder = TextEmbedder.Open(Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean"));
        using HeedEmbeddingGenerator generator = new(embedder);
        VectorStoreCollectionDefinition definition = new()
        {
            Properties =
            [
                new VectorStoreKeyProperty("id", typeof(string)),
                new VectorStoreDataProperty("text", typeof(string)) { IsFullTextIndexed = true },
                new VectorStoreVectorProperty("vector", typeof(string),
                    embedder.Dimensions) { DistanceFunction = DistanceFunction.EuclideanDistance },
            ],
        };
        using SearchIndexCollection<object, Dictionary<string, object?>> texts = new(folder.File("texts"), definition, generator);
        await texts.UpsertAsync([Row("a", "the parcel is late"), Row("b", "a refund was paid")]);
        List<VectorSearchResult<Dictionary<string, object?>>> found = await All(texts.SearchAsync("a refund was paid", 2));
        Assert.Equal(["b", "a"], found.Select(f => f.Record["id"]));
        Assert.Equal(0, found[0].Score!.Value, 5);
        Assert.True(found[1].Score > 0);
        Assert.Throws<NotSupportedException>(() => new SearchIndexCollection<int, Wrong>(folder.File("wrong")));

        static Dictionary<string, object?> Row(string id, string text) => new() { ["id"] = id, ["text"] = text, ["vector"] = text };
    }

    [Fact]
    public async Task The_generator_gives_the_embedders_vectors()
    {
        using TextEmbedder embedder = TextEmbedder.Open(Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean"));
        using HeedEmbeddingGenerator generator = new(embedder);
        GeneratedEmbeddings<Embedding<float>> made = await generator.GenerateAsync(["one", "two words"]);
        Assert.Equal(embedder.Embed("two words"), made[1].Vector.ToArray());
        Assert.Equal(embedder.Ids("one").Count + embedder.Ids("two words").Count, made.Usage!.InputTokenCount);
        Assert.Equal(4, (await generator.GenerateAsync(["one"], new EmbeddingGenerationOptions { Dimensions = 4 }))[0].Dimensions);
        Assert.Equal("bert-mean", generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelId);
        Assert.Same(embedder, generator.GetService<TextEmbedder>());
        Assert.Empty(await generator.GenerateAsync([]));
    }

    private static async Task<List<T>> All<T>(IAsyncEnumerable<T> items)
    {
        List<T> all = [];
        await foreach (T item in items) all.Add(item);
        return all;
    }

    private sealed class Hotel
    {
        [VectorStoreKey]
        public int Id { get; set; }

        [VectorStoreData]
        public string? Name { get; set; }

        [VectorStoreData(IsFullTextIndexed = true)]
        public string? Text { get; set; }

        [VectorStoreData(IsIndexed = true)]
        public int Stars { get; set; }

        [VectorStoreData]
        public double? Price { get; set; }

        [VectorStoreData]
        public List<string>? Tags { get; set; }

        [VectorStoreVector(3)]
        public ReadOnlyMemory<float> Vector { get; set; }
    }

    private sealed class Wrong
    {
        [VectorStoreKey]
        public int Id { get; set; }

        [VectorStoreVector(3, DistanceFunction = DistanceFunction.HammingDistance)]
        public ReadOnlyMemory<float> Vector { get; set; }
    }
}
