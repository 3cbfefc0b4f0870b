using Heed.Checkpoints;
using Heed.Generation.Embeddings;
using Heed.Testing;

namespace Heed.Generation.Tests.Embeddings;

/// <summary>Embedders and scorers open as models do: from any store, without blocking, with progress and a stop.</summary>
public sealed class OpeningTests
{
    private static readonly string[] Texts = ["The parcel never arrived.", "Refund of 67.50 EUR", "a"];

    private static string Golden(string name) => Path.Combine(Repository.Goldens, "similarity", "folders", name);

    [Theory]
    [InlineData("bert-cls-dense-normalize")]
    [InlineData("static")]
    public async Task An_embedder_opens_from_memory_and_gives_the_vectors_of_its_folder(string name)
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        using TextEmbedder disk = TextEmbedder.Open(Golden(name));
        using TextEmbedder memory = await TextEmbedder.OpenAsync(ModelFilesOfFolder.InMemory(Golden(name)), cancellationToken: stop);
        using TextEmbedder later = await TextEmbedder.OpenAsync(Golden(name), cancellationToken: stop);
        IReadOnlyList<float[]> expected = disk.Embed(Texts);
        Assert.Equal(expected, memory.Embed(Texts));
        Assert.Equal(expected, await later.EmbedAsync(Texts, cancellationToken: stop));
        Assert.Equal(expected[0], await later.EmbedAsync(Texts[0], cancellationToken: stop));
        Assert.Equal("memory", memory.Folder);
    }

    [Fact]
    public async Task A_scorer_opens_from_memory_with_progress_and_ranks_as_from_its_folder()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        List<LoadProgress> seen = [];
        using PairScorer disk = PairScorer.Open(Golden("cross-encoder"));
        using PairScorer memory = await PairScorer.OpenAsync(
            ModelFilesOfFolder.InMemory(Golden("cross-encoder")), progress: new Reporter<LoadProgress>(seen.Add), cancellationToken: stop);
        using PairScorer later = await PairScorer.OpenAsync(Golden("cross-encoder"), cancellationToken: stop);
        Assert.Equal(seen[^1].TotalBytes, seen[^1].Bytes);
        TextPair[] pairs = [.. Texts.Select(text => new TextPair("Where is my parcel?", text))];
        IReadOnlyList<float[]> expected = disk.Score(pairs);
        Assert.Equal(expected, memory.Score(pairs));
        Assert.Equal(expected, await later.ScoreAsync(pairs, stop));
        Assert.Equal(disk.Rank("Where is my parcel?", Texts, 2), await memory.RankAsync("Where is my parcel?", Texts, 2, stop));
    }

    [Fact]
    public async Task Opening_and_calls_are_stopped()
    {
        using CancellationTokenSource source = new();
        int tensors = 0;
        Reporter<LoadProgress> progress = new(_ =>
        {
            if (++tensors == 3) source.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => TextEmbedder.OpenAsync(Golden("bert-mean"), progress: progress, cancellationToken: source.Token));
        Assert.Equal(3, tensors);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PairScorer.OpenAsync(Golden("cross-encoder"), cancellationToken: source.Token));
        using PairScorer scorer = PairScorer.Open(Golden("cross-encoder"));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scorer.RankAsync("a", Texts, cancellationToken: source.Token));
        using TextEmbedder embedder = TextEmbedder.Open(Golden("bert-mean"));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => embedder.EmbedAsync(Texts, cancellationToken: source.Token));
    }

    [Fact]
    public void A_name_that_is_neither_a_folder_nor_pulled_says_how_to_pull_it()
    {
        foreach (Action open in (Action[])[() => TextEmbedder.Open("heed-tests/none"), () => PairScorer.Open("heed-tests/none")])
            Assert.Contains("heed pull heed-tests/none", Assert.Throws<StorageException>(open).Message, StringComparison.Ordinal);
    }

    /// <summary>Each reader asks the store; the store is read once.</summary>
    [Theory]
    [InlineData("bert-cls-dense-normalize")]
    [InlineData("bert-mean-normalize-old")]
    [InlineData("qwen3-last-normalize")]
    [InlineData("static")]
    public void Each_small_file_is_read_once_when_an_embedder_opens(string name)
    {
        CountingFiles files = new(new FolderModelFiles(Golden(name)));
        TextEmbedder.Open(files).Dispose();
        AssertOnce(files);
        if (name == "static") return;
        CountingFiles model = new(new FolderModelFiles(Golden(name)));
        HeedModel.Open(model).Dispose();
        AssertOnce(model);
    }

    [Theory]
    [InlineData("cross-encoder")]
    [InlineData("cross-encoder-labels-old")]
    public void Each_small_file_is_read_once_when_a_scorer_opens(string name)
    {
        CountingFiles files = new(new FolderModelFiles(Golden(name)));
        PairScorer.Open(files).Dispose();
        AssertOnce(files);
    }

    [Fact]
    public void A_file_that_could_not_be_read_is_looked_for_again()
    {
        MemoryModelFiles empty = new([]);
        IModelFiles once = empty.ReadOnce();
        Assert.Same(once, once.ReadOnce());
        Assert.Throws<StorageException>(() => once.Open("config.json"));
        Assert.False(once.Contains("config.json"));
    }

    private static void AssertOnce(CountingFiles files)
    {
        Assert.Equal(1, files.Opened["tokenizer.json"]);
        Assert.All(files.Opened, file => Assert.True(file.Value == 1, $"{file.Key} is opened {file.Value} times"));
    }

    private sealed class CountingFiles(IModelFiles files) : IModelFiles
    {
        public SortedDictionary<string, int> Opened { get; } = new(StringComparer.Ordinal);

        public string Location => files.Location;

        public bool Contains(string name) => files.Contains(name);

        public IReadOnlyList<string> List(string folder) => files.List(folder);

        public string PathOf(string name) => files.PathOf(name);

        public ModelFile Open(string name)
        {
            Opened[name] = Opened.GetValueOrDefault(name) + 1;
            return files.Open(name);
        }
    }
}
