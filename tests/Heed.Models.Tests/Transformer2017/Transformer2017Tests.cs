using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Transformer2017;
using Xunit;

namespace Heed.Models.Tests.Transformer2017;

public sealed class Transformer2017Tests
{
    private static readonly Transformer2017Config Small = Transformer2017Config.Tiny with { Width = 16, Heads = 2, Vocabulary = 12, Dropout = 0 };

    private static ModelInputs Reversals { get; } = new()
    {
        InputIds = TokenGrid.Of([[3, 4, 5, 6], [7, 8, 9], [10, 3, 7, 5]]),
        AttentionMask = TokenGrid.Of([[1, 1, 1, 1], [1, 1, 1], [1, 1, 1, 1]]),
        Labels = TokenGrid.Of([[6, 5, 4, 3, 2], [9, 8, 7, 2], [5, 7, 3, 10, 2]], -100),
    };

    [Theory]
    [InlineData("transformer-base", 63_082_496)]
    [InlineData("transformer-big", 214_245_376)]
    public void Presets_of_table_3_have_their_size(string name, long parameters) => Assert.Equal(parameters, Shapes.Of(new Transformer2017Family(), name));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Learns_to_reverse(bool normFirst)
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Small with { NormFirst = normFirst }, new ParameterSet(ParameterSource.Random(1)));
        (double first, double last) = Gradients.Descend(model, Reversals, 60, 0.1f);
        Assert.True(last < first / 3, $"{first} → {last}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Recomputing_layers_gives_the_same_gradients(bool normFirst)
        => Gradients.AreEqualWithRecomputing(() => SequenceToSequenceModel.Create(Small with { NormFirst = normFirst, TiedOutput = false }, new ParameterSet(ParameterSource.Random(2))), Reversals);

    [Fact]
    public void Writing_token_by_token_with_a_cache_gives_the_rows_of_the_whole_text()
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Small with { NormFirst = true }, new ParameterSet(ParameterSource.Random(3)));
        using TensorScope scope = TensorScope.Begin();
        TokenBatch source = TokenBatch.Of([3, 4, 5, 6], [7, 8]);
        ForwardContext reading = source.Context();
        Variable memory = model.Encode(source, reading);
        TokenBatch whole = TokenBatch.Of([1, 6, 5], [1, 8, 7]);
        float[] expected = model.Decode(whole, memory, whole.Context(memory: reading)).Value.ToArray();
        using KeyValueCache cache = new(model.CacheLayers);
        KeyValueSequence[] sequences = [cache.NewSequence(), cache.NewSequence()];
        for (int t = 0; t < 3; t++)
        {
            TokenBatch step = TokenBatch.Of([whole.Ids[t]], [whole.Ids[3 + t]]).WithPositions([t, t]);
            float[] rows = model.Decode(step, memory, step.Context(memory: reading, cache: sequences)).Value.ToArray();
            Assert.Equal(expected[(t * 16)..((t + 1) * 16)], rows[..16]);
            Assert.Equal(expected[((3 + t) * 16)..((4 + t) * 16)], rows[16..]);
        }

        foreach (KeyValueSequence s in sequences) s.Dispose();
    }

    [Fact]
    public void Labels_are_smoothed_while_a_tape_records_and_not_in_measurements()
    {
        using SequenceToSequenceModel model = SequenceToSequenceModel.Create(Small, new ParameterSet(ParameterSource.Random(4)));
        using TensorScope scope = TensorScope.Begin();
        double measured = model.Run(Reversals).Loss!.Value;
        using Tape tape = Tape.Begin();
        Assert.NotEqual(measured, model.Run(Reversals).Loss!.Value, 1e-4);
    }

    [Fact]
    public void The_configuration_survives_writing()
    {
        Transformer2017Config config = Transformer2017Config.Big with { NormFirst = true, LabelSmoothing = 0.2f, EncoderLayers = 3, DecoderStartId = 7 };
        Assert.Equal(config, Shapes.Read(new Transformer2017Family(), config.ToJson().ToJsonString()) with { Labels = config.Labels });
    }
}
