using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Xunit;

namespace Heed.Engine.Tests.Nn;

public class FeedForwardTests
{
    private static readonly FeedForwardConfig Gated = new()
    {
        Width = 5,
        InnerWidth = 7,
        Activation = Activation.Gelu,
        UpName = "up",
        DownName = "down",
        GateName = "gate",
    };

    [Fact]
    public void A_gate_in_the_first_projection_computes_what_a_gate_of_its_own_does()
    {
        using ParameterSet one = new(ParameterSource.Random(1)), two = new(ParameterSource.Random(2));
        FeedForward separate = new(Gated, one.Root), fused = new(Gated with { GateName = null, FusedGate = true }, two.Root);
        foreach (string kind in (string[])["weight", "bias"])
        {
            float[] gate = one[$"gate.{kind}"].Value.ToArray(), up = one[$"up.{kind}"].Value.ToArray();
            two[$"up.{kind}"].Assign(Tensor.Create([.. gate, .. up], two[$"up.{kind}"].Shape));
            two[$"down.{kind}"].Assign(one[$"down.{kind}"].Value.Clone());
        }

        ForwardContext context = new([0, 3], [0, 1, 2]);
        Variable x = Tensor.Create([.. Enumerable.Range(0, 15).Select(i => MathF.Sin(i))], new Shape(3, 5));
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        Variable expected = separate.Forward(x, context), actual = fused.Forward(x, context);
        Assert.Equal(expected.Value.ToArray(), actual.Value.ToArray());
        tape.Backward((expected + actual).Sum());
        float[] gradients = [.. one["gate.weight"].Gradient!.ToArray(), .. one["up.weight"].Gradient!.ToArray()];
        Assert.Equal(gradients, two["up.weight"].Gradient!.ToArray());
    }

    [Fact]
    public void A_gate_stands_in_one_place()
    {
        ParameterSet shapes = new(ParameterSource.ShapesOnly);
        Assert.Throws<ArgumentException>(() => new FeedForward(Gated with { FusedGate = true }, shapes.Root));
    }
}
