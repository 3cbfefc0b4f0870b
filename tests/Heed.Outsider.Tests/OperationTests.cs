using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Outsider.Tests;

/// <summary>A differentiable operation that Heed does not have.</summary>
public sealed class OperationTests
{
    [Fact]
    public void An_operation_of_ones_own_has_a_gradient()
    {
        using TensorScope scope = TensorScope.Begin();
        float[] values = [-3, -0.5f, 0, 0.7f, 4];
        Leaf leaf = new();
        using Tape tape = Tape.Begin();
        Variable y = Softplus.Apply(leaf.Of(Tensor.Create(values, 5))) * 2;
        tape.Backward(y.Sum());
        for (int i = 0; i < values.Length; i++)
        {
            Assert.Equal(2 * Math.Log(1 + Math.Exp(values[i])), y.Value.Span[i], 1e-6);
            Assert.Equal(2 / (1 + Math.Exp(-values[i])), leaf.Gradient!.Span[i], 1e-6);
        }
    }

    [Fact]
    public void Without_a_tape_nothing_is_recorded()
    {
        using TensorScope scope = TensorScope.Begin();
        Assert.False(Softplus.Apply(Tensor.Create([1f], 1)).NeedsGradient);
    }

    /// <summary>y = ln(1 + eˣ).</summary>
    private sealed class Softplus : Op
    {
        private readonly Variable _x;

        private Softplus(Variable x) => _x = Save(x);

        public static Variable Apply(Variable x)
        {
            Tensor y = Tensor.Uninitialized(x.Shape);
            for (int i = 0; i < y.Count; i++) y.Span[i] = MathF.Max(x.Value.Span[i], 0) + MathF.Log(1 + MathF.Exp(-MathF.Abs(x.Value.Span[i])));
            return x.NeedsGradient && Tape.IsRecording ? Tape.Record(new Softplus(x), y) : y;
        }

        // dx = dy / (1 + e⁻ˣ)
        protected override void Backward(Tensor dy)
        {
            Tensor dx = Tensor.Uninitialized(dy.Shape);
            for (int i = 0; i < dx.Count; i++) dx.Span[i] = dy.Span[i] / (1 + MathF.Exp(-_x.Value.Span[i]));
            Accumulate(_x, dx);
        }
    }
}
