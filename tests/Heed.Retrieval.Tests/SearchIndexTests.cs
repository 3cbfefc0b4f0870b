using System.Diagnostics;
using Heed.Engine.Runtime;
using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;
using Heed.Testing;

namespace Heed.Retrieval.Tests;

/// <summary>An index on disk: equal to brute force, whatever its history, and whole after a kill.</summary>
public class SearchIndexTests
{
    private const string VictimFolder = "HEED_TEST_SEARCH_VICTIM";

    private static readonly string[] Words = ["refund", "parcel", "card", "bank", "the", "was", "order", "late", "twice", "money",
        "shop", "a"];
    private static readonly string[] Queries = ["the refund", "card charged twice", "late parcel parcel", "bank", "nothing known",
        "a the was"];

    private static string Model => Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");

    [Theory]
    [InlineData(Bm25Form.Lucene)]
    [InlineData(Bm25Form.Plus)]
    [InlineData(Bm25Form.L)]
    public void Words_rank_as_in_memory_to_the_bit(Bm25Form form)
    {
        using TemporaryFolder folder = new();
        SearchDocument[] documents = Documents(300);
        Bm25Options options = new() { Form = form };
        Build(folder.Path, documents, new SearchIndexSettings { Words = options, ChunksPerCommit = 37 });
        SearchDocument[] sorted = [.. documents.OrderBy(d => d.Key, StringComparer.Ordinal)];
        Bm25 memory = new(sorted.Select(d => d.Text), options);
        using SearchIndex index = SearchIndex.Open(folder.Path);
        Assert.Equal((300, 300), (index.Documents, index.Chunks));
        foreach (string query in Queries)
        {
            Assert.Equal(memory.Search(query, 25).Select(r => (sorted[r.Item].Key, r.Score)),
                index.Search(query, new SearchOptions { Top = 25 }).Select(h => (h.Key, h.Score)));
        }
    }

    [Theory]
    [InlineData(VectorFormat.Float32)]
    [InlineData(VectorFormat.Float16)]
    public void Vectors_hybrids_and_filters_rank_as_brute_force_to_the_bit_for_any_threads(VectorFormat format)
    {
        using TemporaryFolder folder = new();
        SearchDocument[] documents = [.. Documents(260).Select((d, i) => d with
        {
            Vector = Vector(i % 50),
            Metadata = new Dictionary<string, object> { ["year"] = 2000 + (i % 7), ["tag"] = i % 2 == 0 ? "even" : "odd" },
        })];
        Build(folder.Path, documents, new SearchIndexSettings { Vectors = format, ChunksPerCommit = 50 });
        SearchDocument[] sorted = [.. documents.OrderBy(d => d.Key, StringComparer.Ordinal)];
        PackedVectors packed = PackedVectors.Pack([.. sorted.SelectMany(d => d.Vector!.Value.ToArray())], 24, format);
        Bm25 words = new(sorted.Select(d => d.Text));
        using SearchIndex index = SearchIndex.Open(folder.Path);
        foreach (int threads in (int[])[1, 2])
        {
            using ComputeContext context = new(new ComputeOptions { Threads = threads });
            using ContextScope scope = context.Enter();
            foreach (string filter in (string[])["year>=1999", "year>=2003 and tag=even"])
            {
                bool Fits(int i) => filter == "year>=1999"
                    || (Convert.ToInt64(sorted[i].Metadata["year"]) >= 2003 && sorted[i].Metadata["tag"] is "even");
                float[] query = [.. Vector(3).Select((v, i) => v + (i * 0.01f))];
                SearchOptions options = new() { Top = 30, Vector = query, Filter = SearchFilter.Parse(filter), Mode = SearchMode.Vectors };
                Ranked[] near = [.. Enumerable.Range(0, sorted.Length).Where(Fits)
                    .Select(i => new Ranked(i, VectorSimilarity.Cosine.Of(query, packed[i]))).OrderByDescending(r => r.Score).Take(100)];
                Assert.Equal(near.Take(30).Select(r => (sorted[r.Item].Key, r.Score)),
                    index.Search("", options).Select(h => (h.Key, h.Score)));
                double[] scores = words.Scores("late parcel");
                int[] matching = [.. Enumerable.Range(0, sorted.Length).Where(i => Fits(i) && scores[i] > 0)
                    .OrderByDescending(i => scores[i]).Take(100)];
                IReadOnlyList<Ranked> fused = RankFusion.Reciprocal([[.. near.Select(r => r.Item)], matching]);
                Assert.Equal(fused.Take(30).Select(r => (sorted[r.Item].Key, r.Score)),
                    index.Search("late parcel", options with { Mode = null }).Select(h => (h.Key, h.Score)));
            }
        }
    }

    [Fact]
    public void The_same_documents_give_the_same_results_whatever_the_history()
    {
        using TemporaryFolder folder = new();
        SearchDocument[] documents = Documents(120);
        Build(folder.File("once"), documents, null);
        using (SearchIndexWriter writer = SearchIndexWriter.Open(folder.File("often"), new SearchIndexSettings { ChunksPerCommit = 3 }))
        {
            Random random = new(1);
            for (int round = 0; round < 240; round++)
            {
                int i = random.Next(documents.Length);
                if (random.Next(3) == 0) writer.Remove(documents[i].Key);
                else writer.Put(documents[i] with { Text = $"draft {round} {documents[i].Text}" });
            }

            foreach (SearchDocument document in documents.AsEnumerable().Reverse()) writer.Put(document);
            writer.Put(documents[0] with { Key = "gone" });
            writer.Remove("gone");
            writer.Commit();
            Assert.Equal(120, writer.Documents);
            Assert.False(writer.Put(documents[5]));
            Assert.True(Directory.GetFiles(folder.File("often"), "*.safetensors").Length < 40, "segments are put together");
        }

        using SearchIndex once = SearchIndex.Open(folder.File("once")), often = SearchIndex.Open(folder.File("often"));
        foreach (string query in Queries)
            Assert.Equal(once.Search(query).Select(h => (h.Key, h.Score, h.Text)), often.Search(query).Select(h
                => (h.Key, h.Score, h.Text)));
    }

    [Fact]
    public void A_reader_sees_a_commit_after_looking_again()
    {
        using TemporaryFolder folder = new();
        Build(folder.Path, Documents(4), null);
        using SearchIndex index = SearchIndex.Open(folder.Path);
        using (SearchIndexWriter writer = SearchIndexWriter.Open(folder.Path))
        {
            writer.Put(new SearchDocument { Key = "new", Text = "zebra" });
            Assert.Empty(index.Search("zebra"));
            writer.Commit();
            StorageException locked = Assert.Throws<StorageException>(() => SearchIndexWriter.Open(folder.Path));
            Assert.Contains("another process is changing this index", locked.Message, StringComparison.Ordinal);
        }

        Assert.Empty(index.Search("zebra"));
        index.Refresh();
        SearchHit hit = Assert.Single(index.Search("zebra"));
        Assert.Equal(("new", 0, 5, "zebra"), (hit.Key, hit.Start, hit.End, hit.Text));
    }

    [Fact]
    public async Task A_killed_build_loses_nothing_that_was_committed_and_resumes()
    {
        using TemporaryFolder folder = new();
        Random random = new(3);
        int committed = 0;
        for (int kill = 0; kill < 3; kill++)
        {
            ProcessStartInfo start = new(Environment.ProcessPath!,
                ["-method", $"{typeof(SearchIndexTests).FullName}.{nameof(Builds_without_end_when_started_as_the_victim)}"])
            { RedirectStandardOutput = true };
            start.Environment[VictimFolder] = folder.Path;
            using Process child = Process.Start(start)!;
            Task<string> output = child.StandardOutput.ReadToEndAsync();
            string ready = folder.File("committed");
            for (int waited = 0; Committed(ready) <= committed && waited < 1200 && !child.HasExited; waited++) Thread.Sleep(25);
            Thread.Sleep(random.Next(120));
            child.Kill();
            child.WaitForExit();
            int said = Committed(ready);
            Assert.True(said > committed, await output);
            committed = said;
            using SearchIndex index = SearchIndex.Open(folder.File("index"));
            HashSet<string> keys = [.. index.Search("common", new SearchOptions { Top = 1 << 20 }).Select(h => h.Key)];
            for (int i = 0; i < said; i++) Assert.Contains($"doc {i}", keys);
        }
    }

    [Fact]
    public void Builds_without_end_when_started_as_the_victim()
    {
        string? folder = Environment.GetEnvironmentVariable(VictimFolder);
        Assert.SkipWhen(folder is null, "runs only as the child process of the test that kills it");
        using SearchIndexWriter writer = SearchIndexWriter.Open(Path.Combine(folder!, "index"),
            new SearchIndexSettings { ChunksPerCommit = 1000 });
        for (int i = writer.Documents; ; i++)
        {
            writer.Put(new SearchDocument { Key = $"doc {i}", Text = $"common word number{i}" });
            if (i % 5 != 4) continue;
            writer.Commit();
            DurableFile.WriteText(Path.Combine(folder!, "committed"), $"{i + 1}");
        }
    }

    [Fact]
    public void A_model_embeds_documents_and_queries_and_another_one_is_refused()
    {
        using TemporaryFolder folder = new();
        using TextEmbedder embedder = TextEmbedder.Open(Model);
        string[] texts = ["the card was charged twice", "the parcel is late", "# Refunds\n\nMoney comes back.\n\n## Cards\n\nWithin a "
            + "week."];
        using (SearchIndexWriter writer = SearchIndexWriter.Open(folder.Path, embedder: embedder))
        {
            for (int i = 0; i < texts.Length; i++)
                writer.Put(new SearchDocument
                {
                    Key = $"{i}",
                    Text = texts[i],
                    Form = i == 2 ? DocumentForm.Markdown
                    : DocumentForm.Plain
                });
            writer.Calibrate();
        }

        using SearchIndex index = SearchIndex.Open(folder.Path, embedder);
        Assert.Equal((3, 4, embedder.Dimensions), (index.Documents, index.Chunks, index.Dimensions));
        float[] query = embedder.Embed("late parcel", new EmbeddingOptions { Purpose = EmbeddingPurpose.Query });
        SearchHit[] hits = [.. index.Search("late parcel", new SearchOptions { Mode = SearchMode.Vectors })];
        Assert.Equal(4, hits.Length);
        foreach (SearchHit hit in hits)
        {
            string read = hit.Heading.Length > 0 ? $"{hit.Heading}\n{hit.Text}" : hit.Text;
            float[] vector = embedder.Embed(read, new EmbeddingOptions { Purpose = EmbeddingPurpose.Document });
            Assert.Equal(embedder.Similarity(query, vector), hit.Score);
        }

        Assert.Equal(3, index.Search("late parcel", new SearchOptions { Mode = SearchMode.Vectors, OnePerDocument = true }).Count);
        using TextEmbedder other = TextEmbedder.Open(Path.Combine(Repository.Goldens, "similarity", "folders", "bert-sqrt-weighted"));
        InputException wrong = Assert.Throws<InputException>(() => SearchIndex.Open(folder.Path, other));
        Assert.Contains("were made by bert-mean", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("name this model", Assert.Throws<InputException>(()
            => SearchIndexWriter.Open(folder.Path)).Message, StringComparison.Ordinal);
        using SearchIndex plain = SearchIndex.Open(folder.Path);
        Assert.Equal("1", plain.Search("late parcel")[0].Key);
        Assert.Throws<InputException>(() => plain.Search("late", new SearchOptions { Mode = SearchMode.Vectors }));
    }

    [Fact]
    public void Damaged_files_are_named()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("holds no index", Assert.Throws<StorageException>(()
            => SearchIndex.Open(folder.Path)).Message, StringComparison.Ordinal);
        Build(folder.Path, Documents(5), null);
        string json = File.ReadAllText(folder.File("index.json"));
        foreach ((string from, string to) in ((string, string)[])[("\"heed-search\"", "\"other\""), ("\"chunks\": 5", "\"chunks\": 6"),
            ("000001.safetensors", "../x"), ("\"removed\": []", "\"removed\": [9]"), ("\"Lucene\"", "\"Nonsense\"")])
        {
            Assert.Contains(from, json, StringComparison.Ordinal);
            File.WriteAllText(folder.File("index.json"), json.Replace(from, to, StringComparison.Ordinal));
            Assert.Contains("index.json", Assert.Throws<InvalidFileException>(()
                => SearchIndex.Open(folder.Path)).Message, StringComparison.Ordinal);
        }
    }

    private static void Build(string folder, IEnumerable<SearchDocument> documents, SearchIndexSettings? settings)
    {
        using SearchIndexWriter writer = SearchIndexWriter.Open(folder, settings);
        foreach (SearchDocument document in documents) Assert.True(writer.Put(document));
        writer.Commit();
    }

    /// <summary>Documents of few words, some equal to others.</summary>
    private static SearchDocument[] Documents(int count) => [.. Enumerable.Range(0, count).Select(i =>
    {
        Random random = new(i % 40);
        return new SearchDocument
        {
            Key = $"key {(i * 7919) % 1000}-{i}",
            Text = string.Join(' ', Enumerable.Range(0, random.Next(0, 15)).Select(_ => Words[random.Next(Words.Length)])) + " end",
        };
    })];

    private static float[] Vector(int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, 24).Select(_ => (float)((2 * random.NextDouble()) - 1))];
    }

    private static int Committed(string file)
        => File.Exists(file) && int.TryParse(File.ReadAllText(file), out int count) ? count : 0;
}
