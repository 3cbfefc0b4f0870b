using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class NormKernelTests
{
    private static readonly (int Rows, int Width)[] Shapes = [.. Widths.Select(w => (3, w)), (0, 5), (1, 7), (31, 5), (32, 5), (33, 5), (197, 48), (4500, 3), (70, 768)];

    private static float[] Layer(float[] x, float[] gain, float[] bias, float[] dy, int rows, int width)
    {
        float[] y = new float[x.Length], mean = new float[rows], rstd = new float[rows], dx = new float[x.Length], dgain = new float[width], dbias = new float[width];
        LayerNormKernel.Invoke(x, gain, bias, 1e-5f, width, y, mean, rstd);
        LayerNormKernel.Gradient(x, gain, mean, rstd, dy, width, dx, dgain, dbias);
        return [.. y, .. mean, .. rstd, .. dx, .. dgain, .. dbias];
    }

    [Fact]
    public void Layer_norm_matches_the_double_definition_at_every_shape()
    {
        foreach ((int rows, int width) in Shapes)
        {
            if (width == 1) continue;   // one element: the variance is 0 and everything but the bias is rounding
            int n = rows * width;
            float[] x = Floats(n, 1, 2, 1), dy = Floats(n, 2), gain = Floats(width, 3), bias = Floats(width, 4);
            float[] all = SameBits(() => Layer(x, gain, bias, dy, rows, width));
            double[] y = new double[n], mean = new double[rows], rstd = new double[rows], dx = new double[n], dgain = new double[width], dbias = new double[width];
            LayerNormKernel.Scalar(Doubles(x), Doubles(gain), Doubles(bias), (double)1e-5f, width, y, mean, rstd);
            LayerNormKernel.ScalarGradient<double>(Doubles(x), Doubles(gain), mean, rstd, Doubles(dy), width, dx, dgain, dbias);
            if (width == 2 || rows == 4500) continue;   // x̂ is ±1 whatever x is: the gradient cancels; the bits were compared
            int at = 0;
            foreach ((double[] part, int terms) in ((double[], int)[])[(y, width), (mean, width), (rstd, width), (dx, width), (dgain, Math.Max(rows, width)), (dbias, rows)])
            {
                Close(all.AsSpan(at, part.Length), part, terms);
                at += part.Length;
            }
        }
    }

    [Fact]
    public void Rms_norm_matches_the_double_definition_at_every_shape()
    {
        foreach ((int rows, int width) in Shapes)
        {
            int n = rows * width;
            float[] x = Floats(n, 1, 2, 1), dy = Floats(n, 2), gain = Floats(width, 3);
            float[] all = SameBits(() =>
            {
                float[] y = new float[n], rstd = new float[rows], dx = new float[n], dgain = new float[width];
                RmsNormKernel.Invoke(x, gain, 1e-6f, width, y, rstd);
                RmsNormKernel.Gradient(x, gain, rstd, dy, width, dx, dgain);
                return [.. y, .. rstd, .. dx, .. dgain];
            });
            double[] y = new double[n], rstd = new double[rows], dx = new double[n], dgain = new double[width];
            RmsNormKernel.Scalar(Doubles(x), Doubles(gain), (double)1e-6f, width, y, rstd);
            RmsNormKernel.ScalarGradient<double>(Doubles(x), Doubles(gain), rstd, Doubles(dy), width, dx, dgain);
            Close(all.AsSpan(0, n), y, width);
            Close(all.AsSpan(n, rows), rstd, width);
            if (width > 3) Close(all.AsSpan(n + rows, n), dx, width);   // of one element zero in theory
            Close(all.AsSpan(n + rows + n, width), dgain, Math.Max(rows, width));
        }
    }

    [Fact]
    public void The_definitions_are_differentiated_rightly()
    {
        const int rows = 3, width = 5, n = rows * width;
        double[] x = Doubles(Floats(n, 1, 2, 1)), dy = Doubles(Floats(n, 2)), gain = Doubles(Floats(width, 3)), bias = Doubles(Floats(width, 4));
        double[] y = new double[n], mean = new double[rows], rstd = new double[rows], dx = new double[n], dgain = new double[width], dbias = new double[width];
        double Layer()
        {
            LayerNormKernel.Scalar(x, gain, bias, 1e-5, width, y, mean, rstd);
            return Dot(y, dy);
        }

        Layer();
        LayerNormKernel.ScalarGradient<double>(x, gain, mean, rstd, dy, width, dx, dgain, dbias);
        Differences(_ => Layer(), x, dx);
        Differences(_ => Layer(), gain, dgain);
        Differences(_ => Layer(), bias, dbias);

        double Rms()
        {
            RmsNormKernel.Scalar(x, gain, 1e-6, width, y, rstd);
            return Dot(y, dy);
        }

        Rms();
        RmsNormKernel.ScalarGradient<double>(x, gain, rstd, dy, width, dx, dgain);
        Differences(_ => Rms(), x, dx);
        Differences(_ => Rms(), gain, dgain);
    }

    [Fact]
    public void Layer_norm_reproduces_the_reference_values()
    {
        using ModuleGolden golden = new("pointwise");
        int cases = 0;
        foreach (string name in golden.Cases.Where(c => c.StartsWith("layer_norm.", StringComparison.Ordinal)))
        {
            cases++;
            float[] x = golden[$"{name}/input"], gain = golden[$"{name}/gain"], bias = golden[$"{name}/bias"], dy = golden[$"{name}/grad_output"];
            float epsilon = name.Contains("1e-12", StringComparison.Ordinal) ? 1e-12f : 1e-5f;
            int width = gain.Length, rows = x.Length / width;
            float[] y = new float[x.Length], mean = new float[rows], rstd = new float[rows], dx = new float[x.Length], dgain = new float[width], dbias = new float[width];
            LayerNormKernel.Invoke(x, gain, bias, epsilon, width, y, mean, rstd);
            LayerNormKernel.Gradient(x, gain, mean, rstd, dy, width, dx, dgain, dbias);
            golden.Forward($"{name}/output", y);
            golden.Gradient($"{name}/grad.bias", dbias, dy);
            if (width == 1) continue;
            golden.Gradient($"{name}/grad.gain", dgain, dy);
            golden.Gradient($"{name}/grad.input", dx, dy);
        }

        Assert.Equal(16, cases);
    }

    [Fact]
    public void Rms_norm_reproduces_the_reference_values()
    {
        using ModuleGolden golden = new("pointwise");
        foreach (int width in (int[])[1, 5, 37, 768])
        {
            string name = $"rms_norm.{width}";
            float[] x = golden[$"{name}/input"], gain = golden[$"{name}/gain"], dy = golden[$"{name}/grad_output"];
            float[] y = new float[x.Length], rstd = new float[x.Length / width], dx = new float[x.Length], dgain = new float[width];
            RmsNormKernel.Invoke(x, gain, 1e-6f, width, y, rstd);
            RmsNormKernel.Gradient(x, gain, rstd, dy, width, dx, dgain);
            golden.Forward($"{name}/output", y);
            golden.Gradient($"{name}/grad.gain", dgain, dy);
            golden.Gradient($"{name}/grad.input", dx, dy);
        }
    }

    [Fact]
    public void A_row_depends_on_itself_alone_and_missing_gains_are_one()
    {
        float[] x = Floats(5 * 77), y = new float[5 * 77], alone = new float[77], one = new float[77], zero = new float[77];
        one.AsSpan().Fill(1f);
        LayerNormKernel.Invoke(x, default, default, 1e-12f, 77, y, new float[5], new float[5]);
        LayerNormKernel.Invoke(x.AsSpan(3 * 77, 77), one, zero, 1e-12f, 77, alone, new float[1], new float[1]);
        Equal(y[(3 * 77)..(4 * 77)], alone, "alone");
    }

    [Fact]
    public void A_constant_row_is_safe_with_a_tiny_epsilon()
    {
        float[] x = new float[64], y = new float[64], dx = new float[64], mean = new float[1], rstd = new float[1];
        x.AsSpan().Fill(3f);
        LayerNormKernel.Invoke(x, default, default, 1e-12f, 64, y, mean, rstd);
        LayerNormKernel.Gradient(x, default, mean, rstd, Floats(64), 64, dx, default, default);
        Assert.All(y, v => Assert.Equal(0f, v));
        Assert.All(dx, v => Assert.True(float.IsFinite(v)));
    }
}
