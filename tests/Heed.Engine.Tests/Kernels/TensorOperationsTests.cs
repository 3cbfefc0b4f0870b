using System.Numerics.Tensors;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Tensor = Heed.Engine.Tensors.Tensor;

namespace Heed.Engine.Tests.Kernels;

/// <summary>The tensor API against plain loops, with System.Numerics.Tensors imported beside it. Ops check the same kernels over many
/// shapes.</summary>
public class TensorOperationsTests
{
    private static readonly float[] Row = [1, -2, 3];

    [Fact]
    public void Operators_broadcast()
    {
        Tensor x = Tensor.Create([1, 2, 3, 4, 5, 6], 2, 3), row = Tensor.Create(Row, 3);
        Assert.Equal([2f, 0, 6, 5, 3, 9], (x + row).ToArray());
        Assert.Equal([0f, 4, 0, 3, 7, 3], (x - row).ToArray());
        Assert.Equal([1f, -4, 9, 4, -10, 18], (x * row).ToArray());
        Assert.Equal([1f, -1, 1, 4, -2.5f, 2], (x / row).ToArray());
        Assert.Equal([3f, 5, 7, 9, 11, 13], ((2 * x) + 1).ToArray());
        Assert.Equal([-0.5f, -1, -1.5f, -2, -2.5f, -3], (-x / 2).ToArray());
        Assert.Equal(new Shape(2, 2, 3), (Tensor.Zeros(2, 1, 3) + x).Shape);
        ShapeException wrong = Assert.Throws<ShapeException>(() => x + Tensor.Zeros(2));
        Assert.Contains("[2, 3] and [2] do not broadcast", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reductions()
    {
        Tensor x = Tensor.Create([1, 5, 3, 4, 2, 6], 2, 3);
        Assert.Equal(21, x.Sum());
        Assert.Equal(3.5f, x.Mean());
        Assert.Equal(6, x.Max());
        Assert.Equal([5f, 7, 9], x.Sum(0).ToArray());
        Assert.Equal(new Shape(2, 1), x.Sum(-1, keep: true).Shape);
        Assert.Equal([3f, 4], x.Mean(1).ToArray());
        Assert.Equal([4f, 5, 6], x.Max(0).ToArray());
        Assert.Equal([1, 0, 1], x.ArgMax(0));
        Assert.Equal([1, 2], x.ArgMax());
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Sum(2));
        Assert.Throws<ArgumentException>(() => Tensor.Zeros(2, 0).Max(1));
    }

    [Fact]
    public void Products_of_matrices_and_batches()
    {
        Tensor a = Tensor.Create([1, 2, 3, 4], 2, 2), b = Tensor.Create([5, 6, 7, 8], 2, 2);
        Assert.Equal([19f, 22, 43, 50], a.MatMul(b).ToArray());
        Tensor batch = Tensor.Concatenate(0, a.Reshape(1, 2, 2), b.Reshape(1, 2, 2)).MatMul(b);
        Assert.Equal(new Shape(2, 2, 2), batch.Shape);
        Assert.Equal([19f, 22, 43, 50, 67, 78, 91, 106], batch.ToArray());
        Assert.Throws<ShapeException>(() => a.MatMul(Tensor.Zeros(3, 2)));
    }

    [Fact]
    public void Places_and_order()
    {
        Tensor x = Tensor.Create([0, 1, 2, 3, 4, 5], 2, 3);
        Assert.Equal([0f, 3, 1, 4, 2, 5], x.Transpose().ToArray());
        Assert.Equal(new Shape(3, 1, 2), x.Reshape(2, 3, 1).Permute(1, 2, 0).Shape);
        Assert.Equal([1f, 2, 4, 5], x.Slice(1, 1, 2).ToArray());
        Assert.Equal([3f, 4, 5, 0, 1, 2, 3, 4, 5], x.Gather([1, 0, 1]).ToArray());
        Assert.Equal([0f, 0, 0, 3, 5, 7], x.Scatter([1, 1], 2).ToArray());
        Assert.Equal([0f, 1, 2, 9, 3, 4, 5, 9], Tensor.Concatenate(1, x, Tensor.Full(new Shape(2, 1), 9)).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Gather([2]));
        Assert.Throws<ShapeException>(() => x.Permute(0, 0));
        Assert.Throws<ShapeException>(() => Tensor.Concatenate(0, x, Tensor.Zeros(1, 2)));
    }

    [Fact]
    public void Functions()
    {
        Tensor x = Tensor.Create([1, 2, 3, 4], 2, 2);
        Close.Relative("exp", x.Exp().Span, [Math.E, Math.Exp(2), Math.Exp(3), Math.Exp(4)], 2e-7);
        Close.Relative("log", x.Log().Span, [0, Math.Log(2), Math.Log(3), Math.Log(4)], 2e-7);
        Close.Relative("root", x.Sqrt().Span, [1, Math.Sqrt(2), Math.Sqrt(3), 2], 2e-7);
        Close.Relative("power", x.Power(1.5f).Span, [1, Math.Pow(2, 1.5), Math.Pow(3, 1.5), 8], 1e-6);
        Close.Relative("softmax", x.Softmax().Sum(1).Span, [1.0, 1], 2e-7);
        Close.Relative("log-softmax", x.LogSoftmax().Exp().Span, x.Softmax().Span, 1e-6);
        Assert.Equal([0f, 2], Tensor.Create([-1, 2], 2).Activate(Activation.Relu).ToArray());
    }

    [Fact]
    public void Beside_the_platforms_tensors()
    {
        Tensor<float> theirs = System.Numerics.Tensors.Tensor.Create([1f, 2, 3, 4], [2, 2]);
        Tensor ours = Tensor.From(theirs.AsReadOnlyTensorSpan());
        Assert.Equal([2f, 4, 6, 8], (ours + ours).ToArray());
        Assert.Equal(10, System.Numerics.Tensors.Tensor.Sum<float>(ours.AsTensorSpan()));
    }

    // cases: r17
    [Theory]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(71)]
    public void The_greatest_of_values_with_NaN_is_the_first_NaN_along_every_axis(int width)
    {
        foreach (int at in new[] { 0, 1, width / 2, width - 1 })
        {
            float[] row = [.. Enumerable.Range(0, width).Select(i => (float)(i * 7 % width))];
            row[at] = float.NaN;
            if (at == 1) row[^1] = float.NaN;                       // a second one, later
            Tensor x = Tensor.Create(row, 1, width), column = Tensor.Create(row, width, 1);
            Assert.True(float.IsNaN(x.Max()));
            Assert.True(float.IsNaN(x.Max(1)[0]));
            Assert.True(float.IsNaN(column.Max(0)[0]));
            Assert.Equal([at], x.ArgMax());
            Assert.Equal([at], column.ArgMax(0));
            Assert.Equal([at], Tensor.Create([.. row.SelectMany(v => new[] { v, v })], width, 2).ArgMax(0)[..1]);
            Leaf leaf = new();
            using Tape tape = Tape.Begin();
            tape.Backward(leaf.Of(x).Max(1).Sum());
            Assert.Equal(at, Array.IndexOf(leaf.Gradient!.ToArray(), 1f));
            leaf.Clear();
        }
    }

    [Fact]
    public void Large_permutations_and_broadcasts_have_the_definitions_bits()
    {
        foreach (int[] axes in new[] { new[] { 1, 0, 2 }, [2, 1, 0], [0, 2, 1], [1, 2, 0] })
        {
            Shape shape = new(37, 65, 33);
            float[] x = new float[shape.Count], expected = new float[shape.Count], actual = new float[shape.Count];
            new CounterRandom(1, 1).Uniform(x);
            PermuteKernel.Scalar<float>(x, shape, axes, expected);
            PermuteKernel.Invoke(x, shape, axes, actual);
            Assert.Equal(expected, actual);
        }

        foreach ((Shape a, Shape b) in new[] { (new Shape(70000), new Shape(1)), (new Shape(300, 1, 70), new Shape(5, 1)), (new Shape(3, 20001), new Shape(20001)), (new Shape(1), new Shape(40, 1000)) })
        {
            Shape y = BroadcastKernel.Shape(a, b, "test");
            float[] x = new float[a.Count], z = new float[b.Count], expected = new float[y.Count], actual = new float[y.Count];
            new CounterRandom(1, 1).Uniform(x);
            new CounterRandom(1, 2).Uniform(z);
            BroadcastKernel.Scalar<SubtractFunction, float>(default, x, a, z, b, expected, y);
            BroadcastKernel.Invoke(default(SubtractFunction), x, a, z, b, actual, y);
            Assert.Equal(expected, actual);
        }
    }
}
