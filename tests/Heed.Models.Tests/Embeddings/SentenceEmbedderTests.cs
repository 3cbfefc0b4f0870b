using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models.Embeddings;
using Heed.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Embeddings;

public class SentenceEmbedderTests
{
    private static string MiniLm => Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2");

    private static SafetensorsFile Golden() => SafetensorsFile.Open(Path.Combine(Repository.Goldens, "embeddings", "embeddings.safetensors"));

    private static int[][] Texts()
    {
        using JsonDocument ids = StrictJson.ReadFile(Path.Combine(Repository.Goldens, "embeddings", "input_ids.json"));
        return [.. ids.RootElement.EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())];
    }

    [SharedFact]
    public void Embeddings_of_the_released_model_match_the_reference()
    {
        using SafetensorsFile golden = Golden();
        using SentenceEmbedder embedder = SentenceEmbedder.Load(MiniLm);
        int[][] texts = Texts();
        Tensor vectors = embedder.Embed(texts);
        Assert.Equal(new Shape(texts.Length, 384), vectors.Shape);
        Assert.Equal(256, embedder.Settings.MaximumLength);
        float[] expected = golden["embeddings"].ToFloats();
        for (int i = 0; i < expected.Length; i++) Assert.True(Math.Abs(vectors.Span[i] - expected[i]) <= 1e-5, $"value {i}: {vectors.Span[i]} instead of {expected[i]}");
        float[] similarities = golden["similarities"].ToFloats();
        for (int a = 0; a < texts.Length; a++)
        {
            for (int b = 0; b < texts.Length; b++)
            {
                float dot = 0;
                for (int d = 0; d < 384; d++) dot += vectors[a, d] * vectors[b, d];
                Assert.True(Math.Abs(dot - similarities[(a * texts.Length) + b]) <= 1e-5);
            }
        }
    }

    [SharedFact]
    public void A_text_alone_has_the_bits_it_has_in_any_batch()
    {
        using SentenceEmbedder embedder = SentenceEmbedder.Load(MiniLm);
        int[][] texts = Texts();
        Tensor all = embedder.Embed(texts);
        for (int i = 0; i < texts.Length; i++) Assert.Equal(all.Rows(i, 1).ToArray(), embedder.Embed([texts[i]]).ToArray());
        int[][] backwards = [.. texts.Reverse()];
        Tensor reversed = embedder.Embed(backwards);
        for (int i = 0; i < texts.Length; i++) Assert.Equal(all.Rows(i, 1).ToArray(), reversed.Rows(texts.Length - 1 - i, 1).ToArray());
    }

    [SharedFact]
    public void Layers_and_patterns_of_the_released_model_match_the_reference()
    {
        using SafetensorsFile golden = Golden();
        using SentenceEmbedder embedder = SentenceEmbedder.Load(MiniLm);
        ModelInputs inputs = GoldenFolder.ReadInputs(new Dictionary<string, RawTensor> { ["input_ids"] = golden["sentence3.input_ids"] }, golden.Path);
        ModelOutput output = embedder.Model!.Run(inputs, new RunOptions { Details = true });
        int compared = 0;
        foreach (RawTensor expected in golden.Tensors.Where(t => t.Name.StartsWith("sentence3.", StringComparison.Ordinal) && t.DType.IsFloat()))
        {
            (double distance, double norm) = TensorDistance.Measure(OutputNames.Of(embedder.Model, output)[expected.Name["sentence3.".Length..]].Span, expected.ToFloats(), expected.Sizes);
            Assert.True(distance <= 1e-5 * norm, $"{expected.Name}: {distance / norm:g3}");
            compared++;
        }

        Assert.Equal(13, compared);
    }

    [SharedFact]
    public void Verify_compares_embeddings_similarities_layers_and_patterns()
    {
        string folder = Path.Combine(Repository.Goldens, "embeddings");
        VerifyResult result = ModelVerifier.Run(folder, new VerifyOptions { Model = MiniLm });
        Assert.True(result.Passed, result.ToString());
        Assert.Equal(15, result.Checks.Count);
    }

    [Fact]
    public void Verify_of_embeddings_asks_for_their_model()
        => Assert.Contains("--model", ModelVerifier.Run(Path.Combine(Repository.Goldens, "embeddings")).Error!.Message, StringComparison.Ordinal);

    [Fact]
    public void A_bare_encoder_folder_is_pooled_by_the_mean()
    {
        using SentenceEmbedder embedder = SentenceEmbedder.Load(Path.Combine(Repository.Goldens, "models", "bert-mlm"));
        Assert.Equal([Pooling.Mean], embedder.Poolings);
        Assert.False(embedder.Normalizes);
        Assert.Equal(new Shape(2, 36), embedder.Embed([[5, 6, 7], [8, 9]]).Shape);
    }

    [Theory]
    [InlineData("roberta-mlm")]
    [InlineData("xlm-roberta-mlm")]
    [InlineData("camembert-token")]
    [InlineData("mpnet-mlm")]
    [InlineData("electra-replaced")]
    [InlineData("modernbert-token")]
    [InlineData("deberta-v2-mlm")]
    [InlineData("qwen3")]
    [InlineData("qwen3-sequence")]
    [InlineData("gemma3-text")]
    [InlineData("gemma3-text-bidirectional")]
    [InlineData("distilbert-mlm")]
    [InlineData("bert-qa")]
    public void Every_encoder_embeds_alone_as_in_a_batch(string model)
    {
        using SentenceEmbedder embedder = SentenceEmbedder.Load(Path.Combine(Repository.Goldens, "models", model));
        Tensor both = embedder.Embed([[5, 6, 7, 50, 51], [8, 9]]);
        Assert.Equal(both.Rows(1, 1).ToArray(), embedder.Embed([[8, 9]]).ToArray());
    }

    [Theory]
    [InlineData("""[{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},{"idx":1,"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},{"idx":2,"path":"2","type":"sentence_transformers.models.Normalize"}]""", """{"pooling_mode_cls_token":true,"pooling_mode_max_tokens":true,"pooling_mode_mean_tokens":false}""", new[] { Pooling.First, Pooling.Max }, true)]
    [InlineData("""[{"idx":0,"path":"","type":"sentence_transformers.a.Transformer"},{"idx":1,"path":"1_Pooling","type":"sentence_transformers.b.Pooling"}]""", """{"pooling_mode":"lasttoken"}""", new[] { Pooling.Last }, false)]
    public void Modules_say_how_texts_become_vectors(string modules, string pooling, Pooling[] expected, bool normalizes)
    {
        using TemporaryFolder folder = Folder(modules, pooling);
        SentencePipeline pipeline = SentencePipeline.Read(new FolderModelFiles(folder.Path));
        Assert.Equal(expected, pipeline.Poolings);
        Assert.Equal(normalizes, pipeline.Following is [.., ("Normalize", _)]);
    }

    [Theory]
    [InlineData("{}", "{}", "an array of modules")]
    [InlineData("[]", "{}", "at least an encoder")]
    [InlineData("""[{"path":"","type":"sentence_transformers.Transformer"},{"path":"1_Pooling","type":"sentence_transformers.Pooling"},{"path":"2","type":"sentence_transformers.Whatever"}]""", """{"pooling_mode":"mean"}""", "Known are Transformer, StaticEmbedding, Pooling, Dense, Normalize")]
    [InlineData("""[{"path":"","type":"sentence_transformers.Transformer"},{"path":"../elsewhere","type":"sentence_transformers.Pooling"}]""", "{}", "below the model's")]
    [InlineData("""[{"path":"","type":"sentence_transformers.Transformer"},{"path":"1_Pooling","type":"sentence_transformers.Pooling"}]""", """{"pooling_mode":"median"}""", "one of cls, max, mean")]
    [InlineData("""[{"path":"","type":"sentence_transformers.Transformer"},{"path":"1_Pooling","type":"sentence_transformers.Pooling"}]""", """{"pooling_mode":[]}""", "at least one mode")]
    [InlineData("""[{"path":"","type":"sentence_transformers.Transformer"},{"path":"1","type":"sentence_transformers.Normalize"},{"path":"1_Pooling","type":"sentence_transformers.Pooling"}]""", "{}", "before the Pooling")]
    [InlineData("""[{"path":"","type":"sentence_transformers.Transformer"}]""", "{}", "has no Pooling")]
    [InlineData("""[{"path":"","type":"mine.Transformer"}]""", "{}", "code of another package")]
    public void A_wrong_modules_file_is_refused_in_one_sentence(string modules, string pooling, string sentence)
    {
        using TemporaryFolder folder = Folder(modules, pooling);
        InvalidFileException error = Assert.Throws<InvalidFileException>(() => SentencePipeline.Read(new FolderModelFiles(folder.Path)));
        Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
    }

    private static TemporaryFolder Folder(string modules, string pooling)
    {
        TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("1_Pooling"));
        File.WriteAllText(folder.File("modules.json"), modules);
        File.WriteAllText(folder.File("1_Pooling/config.json"), pooling);
        return folder;
    }
}
