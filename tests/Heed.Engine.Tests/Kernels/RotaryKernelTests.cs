using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class RotaryKernelTests
{
    private static double[] Frequencies(int rotary) => [.. Enumerable.Range(0, rotary / 2).Select(i => Math.Pow(10000, -2.0 * i / rotary))];

    private static (float[] Cos, float[] Sin) Tables(int rotary, int positions, int first = 0)
    {
        float[] cos = new float[positions * rotary / 2], sin = new float[cos.Length];
        RotaryKernel.FillTables(Frequencies(rotary), 1, first, cos, sin);
        return (cos, sin);
    }

    [Theory]
    [InlineData(RotaryPairs.Halves)]
    [InlineData(RotaryPairs.Interleaved)]
    public void Turning_matches_the_double_definition_and_turning_back_is_its_inverse(RotaryPairs pairs)
    {
        foreach ((int rows, int heads, int width, int rotary) in ((int, int, int, int)[])[(0, 1, 4, 4), (1, 1, 2, 2), (7, 3, 64, 64), (5, 2, 80, 20), (300, 4, 66, 66), (3, 2, 6, 0)])
        {
            int stride = (heads * width) + 5;
            float[] x = Floats(rows * stride);
            int[] positions = Ids(rows, 40);
            (float[] cos, float[] sin) = Tables(Math.Max(2, rotary), 40);
            float[] all = SameBits(() =>
            {
                float[] y = new float[rows * heads * width], back = new float[y.Length];
                RotaryKernel.Invoke(x, stride, positions, cos, sin, heads, width, rotary, pairs, false, y, heads * width);
                RotaryKernel.Invoke(y, heads * width, positions, cos, sin, heads, width, rotary, pairs, true, back, heads * width);
                float[] place = [.. x];
                RotaryKernel.Invoke(place, stride, positions, cos, sin, heads, width, rotary, pairs, false, place, stride);
                for (int n = 0; n < rows; n++) Equal(y[(n * heads * width)..((n + 1) * heads * width)], place[(n * stride)..((n * stride) + (heads * width))], "in place");
                return [.. y, .. back];
            });
            int count = rows * heads * width;
            double[] expected = new double[count], plain = new double[count];
            RotaryKernel.Scalar<double>(Doubles(x), stride, positions, Doubles(cos), Doubles(sin), heads, width, rotary, pairs, false, expected, heads * width);
            for (int i = 0; i < count; i++) plain[i] = x[(i / (heads * width) * stride) + (i % (heads * width))];
            Close(all.AsSpan(0, count), expected, 2);
            Close(all.AsSpan(count), plain, 4);
        }
    }

    [Theory]
    [InlineData(RotaryPairs.Halves)]
    [InlineData(RotaryPairs.Interleaved)]
    public void The_definition_is_differentiated_by_its_inverse(RotaryPairs pairs)
    {
        double[] x = Doubles(Floats(12)), dy = Doubles(Floats(12, 2)), y = new double[12], dx = new double[12];
        (float[] cos, float[] sin) = Tables(4, 9);
        double Loss(double[] at)
        {
            RotaryKernel.Scalar<double>(at, 6, [3, 8], Doubles(cos), Doubles(sin), 1, 6, 4, pairs, false, y, 6);
            return Dot(y, dy);
        }

        RotaryKernel.Scalar<double>(dy, 6, [3, 8], Doubles(cos), Doubles(sin), 1, 6, 4, pairs, true, dx, 6);
        Differences(Loss, x, dx);
    }

    [Fact]
    public void Reference_values_are_reproduced()
    {
        using ModuleGolden golden = new("positions");
        (float[] cos, float[] sin) = Tables(16, 11, first: 5);
        int[] positions = [.. Enumerable.Range(0, 66).Select(n => n % 11)];   // [2, 3, 11] rows of one head
        foreach (string part in (string[])["q", "k"])
        {
            float[] x = golden[$"rope.rotate_halves/{part}"], dy = golden[$"rope.rotate_halves/grad_output.{part}"], y = new float[x.Length];
            RotaryKernel.Invoke(x, 16, positions, cos, sin, 1, 16, 16, RotaryPairs.Halves, false, y, 16);
            golden.Forward($"rope.rotate_halves/output_{part}", y);
            RotaryKernel.Invoke(dy, 16, positions, cos, sin, 1, 16, 16, RotaryPairs.Halves, true, y, 16);
            golden.Gradient($"rope.rotate_halves/grad.{part}", y, dy);
        }
    }

    [Fact]
    public void A_position_beyond_the_tables_is_refused()
    {
        (float[] cos, float[] sin) = Tables(4, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => RotaryKernel.Invoke(new float[4], 4, [3], cos, sin, 1, 4, 4, RotaryPairs.Halves, false, new float[4], 4));
        Assert.Throws<ArgumentException>(() => RotaryKernel.Invoke(new float[7], 4, [0, 1], cos, sin, 1, 4, 4, RotaryPairs.Halves, false, new float[8], 4));
    }
}
