using Heed.Engine.Kernels;

namespace Heed.Engine.Tests.Kernels;

public unsafe class LanesTests
{
    private static float[] Everything<L>(float[] a, float[] b) where L : struct, ILanes<L>
    {
        var results = new List<float>();
        float* buffer = stackalloc float[20];
        fixed (float* pa = a, pb = b)
        {
            L x = L.Load(pa), y = L.Load(pb), one = L.Broadcast(1f);
            (L m, L e) = L.Split(L.Abs(x) + one);
            L mask = L.GreaterThan(x, y);
            foreach (L v in (L[])[x + y, x - y, x * y, x / y, -x, L.Fma(x, y, one), L.Max(x, y), L.Min(x, y), L.Sqrt(L.Abs(x)), L.Abs(x), L.Floor(x), L.Round(x),
                L.Select(mask, x, y), L.Select(L.GreaterThanOrEqual(x, y), one, L.Zero), L.Select(L.EqualTo(x, y), one, L.Zero), m, e,
                L.AddToExponent(one + L.Abs(x), L.Round(y) + L.Broadcast(12582912f)), L.LoadPart(pa, 5, 7f)])
            {
                L.Store(v, buffer);
                results.AddRange(new ReadOnlySpan<float>(buffer, 16));
                results.AddRange([L.Sum(v), L.MaxAcross(v), L.First(v)]);
            }

            int* integers = stackalloc int[16];
            for (int i = 0; i < 16; i++) integers[i] = (i * 7919) - 60000;
            L.Store(L.FromInt32(integers), buffer);
            results.AddRange(new ReadOnlySpan<float>(buffer, 16));
            for (int count = 0; count <= 16; count++)
            {
                new Span<float>(buffer, 20).Fill(-3f);
                L.StorePart(x, buffer, count);
                results.AddRange(new ReadOnlySpan<float>(buffer, 20));
            }
        }

        return [.. results];
    }

    [Fact]
    public void The_three_carriers_give_the_same_bits()
    {
        float[] a = KernelCheck.Floats(16, 3, 4), b = KernelCheck.Floats(16, 4, 4);
        (a[2], b[5], a[7], b[7], a[9], b[9]) = (float.NaN, float.NaN, 0f, -0f, float.PositiveInfinity, float.NegativeInfinity);
        float[] expected = Everything<Lanes128>(a, b);
        KernelCheck.Equal(expected, Everything<Lanes256>(a, b), "256");
        KernelCheck.Equal(expected, Everything<Lanes512>(a, b), "512");
    }

    [Fact]
    public void Maximum_and_minimum_keep_a_NaN_of_the_second_operand()
    {
        float[] nan = Enumerable.Repeat(float.NaN, 16).ToArray();
        fixed (float* p = nan)
        {
            Assert.True(float.IsNaN(Lanes256.First(Lanes256.Max(Lanes256.Zero, Lanes256.Load(p)))));
            Assert.True(float.IsNaN(Lanes256.First(Lanes256.Min(Lanes256.Zero, Lanes256.Load(p)))));
            Assert.Equal(0f, Lanes256.First(Lanes256.Max(Lanes256.Load(p), Lanes256.Zero)));
        }
    }
}
