using System.Text.Json;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;
using Heed.Models.Recurrent;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Recurrent;

public sealed class LstmTests
{
    private static readonly LstmConfig Config = new() { Vocabulary = 14, Width = 12, Layers = 2, EmbeddingWidth = 10, BeginId = 1, EndId = 2, PaddingId = 0, Labels = ["a", "b", "c"] };

    private static ModelInputs Text { get; } = new()
    {
        InputIds = TokenGrid.Of([[1, 4, 5, 6, 2], [1, 8, 9, 2]]),
        AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1], [1, 1, 1, 1]]),
        Labels = TokenGrid.Of([[1, 4, 5, 6, 2], [1, 8, 9, 2]], -100),
    };

    private static ModelInputs Pair { get; } = new()
    {
        InputIds = TokenGrid.Of([[3, 4, 5, 6], [7, 8, 9], [10, 3, 7, 5]]),
        AttentionMask = TokenGrid.Of([[1, 1, 1, 1], [1, 1, 1], [1, 1, 1, 1]]),
        Labels = TokenGrid.Of([[6, 5, 4, 3, 2], [9, 8, 7, 2], [5, 7, 3, 10, 2]], -100),
    };

    private static ModelInputs Classes { get; } = Text with { Labels = new TokenGrid(2, 1, [0, 2]) };

    private static ParameterSet New() => new(ParameterSource.Random(11));

    [Fact]
    public void The_language_model_learns() => Learns(CausalLanguageModel.Create(Config, New()), Text);

    [Fact]
    public void The_tied_language_model_learns() => Learns(CausalLanguageModel.Create(Config with { EmbeddingWidth = 12, TiedOutput = true }, New()), Text);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_classifier_learns(bool bothDirections) => Learns(SequenceClassifier.Create(Config with { BothDirections = bothDirections }, New()), Classes);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_encoder_and_decoder_learn(bool attends)
        => Learns(SequenceToSequenceModel.Create(Config with { Attends = attends }, New()), Pair);

    [Fact]
    public void The_language_model_goes_on_from_its_cache_forks_and_goes_back()
    {
        using CausalLanguageModel model = CausalLanguageModel.Create(Config, New());
        using TensorScope scope = TensorScope.Begin();
        TokenBatch whole = TokenBatch.Of([1, 4, 5, 6, 7], [1, 8, 9, 3]);
        float[] expected = model.Hidden(whole, whole.Context()).Value.ToArray();
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence first = cache.NewSequence(), second = cache.NewSequence();
        TokenBatch prompt = TokenBatch.Of([1, 4, 5], [1, 8]);
        model.Hidden(prompt, prompt.Context(cache: [first, second]));
        using KeyValueSequence fork = second.Fork();
        TokenBatch other = TokenBatch.Of([13, 13]);
        model.Hidden(other, other.Context(cache: [second]));
        second.Truncate(2);
        Assert.Equal((3, 2, 2), (first.Count, second.Count, fork.Count));
        TokenBatch rest = TokenBatch.Of([6, 7], [9, 3]);
        foreach (KeyValueSequence beside in new[] { second, fork })
        {
            using KeyValueSequence begun = first.Fork();
            float[] rows = model.Hidden(rest, rest.Context(cache: [begun, beside])).Value.ToArray();
            Assert.Equal(expected[36..60], rows[..24]);
            Assert.Equal(expected[84..108], rows[24..]);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_decoder_goes_on_from_its_cache_without_the_encoder(bool attends)
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Config with { Attends = attends }, New());
        using TensorScope scope = TensorScope.Begin();
        TokenBatch source = TokenBatch.Of([3, 4, 5, 6], [7, 8]), whole = TokenBatch.Of([1, 6, 5], [1, 8]);
        ForwardContext reading = source.Context();
        Engine.Autograd.Variable memory = model.Encode(source, reading);
        float[] expected = model.Decode(whole, memory, whole.Context(memory: reading)).Value.ToArray();
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence first = cache.NewSequence(), second = cache.NewSequence();
        TokenBatch start = TokenBatch.Of([1, 6], [1]);
        model.Decode(start, memory, start.Context(memory: reading, cache: [first, second]));
        TokenBatch rest = TokenBatch.Of([5], [8]);
        float[] rows = model.Decode(rest, Tensor.Zeros(0, 12), rest.Context(memory: new ForwardContext([0, 0, 0], []), cache: [first, second])).Value.ToArray();
        Assert.Equal(expected[24..36], rows[..12]);
        Assert.Equal(expected[48..60], rows[12..]);
    }

    [Fact]
    public void Without_attention_the_ends_of_the_source_stand_for_it_and_no_weights_are_shown()
    {
        LstmConfig config = Config with { Attends = false };
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(config, New());
        using SequenceToSequenceModel attending = SequenceToSequenceModel.Create(Config, New());
        Assert.DoesNotContain(model.Parameters, p => p.Name.Contains("attention", StringComparison.Ordinal));
        Assert.Equal(attending.Parameters.Values - model.Parameters.Values, (3 * 12 * 12) + 12);   // query, key and score
        using TensorScope scope = TensorScope.Begin();
        Assert.Empty(model.Run(Pair, new RunOptions { Details = true }).CrossAttentions);
        using JsonDocument json = JsonDocument.Parse(model.Config.ToJson().ToJsonString());
        Assert.False(LstmConfig.Read(new ConfigReader(json.RootElement, "config.json")).Attends);
    }

    [Fact]
    public void The_weights_of_attention_are_shown_and_sum_to_one()
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Config, New());
        using TensorScope scope = TensorScope.Begin();
        ModelOutput output = model.Run(Pair, new RunOptions { Details = true });
        Tensor pattern = output.CrossAttentions[0];
        Assert.Equal([3, 1, 5, 4], pattern.Shape.ToArray());
        Assert.Equal(1, pattern.Span[..4].ToArray().Sum(), 1e-5);
        Assert.Equal(0, pattern.Span[(1 * 20) + 3]);
    }

    [Fact]
    public void A_pattern_that_is_put_in_place_decides_what_is_read()
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Config, New());
        using TensorScope scope = TensorScope.Begin();
        float[] plain = model.Run(Pair).Logits!.ToArray();
        float[] same = model.Run(Pair, new RunOptions { Hooks = new Hooks().Replace("decoder.blocks.0.cross_attn.pattern", (_, x) => x * 1f) }).Logits!.ToArray();
        for (int i = 0; i < plain.Length; i++) Assert.Equal(plain[i], same[i], 1e-6);
        float[] blind = model.Run(Pair, new RunOptions { Hooks = new Hooks().Replace("decoder.blocks.0.cross_attn.pattern", (_, x) => x * 0f) }).Logits!.ToArray();
        Assert.True(plain.Zip(blind, (a, b) => Math.Abs(a - b)).Max() > 1e-4);
    }

    [Fact]
    public void A_decoder_that_is_looked_at_keeps_each_state_once()
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Config, New());
        using TensorScope scope = TensorScope.Begin();
        TokenBatch source = TokenBatch.Of([3, 4, 5, 6]), start = TokenBatch.Of([1, 6]);
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        ForwardContext reading = source.Context(new RunOptions { Hooks = new Hooks().Replace("decoder.blocks.0.cross_attn.pattern", (_, x) => x * 0.5f) });
        model.Decode(start, model.Encode(source, reading), start.Context(new RunOptions { Hooks = reading.Hooks }, memory: reading, cache: [sequence]));
        Assert.Equal(2, sequence.Count);
    }

    [Fact]
    public void Each_row_is_alone_in_its_batch()
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Config, New());
        using TensorScope scope = TensorScope.Begin();
        float[] together = model.Run(Pair).Logits!.ToArray();
        float[] alone = model.Run(new ModelInputs { InputIds = TokenGrid.Of([[7, 8, 9]]), Labels = TokenGrid.Of([[9, 8, 7, 2]]) }).Logits!.ToArray();
        Assert.Equal(alone, together[(5 * 14)..(9 * 14)]);
    }

    [Theory]
    [InlineData(LstmTask.LanguageModel)]
    [InlineData(LstmTask.Classifier)]
    [InlineData(LstmTask.SequenceToSequence)]
    public void A_folder_gives_back_model_and_configuration(LstmTask task)
    {
        using TemporaryFolder folder = new();
        LstmFamily family = new();
        LstmConfig config = Config with { Task = task };
        using Model model = family.Build(family.Architectures[(int)task], config, New());
        ModelFolder.Save(model, folder.Path);
        using Model read = ModelFolder.Load(folder.Path).Model;
        Assert.Equal(model.GetType(), read.GetType());
        Assert.Equal(model.Config.ToJson().ToJsonString(), read.Config.ToJson().ToJsonString());
        ModelInputs inputs = task == LstmTask.LanguageModel ? Text : task == LstmTask.Classifier ? Classes : Pair;
        using TensorScope scope = TensorScope.Begin();
        Assert.Equal(model.Run(inputs).Logits!.ToArray(), read.Run(inputs).Logits!.ToArray());
    }

    [Theory]
    [InlineData("lstm-lm", "LstmLmModel")]
    [InlineData("lstm-classifier", "LstmClassifierModel")]
    [InlineData("lstm-seq2seq", "LstmSeq2seqModel")]
    public void A_file_without_architectures_is_understood(string type, string architecture)
    {
        using JsonDocument document = JsonDocument.Parse($$"""{"model_type": "{{type}}"}""");
        Assert.Equal(architecture, ModelFamilies.Find(new ConfigReader(document.RootElement, "config.json")).Architecture);
    }

    [Fact]
    public void An_empty_text_is_refused()
    {
        using CausalLanguageModel model = CausalLanguageModel.Create(Config, New());
        Assert.Throws<InputException>(() => model.Run(new ModelInputs { InputIds = TokenGrid.Of([[1, 4], [0, 0]]), AttentionMask = TokenGrid.Of([[1, 1], [0, 0]]) }));
    }

    private static void Learns(Model model, ModelInputs inputs)
    {
        using (model)
        {
            (double first, double last) = Gradients.Descend(model, inputs, 150, 1);
            Assert.True(last < first / 2, $"{first} → {last}");
        }
    }
}
