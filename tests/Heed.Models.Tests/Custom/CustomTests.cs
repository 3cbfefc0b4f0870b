using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Custom;
using Xunit;

namespace Heed.Models.Tests.Custom;

public sealed class CustomTests
{
    private static readonly CustomConfig Small = new() { Vocabulary = 12, Width = 16, Layers = 2, Heads = 4, ContextLength = 64 };

    private static ModelInputs Inputs { get; } = new()
    {
        InputIds = TokenGrid.Of([[1, 4, 5, 6, 2, 7, 8], [1, 8, 9, 2]]),
        AttentionMask = TokenGrid.Of([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1]]),
        Labels = TokenGrid.Of([[1, 4, 5, 6, 2, 7, 8], [1, 8, 9, 2]], -100),
    };

    public static TheoryData<CustomConfig> Choices =>
    [
        Small,
        Small with { Positions = PositionKind.Sinusoidal, NormFirst = false },
        Small with { Positions = PositionKind.Learned, RmsNorm = true, TiedOutput = false },
        Small with { Positions = PositionKind.Alibi, Window = 3 },
        Small with { Positions = PositionKind.Relative, Gated = true, KeyHeads = 2 },
        Small with { Positions = PositionKind.None, BlockSize = 2, RandomBlocks = 1, GlobalBlocks = 1, WindowBlocks = 0 },
    ];

    [Theory]
    [MemberData(nameof(Choices))]
    public void Every_choice_learns_and_every_parameter_has_a_gradient(CustomConfig config)
    {
        using CustomLanguageModel model = new(config, new ParameterSet(ParameterSource.Random(1)));
        (double first, double last) = Gradients.Descend(model, Inputs, 60, 0.2f);
        Assert.True(last < first / 2, $"{first} → {last}");
    }

    [Theory]
    [MemberData(nameof(Choices))]
    public void Every_choice_goes_on_from_its_cache_with_the_same_bits(CustomConfig config)
    {
        using CustomLanguageModel model = new(config, new ParameterSet(ParameterSource.Random(2)));
        using TensorScope scope = TensorScope.Begin();
        TokenBatch whole = TokenBatch.Of([1, 4, 5, 6, 2, 7, 8, 9]);
        float[] expected = model.Hidden(whole, whole.Context()).Value.ToArray();
        using KeyValueCache cache = new(model.CacheLayers);
        using KeyValueSequence sequence = cache.NewSequence();
        for (int t = 0; t < 8; t++)
        {
            TokenBatch step = TokenBatch.Of([whole.Ids[t]]).WithPositions([t]);
            Assert.Equal(expected[(t * 16)..((t + 1) * 16)], model.Hidden(step, step.Context(cache: [sequence])).Value.ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Choices))]
    public void Every_choice_survives_writing(CustomConfig config)
        => Assert.Equal(config.ToJson().ToJsonString(), Shapes.Read(new CustomFamily(), config.ToJson().ToJsonString()).ToJson().ToJsonString());

    [Fact]
    public void A_block_sees_neighbours_the_first_and_one_by_lot_that_does_not_depend_on_the_length()
    {
        BlockSparsity sparsity = new(4, window: 1, global: 1, random: 1);
        bool[] shorter = sparsity.Allowed(6), longer = sparsity.Allowed(9);
        for (int q = 0; q < 6; q++)
        {
            for (int k = 0; k < 6; k++)
            {
                Assert.Equal(shorter[(q * 6) + k], longer[(q * 9) + k]);
                if (q == 0 || k == 0 || Math.Abs(q - k) <= 1) Assert.True(shorter[(q * 6) + k]);
            }

            Assert.InRange(shorter.AsSpan(q * 6, 6).Count(true), 2, q == 0 ? 6 : 5);
        }
    }
}
