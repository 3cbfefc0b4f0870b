using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class SoftmaxKernelTests
{
    private const float None = float.NegativeInfinity;

    [Fact]
    public void Softmax_and_its_logarithm_match_the_double_definition()
    {
        foreach ((int rows, int width) in ((int, int)[])[.. Widths.Select(w => (3, w)), (0, 4), (400, 65)])
        {
            int n = rows * width;
            float[] x = Floats(n, 1, 3), dy = Floats(n, 2);
            float[] all = SameBits(() =>
            {
                float[] y = new float[n], dx = new float[n], log = new float[n], dlog = new float[n];
                SoftmaxKernel.Invoke(x, width, y);
                SoftmaxKernel.Gradient(y, dy, width, dx);
                SoftmaxKernel.LogInvoke(x, width, log);
                SoftmaxKernel.LogGradient(log, dy, width, dlog);
                return [.. y, .. dx, .. log, .. dlog];
            });
            double[] y = new double[n], dx = new double[n], log = new double[n], dlog = new double[n];
            SoftmaxKernel.Scalar<double>(Doubles(x), width, y);
            SoftmaxKernel.ScalarGradient<double>(y, Doubles(dy), width, dx);
            SoftmaxKernel.ScalarLog<double>(Doubles(x), width, log);
            SoftmaxKernel.ScalarLogGradient<double>(log, Doubles(dy), width, dlog);
            Close(all.AsSpan(0, n), y, width);
            if (width == 1) continue;   // the gradients of one class are 0
            Close(all.AsSpan(n, n), dx, width);
            Close(all.AsSpan(2 * n, n), log, width);
            Close(all.AsSpan(3 * n, n), dlog, width);
        }
    }

    [Fact]
    public void The_definitions_are_differentiated_rightly()
    {
        double[] x = Doubles(Floats(12, 1, 2)), dy = Doubles(Floats(12, 2)), y = new double[12], dx = new double[12];
        double Loss()
        {
            SoftmaxKernel.Scalar<double>(x, 4, y);
            return Dot(y, dy);
        }

        Loss();
        SoftmaxKernel.ScalarGradient<double>(y, dy, 4, dx);
        Differences(_ => Loss(), x, dx);

        double LogLoss()
        {
            SoftmaxKernel.ScalarLog<double>(x, 4, y);
            return Dot(y, dy);
        }

        LogLoss();
        SoftmaxKernel.ScalarLogGradient<double>(y, dy, 4, dx);
        Differences(_ => LogLoss(), x, dx);
    }

    [Fact]
    public void Masked_entries_weigh_nothing_and_a_fully_masked_row_gives_zeros()
    {
        float[] x = [None, None, None, 1, None, 1, 3e38f, -3e38f, 0], y = new float[9], dx = new float[9], log = new float[9];
        SoftmaxKernel.Invoke(x, 3, y);
        Assert.Equal([0, 0, 0, 0.5f, 0, 0.5f, 1, 0, 0], y);
        SoftmaxKernel.Gradient(y, [1, 2, 3, 1, 2, 3, 1, 2, 3], 3, dx);
        Assert.Equal([0, 0, 0, -0.5f, 0, 0.5f, 0, 0, 0], dx);
        SoftmaxKernel.LogInvoke(x, 3, log);
        Assert.Equal([None, None, None, -0.6931472f, None, -0.6931472f, 0], log[..7]);
        SoftmaxKernel.LogGradient(log, [1, 2, 3, 1, 2, 3, 1, 2, 3], 3, dx);
        Assert.Equal([0, 0, 0, -2, 2, 0], dx[..6]);
        double[] scalar = new double[9];
        SoftmaxKernel.Scalar<double>(Doubles(x), 3, scalar);
        Close(y, scalar);
    }

    [Fact]
    public void A_NaN_shows_in_its_row_and_in_no_other()
    {
        float[] y = new float[9];
        SoftmaxKernel.Invoke([1, float.NaN, 2, 1, 2, 3, None, float.NaN, None], 3, y);
        Assert.Contains(y[..3], float.IsNaN);
        Assert.All(y[3..6], v => Assert.True(float.IsFinite(v)));
        Assert.Contains(y[6..], float.IsNaN);
    }

    [Fact]
    public void Reference_values_are_reproduced()
    {
        using ModuleGolden golden = new("pointwise");
        foreach (string name in golden.Cases.Where(c => c.StartsWith("softmax.", StringComparison.Ordinal)))
        {
            float[] x = golden[$"{name}/input"], dy = golden[$"{name}/grad_output"], y = new float[x.Length], dx = new float[x.Length], log = new float[x.Length];
            int width = (int)golden.Shape($"{name}/input")[1];
            SoftmaxKernel.Invoke(x, width, y);
            SoftmaxKernel.Gradient(y, dy, width, dx);
            SoftmaxKernel.LogInvoke(x, width, log);
            golden.Forward($"{name}/output", y);
            golden.Forward($"{name}/log_output", log);
            golden.Gradient($"{name}/grad.input", dx, dy);
        }
    }
}
