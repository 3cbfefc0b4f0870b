using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Nn;

/// <summary>Sizes of attention that do not fit together are refused before any weight is made.</summary>
public class AttentionConfigTests
{
    // cases: u10
    [Theory]
    [InlineData(36, 7)]
    [InlineData(36, 0)]
    [InlineData(36, -2)]
    public void A_width_that_is_no_multiple_of_the_heads_is_refused(int width, int heads)
    {
        AttentionConfig config = new() { Width = width, Heads = heads };
        string message = Assert.Throws<ShapeException>(() => config.HeadWidth).Message;
        Assert.Contains($"the width {width} cannot be divided into {heads} heads", message, StringComparison.Ordinal);
        using ParameterSet parameters = new(ParameterSource.Random(1));
        Assert.Throws<ShapeException>(() => new MultiHeadAttention(config, parameters.Root));
        Assert.Empty(parameters);
    }

    [Fact]
    public void A_head_width_of_its_own_needs_no_multiple()
        => Assert.Equal(5, new AttentionConfig { Width = 36, Heads = 7, HeadWidth = 5 }.HeadWidth);
}
