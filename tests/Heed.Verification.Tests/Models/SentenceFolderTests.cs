using Heed.Generation.Embeddings;
using Heed.Models.Embeddings;
using Heed.Testing;

namespace Heed.Verification.Tests;

/// <summary>Whole folders of sentence-transformers, and settings that change the vectors (cases: 4, c5, c6, c16, c17).</summary>
public sealed class SentenceFolderTests
{
    private static string Folders => Path.Combine(Repository.Goldens, "similarity", "folders");

    public static TheoryData<string> All => [.. Directory.GetDirectories(Folders).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(All))]
    public void A_folder_gives_the_references_vectors_ids_and_scores(string name)
    {
        VerifyResult result = ModelVerifier.Run(Path.Combine(Folders, name));
        Assert.True(result.Passed, result + "\n" + string.Join('\n', result.Checks.Where(c => !c.Passed)));
        Assert.NotEmpty(result.Checks);
    }

    [Theory]
    [InlineData("bert-mean")]
    [InlineData("qwen3-last-normalize")]
    [InlineData("static")]
    [InlineData("bert-prompt-excluded")]
    public void A_text_alone_has_the_bits_it_has_in_a_batch(string name)
    {
        using TextEmbedder embedder = TextEmbedder.Open(Path.Combine(Folders, name));
        string[] texts = ["a", "The parcel never arrived.", "", "Refund of 67.50 EUR and more words than the others have"];
        IReadOnlyList<float[]> all = embedder.Embed(texts);
        for (int i = 0; i < texts.Length; i++) Assert.Equal(all[i], embedder.Embed(texts[i]));
    }

    // cases: c5
    [Fact]
    public void Settings_that_change_the_vector_are_followed()
    {
        using TemporaryFolder folder = Copy("bert-mean");
        using TextEmbedder plain = TextEmbedder.Open(Path.Combine(Folders, "bert-mean"));
        Write(folder, "config_sentence_transformers.json", """{"truncate_dim": 8, "default_prompt_name": "query", "prompts": {"query": "ask: "}, "similarity_fn_name": "euclidean"}""");
        Write(folder, "sentence_bert_config.json", """{"max_seq_length": 6}""");
        using TextEmbedder embedder = TextEmbedder.Open(folder.Path);
        Assert.Equal(8, embedder.Dimensions);
        Assert.Equal(6, embedder.MaximumLength);
        Assert.Equal(6, embedder.Ids("the parcel never arrived at all").Count);
        Assert.Equal(VectorSimilarity.Euclidean, embedder.Settings.Similarity);
        float[] expected = plain.Embed("ask: a");
        Assert.Equal(plain.Ids("ask: a"), [.. embedder.Ids("a").Take(plain.Ids("ask: a").Count)]);
        Assert.Equal(8, embedder.Embed("a").Length);
        Assert.Equal(plain.Embed("a")[..8], embedder.Embed("a", new EmbeddingOptions { Prompt = "" }));
        Assert.NotEqual(expected.Length, embedder.Embed("a").Length);
        Assert.Equal(0, embedder.Similarity(expected, expected));
    }

    // cases: c5
    [Theory]
    [InlineData("sentence_bert_config.json", """{"max_seq_length": 20, "processor_kwargs": {"padding_side": "left"}}""", "processor_kwargs")]
    [InlineData("sentence_bert_config.json", """{"max_seq_length": 20, "surprise": 1}""", "surprise")]
    [InlineData("sentence_bert_config.json", "{", "sentence_bert_config.json")]
    [InlineData("sentence_roberta_config.json", """{"surprise": 1}""", "sentence_roberta_config.json")]
    [InlineData("config_sentence_transformers.json", """{"default_prompt_name": "ask"}""", "default_prompt_name")]
    [InlineData("config_sentence_transformers.json", """{"similarity_fn_name": "hamming"}""", "similarity_fn_name")]
    [InlineData("config_sentence_transformers.json", """{"truncate_dim": 0}""", "truncate_dim")]
    [InlineData("config_sentence_transformers.json", """{"unheard_of": true}""", "unheard_of")]
    public void A_setting_that_cannot_be_followed_is_refused_by_name(string file, string json, string named)
    {
        using TemporaryFolder folder = Copy("bert-mean");
        if (file != "sentence_bert_config.json") File.Delete(folder.File("sentence_bert_config.json"));
        Write(folder, file, json);
        InvalidFileException error = Assert.Throws<InvalidFileException>(() => TextEmbedder.Open(folder.Path));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    // cases: 4, c5
    [Fact]
    public void Lower_case_is_put_before_the_tokenizers_normalizer()
    {
        using TemporaryFolder folder = Copy("bert-cls-max-dense-pickle-old");
        using TextEmbedder lower = TextEmbedder.Open(folder.Path);
        Write(folder, "sentence_bert_config.json", """{"max_seq_length": 18, "do_lower_case": false}""");
        using TextEmbedder cased = TextEmbedder.Open(folder.Path);
        Assert.Equal(lower.Ids("URGENT Refund"), cased.Ids("urgent refund"));
        Assert.NotEqual(lower.Ids("URGENT Refund"), cased.Ids("URGENT Refund"));
    }

    // cases: c16
    [Theory]
    [InlineData("""{"pooling_mode": ["mean", "cls"]}""", 48)]
    [InlineData("""{"pooling_mode_mean_tokens": false, "pooling_mode_cls_token": false}""", 24)]
    [InlineData("{}", 24)]
    public void Forms_of_pooling_that_the_reference_takes(string pooling, int width)
    {
        using TemporaryFolder folder = Copy("bert-mean");
        Write(folder, "1_Pooling/config.json", pooling);
        using TextEmbedder plain = TextEmbedder.Open(Path.Combine(Folders, "bert-mean"));
        using TextEmbedder embedder = TextEmbedder.Open(folder.Path);
        Assert.Equal(width, embedder.Dimensions);
        Assert.Equal(plain.Embed("the parcel"), embedder.Embed("the parcel")[..24]);
    }

    // cases: c16
    [Fact]
    public void A_length_without_room_for_a_word_does_not_cut()
    {
        using TemporaryFolder folder = Copy("bert-mean");
        foreach (int length in (int[])[0, 1])
        {
            Write(folder, "sentence_bert_config.json", $$"""{"max_seq_length": {{length}}}""");
            using TextEmbedder embedder = TextEmbedder.Open(folder.Path);
            Assert.Equal(int.MaxValue, embedder.MaximumLength);
        }
    }

    [Fact]
    public void An_unknown_prompt_is_refused_and_the_folders_are_named()
    {
        using TextEmbedder embedder = TextEmbedder.Open(Path.Combine(Folders, "bert-prompt-excluded"));
        InputException error = Assert.Throws<InputException>(() => embedder.Embed("a", new EmbeddingOptions { PromptName = "passage" }));
        Assert.Contains("query, document", error.Message, StringComparison.Ordinal);
    }

    private static void Write(TemporaryFolder folder, string file, string text) => File.WriteAllText(folder.File(file), text);

    private static TemporaryFolder Copy(string name)
    {
        TemporaryFolder folder = new();
        string source = Path.Combine(Folders, name);
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string target = folder.File(Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return folder;
    }
}
