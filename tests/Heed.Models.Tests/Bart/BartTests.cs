using Heed.Engine.Nn;
using Heed.Models.Bart;
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
}
