using Heed.Engine.Nn;
using Heed.Models.Bart;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Bart;

public sealed class BartTests
{
    [Theory]
    [InlineData("bart")]
    [InlineData("marian")]
    public void Outputs_gradients_and_training_match_the_reference(string name) => Verified.Model(name);

    [Theory]
    [InlineData("bart-base", 139_420_416)]
    [InlineData("bart-large", 406_291_456)]
    public void Presets_have_the_released_number_of_parameters(string name, long parameters) => Assert.Equal(parameters, Shapes.Of(new BartFamily(), name));

    [Fact]
    public void Marian_with_two_vocabularies_has_a_table_a_stack_and_the_output_is_the_decoders()
    {
        BartConfig config = (BartConfig)Shapes.Read(new MarianFamily(), """
            {"vocab_size": 20, "decoder_vocab_size": 14, "share_encoder_decoder_embeddings": false, "d_model": 8, "encoder_layers": 1, "decoder_layers": 1,
             "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "pad_token_id": 13, "max_position_embeddings": 16}
            """);
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(config, new ParameterSet(ParameterSource.Random(3)));
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[19, 3, 0]]), Labels = TokenGrid.Of([[4, 0]]) };
        ModelOutput output = model.Run(inputs);
        Assert.Equal([1, 2, 14], output.Logits!.Shape.ToArray());
        Assert.True(model.Parameters.TryGet("model.encoder.embed_tokens.weight", out _));
        Assert.Equal("model.decoder.embed_tokens.weight", model.TiedNames["lm_head.weight"]);
        Assert.InRange(output.Loss!.Value, 1, 4);
    }

    [Fact]
    public void Heads_that_do_not_divide_the_width_are_refused_with_both_numbers()
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Shapes.Read(new BartFamily(), """{"d_model": 10, "decoder_attention_heads": 5, "encoder_attention_heads": 3}"""));
        Assert.Contains("10", e.Message, StringComparison.Ordinal);
        Assert.Contains("3 heads (encoder_attention_heads)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Recomputing_layers_gives_the_same_gradients()
    {
        BartConfig config = BartConfig.Base with { Vocabulary = 40, Width = 12, Layers = 2, Heads = 3, ContextLength = 16 };
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[5, 6, 7, 2], [8, 9, 2]], 1), AttentionMask = TokenGrid.Of([[1, 1, 1, 1], [1, 1, 1]]), Labels = TokenGrid.Of([[11, 12, 2], [13, 2]], -100) };
        Gradients.AreEqualWithRecomputing(() => SequenceToSequenceModel.Create(config, new ParameterSet(ParameterSource.Random(5))), inputs);
    }

    [Fact]
    public void A_classifier_reads_the_last_end_token_of_each_text()
    {
        BartConfig config = BartConfig.Base with { Vocabulary = 40, Width = 12, Layers = 2, Heads = 3, ContextLength = 16, InitialDeviation = 0.3f, Labels = ["no", "yes"] };
        using SequenceClassifier model = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(5)));
        int[] pair = [5, 6, 2, 2, 7, 8, 2], one = [9, 2];
        float[] together = model.Run(new ModelInputs { InputIds = TokenGrid.Of([pair, one], 1), AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1, 1, 1], [1, 1]]) }).Logits!.ToArray();
        float[] alone = [.. model.Run(new ModelInputs { InputIds = TokenGrid.Of([pair]) }).Logits!.ToArray(), .. model.Run(new ModelInputs { InputIds = TokenGrid.Of([one]) }).Logits!.ToArray()];
        Assert.Equal(alone, together);
        Assert.Contains("no end token", Assert.Throws<InputException>(() => model.Run(new ModelInputs { InputIds = TokenGrid.Of([[5, 6]]) })).Message, StringComparison.Ordinal);
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([pair, one], 1), AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1, 1, 1], [1, 1]]), Labels = TokenGrid.Of([[0], [1]]) };
        Gradients.AreEqualWithRecomputing(() => SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(5))), inputs);
    }

    [Fact]
    public void A_classifier_opens_and_is_saved_beside_the_output_of_a_language_model()
    {
        BartConfig config = BartConfig.Base with { Vocabulary = 40, Width = 12, Layers = 1, Heads = 3, ContextLength = 16, Labels = ["no", "yes"], ClassifierDropout = 0.25f };
        using TemporaryFolder folder = new();
        using SequenceClassifier model = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(5)));
        ModelFolder.Save(model, folder.Path);
        (Model again, LoadReport report) = ModelFolder.Load(folder.Path);
        using (again)
        {
            Assert.True(report.IsComplete);
            Assert.Equal(0.25f, ((BartConfig)again.Config).ClassifierDropout);
            ModelInputs inputs = new() { InputIds = TokenGrid.Of([[5, 6, 2]]) };
            Assert.Equal(model.Run(inputs).Logits!.ToArray(), again.Run(inputs).Logits!.ToArray());
        }

        using SequenceToSequenceModel writer = SequenceToSequenceModel.Create(config with { Labels = [] }, new ParameterSet(ParameterSource.Random(6)));
        using TemporaryFolder written = new();
        ModelFolder.Save(writer, written.Path);
        (Model fresh, LoadReport missing) = ModelFolder.Load(written.Path, new LoadOptions { Architecture = "BartForSequenceClassification", AllowMissing = true });
        using (fresh) Assert.All(missing.Missing, name => Assert.StartsWith("classification_head.", name, StringComparison.Ordinal));
    }
}
