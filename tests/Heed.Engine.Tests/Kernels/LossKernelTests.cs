using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class LossKernelTests
{
    [Fact]
    public void Binary_cross_entropy_and_squared_error_match_the_double_definitions()
    {
        foreach (int n in (int[])[0, 15, 65, 16385])
        {
            float[] z = Floats(n, 1, 4), t = Floats(n, 2);
            float[] all = SameBits(() =>
            {
                float[] a = new float[n], b = new float[n], c = new float[n], d = new float[n];
                LossKernel.BinaryCrossEntropy(z, t, a);
                LossKernel.BinaryCrossEntropyGradient(z, t, 0.5f, b);
                LossKernel.SquaredError(z, t, c);
                LossKernel.SquaredErrorGradient(z, t, 0.5f, d);
                return [.. a, .. b, .. c, .. d];
            });
            Close(all.AsSpan(0, n), MakeDouble(n, y => MapKernel.Scalar<LossKernel.BinaryFunction, double>(default, Doubles(z), Doubles(t), y)));
            Close(all.AsSpan(n, n), MakeDouble(n, y => MapKernel.Scalar<LossKernel.BinaryGradientFunction, double>(new(0.5f), Doubles(z), Doubles(t), y)));
            Close(all.AsSpan(2 * n, n), MakeDouble(n, y => MapKernel.Scalar<LossKernel.SquareFunction, double>(default, Doubles(z), Doubles(t), y)));
            Close(all.AsSpan(3 * n, n), MakeDouble(n, y => MapKernel.Scalar<LossKernel.SquareGradientFunction, double>(new(0.5f), Doubles(z), Doubles(t), y)));
        }
    }

    [Fact]
    public void The_definitions_are_differentiated_rightly()
    {
        double[] z = [-3, -0.2, 0.4, 5], t = [0, 1, 0.3, 1], g = new double[4];
        MapKernel.Scalar<LossKernel.BinaryGradientFunction, double>(new(1), z, t, g);
        Differences(v => v.Select((x, i) => default(LossKernel.BinaryFunction).Scalar(x, t[i])).Sum(), z, g);
        MapKernel.Scalar<LossKernel.SquareGradientFunction, double>(new(1), z, t, g);
        Differences(v => v.Select((x, i) => default(LossKernel.SquareFunction).Scalar(x, t[i])).Sum(), z, g);
        double[] student = Doubles(Floats(10, 1, 2)), teacher = Doubles(Floats(10, 2, 2)), losses = new double[2], ds = new double[10];
        DistillationKernel.Scalar<double>(student, teacher, 5, 2, losses, 1, ds);
        Differences(
            v =>
            {
                DistillationKernel.Scalar<double>(v, teacher, 5, 2, losses, 1, default);
                return losses.Sum();
            },
            student, ds);
    }

    [Fact]
    public void Distillation_matches_the_double_definition()
    {
        foreach (int classes in Widths)
        {
            float[] s = Floats(5 * classes, 1, 2), t = Floats(5 * classes, 2, 2);
            float[] all = SameBits(() =>
            {
                float[] losses = new float[5], ds = [.. s];
                DistillationKernel.Invoke(ds, t, classes, 2f, losses, 0.5f, ds);
                return [.. losses, .. ds];
            });
            double[] losses = new double[5], ds = new double[s.Length];
            DistillationKernel.Scalar<double>(Doubles(s), Doubles(t), classes, 2, losses, 0.5, ds);
            if (classes == 1) continue;   // zero in theory
            Close(all.AsSpan(0, 5), losses, classes);
            Close(all.AsSpan(5), ds, classes);
        }
    }

    [Fact]
    public void Reference_values_are_reproduced()
    {
        using ModuleGolden golden = new("losses");
        foreach (float temperature in (float[])[1, 2])
        {
            string name = temperature == 1 ? "distillation.T1.0" : "distillation.T2.0";
            float[] s = golden[$"{name}/logits"], t = golden[$"{name}/teacher"], losses = new float[9], ds = new float[s.Length];
            DistillationKernel.Invoke(s, t, s.Length / 9, temperature, losses, 1f / 9, ds);
            golden.Forward($"{name}/output", [ReductionKernel.Sum(losses) / 9]);
            golden.Gradient($"{name}/grad.logits", ds, [1f]);
        }

        float[] z = golden["binary_cross_entropy/logits"], target = golden["binary_cross_entropy/target"], y = new float[z.Length], dz = new float[z.Length];
        LossKernel.BinaryCrossEntropy(z, target, y);
        LossKernel.BinaryCrossEntropyGradient(z, target, 1f / z.Length, dz);
        golden.Forward("binary_cross_entropy/output", [ReductionKernel.Sum(y) / z.Length]);
        golden.Gradient("binary_cross_entropy/grad.logits", dz, [1f]);
        z = golden["mean_squared_error/input"];
        LossKernel.SquaredError(z, golden["mean_squared_error/target"], y);
        LossKernel.SquaredErrorGradient(z, golden["mean_squared_error/target"], 1f / z.Length, dz);
        golden.Forward("mean_squared_error/output", [ReductionKernel.Sum(y) / z.Length]);
        golden.Gradient("mean_squared_error/grad.input", dz, [1f]);
    }

    [Fact]
    public void Huge_logits_stay_finite_and_impossible_classes_of_the_teacher_weigh_nothing()
    {
        float[] y = new float[2], ds = new float[2];
        LossKernel.BinaryCrossEntropy([1e30f, -1e30f], [1f, 0f], y);
        Assert.Equal([0f, 0f], y);
        DistillationKernel.Invoke([0f, 0f], [0f, float.NegativeInfinity], 2, 1f, y.AsSpan(0, 1), 1f, ds);
        Assert.Equal(0.6931472f, y[0], 1e-6f);
        Assert.Equal([-0.5f, 0.5f], ds);
    }
}
