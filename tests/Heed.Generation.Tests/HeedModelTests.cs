using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Generation.Embeddings;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Models;
using Heed.Testing;
using Heed.Tokenizers;
using Xunit;

namespace Heed.Generation.Tests;

public sealed class HeedModelTests
{
    private static readonly GenerationConfig Sampled = new() { MaxNewTokens = 40, Sample = true, Temperature = 2, TopK = 0, Seed = 3 };

    [Fact]
    public void A_folder_writes_text_the_same_in_one_piece_in_many_and_later()
    {
        using TemporaryFolder folder = Folder();
        using HeedModel model = HeedModel.Open(folder.Path);
        string text = model.Generate("The model said", Sampled);
        Assert.NotEmpty(text);
        string[] pieces = [.. model.Stream("The model said", Sampled).Select(u => u.Text).Where(t => t.Length > 0)];
        Assert.True(pieces.Length > 5);
        Assert.Equal(text, string.Concat(pieces));
        using HeedModel again = HeedModel.Open(folder.Path);
        Assert.Equal(text, again.Generate("The model said", Sampled));
    }

    [Fact]
    public async Task Asynchronous_streams_give_the_same_pieces_and_can_be_cancelled()
    {
        using TemporaryFolder folder = Folder();
        using HeedModel model = HeedModel.Open(folder.Path);
        List<string> pieces = [];
        await foreach (GenerationUpdate update in model.StreamAsync("Once", Sampled)) pieces.Add(update.Text);
        Assert.Equal(model.Stream("Once", Sampled).Select(u => u.Text), pieces);

        using CancellationTokenSource source = new();
        int seen = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationUpdate _ in model.StreamAsync("Once", Sampled with { MaxNewTokens = 300 }, source.Token))
                if (++seen == 3) await source.CancelAsync();
        });
        Assert.Equal(3, seen);
    }

    [Fact]
    public void Stop_strings_end_the_text_in_front_of_them()
    {
        using TemporaryFolder folder = Folder();
        using HeedModel model = HeedModel.Open(folder.Path);
        string free = model.Generate("The model said", Sampled);
        for (int start = 4; start < free.Length - 6; start += 5)
        {
            string stop = free.Substring(start, 5);
            if (stop.Contains('\uFFFD', StringComparison.Ordinal)) continue;
            GenerationConfig config = Sampled with { StopStrings = ["not there at all", stop] };
            GeneratedText text = model.Generate(["The model said"], config)[0];
            Assert.Equal(FinishReason.Stop, text.Finish);
            Assert.Equal(free[..free.IndexOf(stop, StringComparison.Ordinal)], text.Text);
            Assert.Equal(text.Text, string.Concat(model.Stream("The model said", config)));
            Assert.True(text.Ids.Count <= 40);
        }

        GenerationConfig beams = new() { MaxNewTokens = 20, Beams = 3 };
        string best = model.Generate("The model said", beams);
        GeneratedText ended = model.Generate(["The model said"], beams with { StopStrings = [best[3..6]] })[0];
        Assert.DoesNotContain(best[3..6], ended.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_prompts_and_several_texts_come_in_order()
    {
        using TemporaryFolder folder = Folder();
        using HeedModel model = HeedModel.Open(folder.Path);
        IReadOnlyList<GeneratedText> texts = model.Generate(["One", "The second prompt"], Sampled with { ReturnSequences = 2 });
        Assert.Equal([0, 0, 1, 1], texts.Select(t => t.Prompt));
        Assert.Equal(model.Generate("One", Sampled), texts[0].Text);
        Assert.NotEqual(texts[0].Text, texts[1].Text);
        Assert.Equal(model.Generate("The second prompt", Sampled), texts[2].Text);
        IReadOnlyList<GeneratedText> beams = model.Generate(["One", "Two"], new GenerationConfig { MaxNewTokens = 5, Beams = 3, ReturnSequences = 2 });
        Assert.Equal([0, 0, 1, 1], beams.Select(t => t.Prompt));
        Assert.True(beams[0].Score >= beams[1].Score);
    }

    [Fact]
    public void What_a_model_cannot_do_is_said_in_one_sentence()
    {
        using TemporaryFolder folder = Folder();
        using HeedModel model = HeedModel.Open(folder.Path);
        Assert.Contains("does not classify", Assert.Throws<InputException>(() => model.Classify("a")).Message, StringComparison.Ordinal);
        Assert.Contains("does not fill", Assert.Throws<InputException>(() => model.Fill("a [MASK]")).Message, StringComparison.Ordinal);
        Assert.Contains("neither a folder", Assert.Throws<StorageException>(() => HeedModel.Open(folder.File("nothing"))).Message, StringComparison.Ordinal);
        Assert.Contains("heed pull", Assert.Throws<StorageException>(() => HeedModel.Open("nobody/nothing-at-all")).Message, StringComparison.Ordinal);
        Assert.Null(model.Generation.MaxNewTokens);
        Assert.Equal(128, model.Generate(["a"])[0].Ids.Count);
    }

    [Fact]
    public void Masks_are_filled_with_the_likeliest_tokens()
    {
        using TemporaryFolder folder = BertFolder(c => MaskedLanguageModel.Create(c, new ParameterSet(ParameterSource.Random(2))));
        using HeedModel model = HeedModel.Open(folder.Path);
        IReadOnlyList<Filling> fillings = model.Fill("the [MASK] of the [MASK]", count: 3);
        Assert.Equal([0, 0, 0, 1, 1, 1], fillings.Select(f => f.Mask));
        int[] ids = model.Tokenizer.Encode("the [MASK] of the [MASK]").IdArray;
        float[] logits = model.Model.Run(new ModelInputs { InputIds = new TokenGrid(1, ids.Length, ids) }).Logits!.ToArray();
        int V = model.Model.Config.Vocabulary, mask = model.Tokenizer.TokenToId("[MASK]")!.Value;
        float[] row = logits.AsSpan(Array.LastIndexOf(ids, mask) * V, V).ToArray();
        Generation.Sampling.Probabilities.Softmax([.. row], row);
        int[] best = [.. Enumerable.Range(0, V).OrderByDescending(i => row[i]).Take(3)];
        Assert.Equal(best, fillings.Skip(3).Select(f => f.Id));
        Assert.Equal(best.Select(i => row[i]), fillings.Skip(3).Select(f => f.Probability));
        Assert.Equal(model.Tokenizer.Decode([best[0]]), fillings[3].Token);
        Assert.Contains("no [MASK]", Assert.Throws<InputException>(() => model.Fill("nothing to fill")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_are_classified_as_the_problem_type_says()
    {
        foreach (ClassificationKind kind in Enum.GetValues<ClassificationKind>())
        {
            using TemporaryFolder folder = BertFolder(c => SequenceClassifier.Create(c with { Labels = ["bad", "fair", "good"], ClassificationKind = kind }, new ParameterSet(ParameterSource.Random(2))));
            using HeedModel model = HeedModel.Open(folder.Path);
            IReadOnlyList<Prediction> predictions = model.Classify("the first text", "the second");
            Assert.Equal(["bad", "fair", "good"], predictions.Select(p => p.Label).Order());
            Assert.True(predictions[0].Score >= predictions[1].Score && predictions[1].Score >= predictions[2].Score);
            if (kind == ClassificationKind.SingleLabel) Assert.Equal(1, predictions.Sum(p => p.Score), 1e-5f);
            if (kind == ClassificationKind.MultiLabel) Assert.All(predictions, p => Assert.InRange(p.Score, 0f, 1f));
            Assert.Contains($"{folder.Path}: BertForSequenceClassification does not generate", Assert.Throws<InputException>(() => model.Generate("a")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_decoder_embeds_with_the_weights_that_it_generates_with()
    {
        using TemporaryFolder folder = Folder();
        using ComputeContext context = new(new ComputeOptions { Threads = 1 });
        float[] expected;
        using (TextEmbedder embedder = TextEmbedder.Open(folder.Path)) expected = embedder.Embed("Once upon a time");
        using (HeedModel model = HeedModel.Open(folder.Path, new LoadOptions { Context = context }))
        {
            long weights = context.Memory.BytesOf(MemoryOwner.Weights), elsewhere = ComputeContext.Current.Memory.BytesOf(MemoryOwner.Weights);
            Assert.Equal(expected, model.Embed("Once upon a time"));
            Assert.Equal(weights, context.Memory.BytesOf(MemoryOwner.Weights));
            Assert.Equal(elsewhere, ComputeContext.Current.Memory.BytesOf(MemoryOwner.Weights));
            Assert.NotEmpty(model.Generate("Once", Sampled));
        }

        Assert.Equal(0, context.Memory.BytesOf(MemoryOwner.Weights));
    }

    [Fact]
    public void Inference_options_out_of_range_are_refused_when_the_model_opens()
    {
        using TemporaryFolder folder = Folder();
        Assert.Throws<ArgumentOutOfRangeException>(() => HeedModel.Open(folder.Path, null, new InferenceOptions { TokensPerStep = 0 }));
    }

    [Fact]
    public void Texts_become_vectors_that_do_not_depend_on_their_company()
    {
        foreach (Func<BertConfig, Model> build in new Func<BertConfig, Model>[]
        {
            c => EncoderModel.Create(c, new ParameterSet(ParameterSource.Random(2))),
            c => MaskedLanguageModel.Create(c, new ParameterSet(ParameterSource.Random(2))),
        })
        {
            using TemporaryFolder folder = BertFolder(build);
            using HeedModel model = HeedModel.Open(folder.Path);
            string[] texts = ["the first", "a second and much longer text about the weather", string.Join(' ', Enumerable.Repeat("more than the model reads", 40))];
            IReadOnlyList<float[]> together = model.Embed(texts);
            Assert.All(together, v => Assert.Equal(32, v.Length));
            for (int i = 0; i < texts.Length; i++) Assert.Equal(together[i], model.Embed(texts[i]));
        }

        using HeedModel translator = HeedModel.Open(Path.Combine(Repository.Goldens, "models", "t5"));
        Assert.Contains("gives no embeddings", Assert.Throws<InputException>(() => translator.Embed("a")).Message, StringComparison.Ordinal);
    }

    [SharedFact]
    public void Embeddings_of_the_released_MiniLM_are_those_of_sentence_transformers()
    {
        using HeedModel model = HeedModel.Open(Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"));
        string[] texts = File.ReadAllText(Path.Combine(Repository.Goldens, "embeddings", "sentences.txt")).Split('\n')[..^1];
        using Checkpoints.SafetensorsFile file = Checkpoints.SafetensorsFile.Open(Path.Combine(Repository.Goldens, "embeddings", "embeddings.safetensors"));
        float[] expected = file["embeddings"].ToFloats();
        float[] actual = [.. model.Embed(texts).SelectMany(v => v)];
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-5, $"value {i}: {actual[i]} instead of {expected[i]}");
    }

    private static TemporaryFolder BertFolder(Func<BertConfig, Model> build)
    {
        TemporaryFolder folder = new();
        string tokenizer = Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased", "tokenizer.json");
        File.Copy(tokenizer, folder.File("tokenizer.json"));
        BertConfig config = new() { Layers = 2, Heads = 4, Width = 32, Vocabulary = Tokenizer.FromFile(tokenizer).VocabularySize, PositionRows = 64, InitialDeviation = 0.2f, PaddingId = 0 };
        using Model model = build(config);
        ModelFolder.Save(model, folder.Path);
        return folder;
    }

    internal static TemporaryFolder Folder()
    {
        TemporaryFolder folder = new();
        string tokenizer = Path.Combine(Repository.Goldens, "tokenizers", "gpt2-small", "tokenizer.json");
        File.Copy(tokenizer, folder.File("tokenizer.json"));
        Gpt2Config config = new() { Layers = 2, Heads = 4, Width = 32, Vocabulary = Tokenizer.FromFile(tokenizer).VocabularySize, ContextLength = 512, InitialDeviation = 0.2f };
        using CausalLanguageModel model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        ModelFolder.Save(model, folder.Path);
        return folder;
    }
}
