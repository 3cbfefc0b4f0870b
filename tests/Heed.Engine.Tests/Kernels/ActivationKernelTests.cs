using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class ActivationKernelTests
{
    public static TheoryData<Activation> Kinds => [.. Enum.GetValues<Activation>()];

    [Theory, MemberData(nameof(Kinds))]
    public void Forward_and_gradient_match_the_double_definition_at_every_length(Activation kind)
    {
        int longest = Lengths.Max();
        float[] x = Floats(longest, 1, 2), dy = Floats(longest, 2);
        float[] y = SameBits(() => Make(longest, y => ActivationKernel.Invoke(kind, x, y)));
        float[] dx = SameBits(() => Make(longest, dx => ActivationKernel.Gradient(kind, x, dy, dx)));
        Close(y, MakeDouble(longest, d => { for (int i = 0; i < longest; i++) d[i] = ActivationKernel.Scalar(kind, (double)x[i]); }));
        Close(dx, MakeDouble(longest, d => { for (int i = 0; i < longest; i++) d[i] = dy[i] * ActivationKernel.ScalarDerivative(kind, (double)x[i]); }));
        foreach (int n in Lengths)
        {
            // Each element alone: a shorter call gives the longer one's first bits.
            Equal(y[..n], SameBits(() => Make(n, y => ActivationKernel.Invoke(kind, x.AsSpan(0, n), y))), $"{n} elements");
            Equal(dx[..n], SameBits(() => Make(n, dx => ActivationKernel.Gradient(kind, x.AsSpan(0, n), dy.AsSpan(0, n), dx))), $"{n} elements");
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_definition_is_differentiated_rightly(Activation kind)
    {
        double[] x = [-7, -2.1, -0.3, 0.2, 0.9, 3.3, 8];
        Differences(
            v => v.Sum(e => ActivationKernel.Scalar(kind, e)),
            x,
            x.Select(e => ActivationKernel.ScalarDerivative(kind, e)).ToArray());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Large_numbers_stay_finite_and_NaN_stays(Activation kind)
    {
        float[] x = [1e30f, -1e30f, 3e38f, -3e38f, 100, -100, 0, float.NaN];
        float[] y = new float[8], dx = new float[8];
        ActivationKernel.Invoke(kind, x, y);
        ActivationKernel.Gradient(kind, x, [1, 1, 1, 1, 1, 1, 1, 1], dx);
        Assert.All(y[..7], v => Assert.True(float.IsFinite(v)));
        Assert.All(dx[..7], v => Assert.True(float.IsFinite(v)));
        // The definitions too: a computer without vectors runs them.
        Assert.All(x[..7], v => Assert.True(float.IsFinite(ActivationKernel.Scalar(kind, v)) && float.IsFinite(ActivationKernel.ScalarDerivative(kind, v)), $"{kind} of {v}"));
        Assert.True(float.IsNaN(y[7]));
    }

    [Theory]
    [InlineData("relu", Activation.Relu)]
    [InlineData("gelu", Activation.Gelu)]
    [InlineData("gelu_new", Activation.GeluTanh)]
    [InlineData("gelu_pytorch_tanh", Activation.GeluTanh)]
    [InlineData("quick_gelu", Activation.QuickGelu)]
    [InlineData("silu", Activation.Silu)]
    [InlineData("tanh", Activation.Tanh)]
    [InlineData("sigmoid", Activation.Sigmoid)]
    public void Reference_values_are_reproduced(string name, Activation kind)
    {
        using ModuleGolden golden = new("pointwise");
        float[] x = golden[$"{name}/input"], y = new float[x.Length], dx = new float[x.Length], ones = new float[x.Length];
        ones.AsSpan().Fill(1f);
        ActivationKernel.Invoke(kind, x, y);
        ActivationKernel.Gradient(kind, x, ones, dx);
        golden.Forward($"{name}/output", y);
        golden.Gradient($"{name}/grad_ones", dx, ones);
    }

    [Fact]
    public void A_result_may_overwrite_its_operand_and_lengths_must_agree()
    {
        float[] x = Floats(100), y = new float[100];
        ActivationKernel.Invoke(Activation.Gelu, x, y);
        ActivationKernel.Invoke(Activation.Gelu, x, x);
        Equal(y, x, "in place");
        Assert.Throws<ArgumentException>(() => ActivationKernel.Invoke(Activation.Gelu, x, new float[99]));
        Assert.Throws<ArgumentException>(() => ActivationKernel.Gradient(Activation.Gelu, x, new float[101], x));
    }
}
