using Heed.Engine.Nn;
using Heed.Models.T5;
using Xunit;

namespace Heed.Models.Tests.T5;

public sealed class T5Tests
{
    [Theory]
    [InlineData("t5")]
    [InlineData("t5-v1_1-gated")]
    public void Outputs_gradients_and_training_match_the_reference(string name) => Verified.Model(name);

    public static TheoryData<string, long> Counts => new()
    {
        { "t5-small", 60_506_624 },
        { "t5-base", 222_903_552 },
        { "t5-large", 737_668_096 },
        { "t5-3b", 2_851_598_336 },
        { "t5-11b", 11_307_321_344 },
        { "t5-v1_1-small", 76_961_152 },
        { "t5-v1_1-base", 247_577_856 },
        { "t5-v1_1-large", 783_150_080 },
    };

    [Theory]
    [MemberData(nameof(Counts))]
    public void Presets_have_the_released_number_of_parameters(string name, long parameters) => Assert.Equal(parameters, Shapes.Of(new T5Family(), name));

    [Fact]
    public void The_encoder_alone_gives_the_rows_that_the_whole_model_reads()
    {
        T5Config config = T5Config.Small with { Layers = 2, Width = 16, Heads = 2, HeadWidth = 6, InnerWidth = 20, Vocabulary = 30 };
        using SequenceToSequenceModel whole = SequenceToSequenceModel.Create(config, new ParameterSet(ParameterSource.Random(7)));
        using EncoderModel encoder = EncoderModel.Create(config, new ParameterSet(ParameterSource.Random(7)));
        ModelInputs inputs = new() { InputIds = TokenGrid.Of([[3, 4, 5, 6, 1], [8, 9, 1]]), AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1], [1, 1, 1]]), DecoderInputIds = TokenGrid.Of([[0], [0]]) };
        RunOptions details = new() { Details = true };
        Assert.Equal(whole.Run(inputs, details).EncoderLastHiddenState!.ToArray(), encoder.Run(inputs, details).LastHiddenState!.ToArray());
    }

    [Theory]
    [InlineData("gated-gelu", "gelu_new", true)]
    [InlineData("relu", "relu", false)]
    [InlineData("gated-silu", "silu", true)]
    public void The_feed_forward_word_survives_writing(string word, string activation, bool gated)
    {
        T5Config config = (T5Config)Shapes.Read(new T5Family(), $$"""{"model_type": "t5", "feed_forward_proj": "{{word}}"}""");
        Assert.Equal((activation, gated), (ConfigWords.Name(config.Activation), config.Gated));
        Assert.Equal(word, (string?)config.ToJson()["feed_forward_proj"]);
    }

    [Fact]
    public void Older_files_say_with_tied_embeddings_that_the_output_is_scaled()
    {
        Assert.True(((T5Config)Shapes.Read(new T5Family(), "{}")).ScaledOutput);
        Assert.False(((T5Config)Shapes.Read(new T5Family(), """{"tie_word_embeddings": false}""")).ScaledOutput);
        Assert.False(((T5Config)Shapes.Read(new T5Family(), """{"scale_decoder_outputs": false}""")).ScaledOutput);
    }
}
