using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class CrossEntropyKernelTests
{
    private static readonly (int Rows, int Classes, float Smoothing, bool Weighted)[] Shapes =
        [(0, 3, 0, false), (1, 1, 0, false), (5, 2, 0.1f, true), (7, 17, 0, false), (7, 16, 0.1f, false), (7, 65, 0.2f, true), (300, 197, 0, true), (3, 5003, 0.1f, false)];

    private static int[] Targets(int rows, int classes)
    {
        int[] targets = Ids(rows, classes);
        for (int i = 2; i < rows; i += 3) targets[i] = -100;
        return targets;
    }

    [Fact]
    public void Losses_and_gradient_match_the_double_definition()
    {
        foreach ((int rows, int classes, float smoothing, bool weighted) in Shapes)
        {
            float[] z = Floats(rows * classes, 1, 3), weights = weighted ? Floats(classes, 2, 0.1f, 1) : [], scale = Floats(rows, 3);
            int[] targets = Targets(rows, classes);
            float[] all = SameBits(() =>
            {
                CrossEntropyOptions options = new() { IgnoreIndex = -100, Smoothing = smoothing, ClassWeights = weights };
                float[] losses = new float[rows], sums = new float[2 * rows], dz = [.. z], both = [.. z], again = new float[rows];
                CrossEntropyKernel.Invoke(z, targets, classes, options, losses, sums);
                CrossEntropyKernel.Gradient(dz, targets, classes, options, sums, scale);
                CrossEntropyKernel.InvokeWithGradient(both, targets, classes, options, 0.25f, again);
                Equal(losses, again, "losses in one visit");
                return [.. losses, .. dz, .. both];
            });
            double[] losses = new double[rows], sums = new double[2 * rows], dz = Doubles(z), both = Doubles(z);
            CrossEntropyKernel.Scalar<double>(Doubles(z), targets, classes, -100, smoothing, Doubles(weights), losses, sums);
            CrossEntropyKernel.ScalarGradient<double>(dz, targets, classes, -100, smoothing, Doubles(weights), sums, Doubles(scale));
            CrossEntropyKernel.ScalarGradient<double>(both, targets, classes, -100, smoothing, Doubles(weights), sums, [0.25]);
            if (classes == 1) continue;   // all zero in theory
            Close(all.AsSpan(0, rows), losses, classes);
            Close(all.AsSpan(rows, dz.Length), dz, classes);
            Close(all.AsSpan(rows + dz.Length, dz.Length), both, classes);
        }
    }

    [Fact]
    public void The_definition_is_differentiated_rightly()
    {
        double[] z = Doubles(Floats(15, 1, 2)), weights = Doubles(Floats(5, 2, 0.1f, 1)), losses = new double[3], sums = new double[6];
        int[] targets = [1, -100, 4];
        double Loss(double[] at)
        {
            CrossEntropyKernel.Scalar(at, targets, 5, -100, 0.1, weights, losses, sums);
            return losses.Sum();
        }

        Loss(z);
        double[] dz = [.. z];
        CrossEntropyKernel.ScalarGradient<double>(dz, targets, 5, -100, 0.1, weights, sums, [1.0]);
        Differences(Loss, z, dz);
    }

    [Theory]
    [InlineData("plain", 0f)]
    [InlineData("label_smoothing", 0.1f)]
    [InlineData("class_weights", 0f)]
    [InlineData("sum", 0f)]
    [InlineData("weights_and_smoothing", 0.2f)]
    public void Reference_values_are_reproduced(string name, float smoothing)
    {
        using ModuleGolden golden = new("losses");
        string at = $"cross_entropy.{name}";
        float[] z = golden[$"{at}/logits"], weights = golden.Has($"{at}/weights") ? golden[$"{at}/weights"] : [];
        int[] targets = golden.Integers($"{at}/target");
        CrossEntropyOptions options = new() { IgnoreIndex = -100, Smoothing = smoothing, ClassWeights = weights };
        float[] losses = new float[targets.Length];
        double divisor = name == "sum" ? 1 : CrossEntropyKernel.TotalWeight(targets, options);
        CrossEntropyKernel.InvokeWithGradient(z, targets, z.Length / targets.Length, options, (float)(1 / divisor), losses);
        golden.Forward($"{at}/output", [(float)(ReductionKernel.Sum(losses) / divisor)]);
        golden.Gradient($"{at}/grad.logits", z, [1f]);
    }

    [Fact]
    public void With_nothing_to_predict_the_loss_is_zero_without_a_gradient()
    {
        using ModuleGolden golden = new("losses");
        float[] z = golden["cross_entropy.nothing_to_predict/logits"];
        int[] targets = golden.Integers("cross_entropy.nothing_to_predict/target");
        float[] losses = new float[targets.Length];
        CrossEntropyOptions options = new() { IgnoreIndex = -100 };
        CrossEntropyKernel.InvokeWithGradient(z, targets, z.Length / targets.Length, options, 1f, losses);
        Assert.All(losses, v => Assert.Equal(0f, v));
        Assert.All(z, v => Assert.Equal(0f, v));
        Assert.Equal(0, CrossEntropyKernel.TotalWeight(targets, options));
    }

    [Fact]
    public void A_target_that_is_no_class_is_refused_and_huge_logits_stay_finite()
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => CrossEntropyKernel.Invoke(new float[6], [0, 3], 3, new() { IgnoreIndex = -100 }, new float[2], new float[4]));
        Assert.Contains("targets[1] is 3; allowed are 0 to 2", e.Message, StringComparison.Ordinal);
        float[] z = [1e38f, -1e38f, 0, float.NegativeInfinity, 5, 5], losses = new float[2];
        CrossEntropyKernel.InvokeWithGradient(z, [0, 1], 3, new() { IgnoreIndex = -100 }, 1f, losses);
        Assert.Equal(0f, losses[0]);
        Assert.Equal(0.6931472f, losses[1], 1e-6f);
        Assert.All(z, v => Assert.True(float.IsFinite(v)));
    }
}
