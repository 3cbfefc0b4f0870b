using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;
using Heed.Testing;

namespace Heed.Generation.Tests.Embeddings;

/// <summary>Folders of sentence-transformers with which the reference is known to do something particular: docs/reference-behaviour.md
/// lists them.</summary>
public sealed class TextEmbedderReferenceTests : IDisposable
{
    private const string Long = "the parcel never arrived at all and the refund of the parcel never arrived";
    private readonly TemporaryFolder _folder = new();

    public TextEmbedderReferenceTests()
    {
        string source = Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string target = _folder.File(Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"pooling_mode": ["max", "mean"]}""", new[] { Pooling.Max, Pooling.Mean })]
    [InlineData("""{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true, "pooling_mode_cls_token": true}""", new[] { Pooling.First, Pooling.Max, Pooling.Mean })]
    [InlineData("""{"pooling_mode_lasttoken": true, "pooling_mode_weightedmean_tokens": true, "pooling_mode_mean_sqrt_len_tokens": true}""", new[] { Pooling.MeanSqrtLength, Pooling.WeightedMean, Pooling.Last })]
    [InlineData("""{"pooling_mode_mean_tokens": false}""", new[] { Pooling.Mean })]
    [InlineData("""{"embedding_dimension": 7}""", new[] { Pooling.Mean })]
    public void Poolings_are_joined_in_their_order(string pooling, Pooling[] expected)
    {
        Write("1_Pooling/config.json", pooling);
        using SentenceEmbedder embedder = SentenceEmbedder.Load(_folder.Path);
        Assert.Equal(expected, embedder.Poolings);
        Assert.Equal(24 * expected.Length, embedder.Width);
    }

    [Theory]
    [InlineData("mean_sqrt_len")]
    [InlineData("median")]
    public void A_pooling_that_is_unknown_or_missing_is_refused(string mode)
    {
        Write("1_Pooling/config.json", $$"""{"pooling_mode": "{{mode}}"}""");
        Assert.Contains(mode, Assert.Throws<InvalidFileException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
        File.Delete(_folder.File("1_Pooling/config.json"));
        Assert.Contains("1_Pooling", Assert.Throws<StorageException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", 5, 5)]
    [InlineData("""{"max_seq_length": null}""", 5, 5)]
    [InlineData("""{"max_seq_length": null}""", null, 40)]        // the positions
    [InlineData("""{"max_seq_length": 4}""", 9, 4)]
    [InlineData("""{"max_seq_length": 7}""", 5, 7)]
    [InlineData("""{"max_seq_length": 1}""", 5, int.MaxValue)]    // no room for a word
    public void The_folders_length_counts_and_without_it_the_shorter_of_two(string settings, int? tokenizer, int expected)
    {
        Write("sentence_bert_config.json", settings);
        Change("tokenizer_config.json", json => json["model_max_length"] = tokenizer);
        Change("config.json", json => Assert.Equal(40, json["max_position_embeddings"]!.GetValue<int>()));
        using TextEmbedder embedder = Open();
        Assert.Equal(expected, embedder.MaximumLength);
        if (expected < 12) Assert.Equal(expected, embedder.Ids(Long).Count);
    }

    [Fact]
    public void A_length_above_the_positions_cuts_later_than_the_model_can_read()
    {
        Write("sentence_bert_config.json", """{"max_seq_length": 200}""");
        using TextEmbedder embedder = Open();
        string text = string.Join(' ', Enumerable.Repeat(Long, 5));
        Assert.Contains("positions", Assert.Throws<InputException>(() => embedder.Embed(text)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("512.0", 40)]
    [InlineData("1e30", 40)]
    [InlineData("-1", null)]
    [InlineData("2.5", null)]
    [InlineData("\"long\"", null)]
    public void A_length_of_the_tokenizer_is_a_whole_number(string value, int? expected)
    {
        Write("sentence_bert_config.json", "{}");
        Change("tokenizer_config.json", json => json["model_max_length"] = JsonNode.Parse(value));
        if (expected is null)
        {
            Assert.Contains("$.model_max_length", Assert.Throws<InvalidFileException>(() => Open().Dispose()).Message, StringComparison.Ordinal);
            return;
        }

        using TextEmbedder embedder = Open();
        Assert.Equal(expected, embedder.MaximumLength);
    }

    [Fact]
    public void The_older_name_of_the_length_is_read()
    {
        Write("sentence_bert_config.json", "{}");
        Change("tokenizer_config.json", json =>
        {
            json.Remove("model_max_length");
            json["max_len"] = 6;
        });
        using TextEmbedder embedder = Open();
        Assert.Equal(6, embedder.MaximumLength);
    }

    [Fact]
    public void Older_names_of_the_settings_are_read()
    {
        File.Delete(_folder.File("sentence_bert_config.json"));
        Write("sentence_roberta_config.json", """{"max_seq_length": 6}""");
        using TextEmbedder embedder = Open();
        Assert.Equal(6, embedder.MaximumLength);
    }

    [Fact]
    public void Prompts_go_by_the_call_then_by_the_folders_default()
    {
        float[] Plain(string text) => Embed(text, null);
        float[] asked = Plain("ask: a"), found = Plain("a");
        Change("config_sentence_transformers.json", json =>
        {
            json["prompts"] = JsonNode.Parse("""{"ask": "ask: ", "passage": "p: "}""");
            json["default_prompt_name"] = "ask";
        });
        Assert.Equal(asked, Embed("a", null));
        Assert.Equal(found, Embed("a", new EmbeddingOptions { Prompt = "" }));
        Assert.Equal(asked, Embed("a", new EmbeddingOptions { PromptName = "ask" }));
        Assert.Equal(found, Embed("a", new EmbeddingOptions { Purpose = EmbeddingPurpose.Query }));       // never the default
        Assert.Equal(found, Embed("a", new EmbeddingOptions { Purpose = EmbeddingPurpose.Document }));    // nor "passage"
        Assert.Throws<InputException>(() => Embed("a", new EmbeddingOptions { PromptName = "nobody" }));
    }

    [Theory]
    [InlineData(8, 8)]
    [InlineData(100, 24)]
    public void Vectors_are_cut_at_the_end_as_far_as_they_reach(int dimensions, int expected)
    {
        float[] whole = Embed("a", null);
        Change("config_sentence_transformers.json", json => json["truncate_dim"] = dimensions);
        Assert.Equal(whole[..expected], Embed("a", null));
    }

    [Theory]
    [InlineData("cosine", VectorSimilarity.Cosine)]
    [InlineData("dot", VectorSimilarity.Dot)]
    [InlineData("euclidean", VectorSimilarity.Euclidean)]
    [InlineData("manhattan", VectorSimilarity.Manhattan)]
    [InlineData(null, VectorSimilarity.Cosine)]
    public void Similarities_have_the_references_names(string? name, VectorSimilarity expected)
    {
        Change("config_sentence_transformers.json", json => json["similarity_fn_name"] = name);
        using TextEmbedder embedder = Open();
        Assert.Equal(expected, embedder.Settings.Similarity);
        if (expected is VectorSimilarity.Euclidean or VectorSimilarity.Manhattan) Assert.True(embedder.Similarity([1, 2], [2, 4]) < 0);
    }

    [Fact]
    public void Modules_follow_the_lists_order_and_not_their_numbers()
    {
        float[] whole = Embed("a", null);
        string modules = File.ReadAllText(_folder.File("modules.json"));
        Write("modules.json", modules.Replace("\"idx\": 0", "\"idx\": 7", StringComparison.Ordinal));
        Assert.Equal(whole, Embed("a", null));
    }

    [Fact]
    public void A_folder_without_modules_is_pooled_by_the_mean_and_its_settings_are_not_read()
    {
        float[] whole = Embed("a", null);
        File.Delete(_folder.File("modules.json"));
        Write("sentence_bert_config.json", """{"max_seq_length": 3, "do_lower_case": true}""");
        Write("config_sentence_transformers.json", """{"prompts": {"ask": "ask: "}, "default_prompt_name": "ask"}""");
        Assert.Equal(whole, Embed("a", null));
    }

    private float[] Embed(string text, EmbeddingOptions? options)
    {
        using TextEmbedder embedder = Open();
        return embedder.Embed(text, options);
    }

    private TextEmbedder Open() => TextEmbedder.Open(_folder.Path);

    private void Write(string file, string text) => File.WriteAllText(_folder.File(file), text);

    private void Change(string file, Action<JsonObject> change)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(_folder.File(file)))!.AsObject();
        change(json);
        Write(file, json.ToJsonString());
    }
}
