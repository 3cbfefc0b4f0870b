using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Testing;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Tests that set the threads or the lanes' width: they run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class KernelCollection
{
    public const string Name = "kernels";
}

/// <summary>What the tests of kernels share: values, comparisons with the double definitions, equal bits, central differences.</summary>
internal static class KernelCheck
{
    /// <summary>Lengths about the lanes, the unrolled blocks and the parts.</summary>
    public static readonly int[] Lengths = [0, 1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 197, 4096, 16383, 16384, 16385, 49157];

    /// <summary>Widths of rows.</summary>
    public static readonly int[] Widths = [1, 2, 15, 16, 17, 37, 63, 64, 65, 197, 768];

    public static float[] Floats(int count, int seed = 1, float scale = 1, float offset = 0)
    {
        var values = new float[count];
        new CounterRandom((ulong)seed, 77).Normal(values, offset, scale);
        return values;
    }

    public static double[] Doubles(ReadOnlySpan<float> values)
    {
        var doubles = new double[values.Length];
        for (int i = 0; i < doubles.Length; i++) doubles[i] = values[i];
        return doubles;
    }

    public static int[] Ids(int count, int bound, int seed = 1)
    {
        var ids = new int[count];
        for (int i = 0; i < count; i++) ids[i] = new CounterRandom((ulong)seed, 5).Integer((ulong)i, bound);
        return ids;
    }

    /// <summary>‖actual − expected‖ / ‖expected‖ ≤ 4·√terms·2⁻²⁴, terms being the length of the reduction; elements that are not finite must be the same.</summary>
    public static void Close(ReadOnlySpan<float> actual, ReadOnlySpan<double> expected, int terms = 1) =>
        Close(actual, expected, 4 * Math.Sqrt(Math.Max(1, terms)) / (1 << 24), 0);

    public static void Close(ReadOnlySpan<float> actual, ReadOnlySpan<double> expected, double tolerance, double floor)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0, norm = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            if (!double.IsFinite(expected[i]))
            {
                Assert.Equal((float)expected[i], actual[i]);
                continue;
            }

            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += expected[i] * expected[i];
        }

        double limit = Math.Max(tolerance * Math.Sqrt(norm), floor);
        Assert.True(Math.Sqrt(difference) <= limit, $"difference {Math.Sqrt(difference):g3} of norm {Math.Sqrt(norm):g3}: more than {limit:g3}");
    }

    /// <summary>Runs at 512, 256 and 128 bits with 1 thread and at the widest with 2, 3 and 5 threads: every bit must be equal. Returns the result.</summary>
    public static float[] SameBits(Func<float[]> run)
    {
        LaneWidth width = Lanes.Width;
        try
        {
            float[] first;
            using (ComputeContext single = new(new ComputeOptions { Threads = 1 }))
            using (single.Enter()) first = run();
            if (Lanes.HasFma)
            {
                foreach (LaneWidth other in (LaneWidth[])[LaneWidth.Lanes512, LaneWidth.Lanes256, LaneWidth.Lanes128])
                {
                    Lanes.Width = other;
                    Equal(first, run(), $"{other}");
                }

                Lanes.Width = width;
            }

            foreach (int count in (int[])[2, 3, 5])
            {
                using ComputeContext context = new(new ComputeOptions { Threads = count });
                using ContextScope entered = context.Enter();
                Equal(first, run(), $"{count} threads");
            }

            return first;
        }
        finally
        {
            Lanes.Width = width;
        }
    }

    public static void Equal(float[] first, float[] other, string what)
    {
        Assert.Equal(first.Length, other.Length);
        for (int i = 0; i < first.Length; i++)
        {
            Assert.True(
                BitConverter.SingleToInt32Bits(first[i]) == BitConverter.SingleToInt32Bits(other[i]) || (float.IsNaN(first[i]) && float.IsNaN(other[i])),
                $"{what}: element {i} of {first.Length} is {other[i]:R}, not {first[i]:R}");
        }
    }

    /// <summary>The analytic gradient of loss at x against central differences: eps 1e-6, atol 1e-5, rtol 1e-3.</summary>
    public static void Differences(Func<double[], double> loss, double[] x, ReadOnlySpan<double> gradient)
    {
        Assert.Equal(x.Length, gradient.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double kept = x[i];
            x[i] = kept + 1e-6;
            double up = loss(x);
            x[i] = kept - 1e-6;
            double down = loss(x);
            x[i] = kept;
            double expected = (up - down) / 2e-6;
            Assert.True(Math.Abs(gradient[i] - expected) <= 1e-5 + (1e-3 * Math.Abs(expected)), $"element {i}: gradient {gradient[i]:g6}, difference quotient {expected:g6}");
        }
    }

    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b) => ReductionKernel.Scalar(a, b);

    public static float[] Make(int count, Action<float[]> fill)
    {
        var values = new float[count];
        values.AsSpan().Fill(float.NaN);   // every element must be written
        fill(values);
        return values;
    }

    public static double[] MakeDouble(int count, Action<double[]> fill)
    {
        var values = new double[count];
        fill(values);
        return values;
    }
}

/// <summary>One part of the reference values of goldens/modules.</summary>
internal sealed class ModuleGolden(string part) : IDisposable
{
    private readonly SafetensorsFile _file = SafetensorsFile.Open(Path.Combine(Repository.Goldens, "modules", part + ".safetensors"));

    public IEnumerable<string> Cases => _file.Tensors.Select(t => t.Name[..t.Name.LastIndexOf('/')]).Distinct();

    public bool Has(string name) => _file.TryGet(name, out _);

    public float[] this[string name] => _file[name].ToFloats();

    public long[] Shape(string name) => _file[name].Sizes;

    public int[] Integers(string name)
    {
        byte[] bytes = _file[name].ToBytes();
        var values = new int[bytes.Length / 8];
        for (int i = 0; i < values.Length; i++) values[i] = checked((int)BitConverter.ToInt64(bytes, 8 * i));
        return values;
    }

    public bool[] Booleans(string name) => [.. _file[name].ToBytes().Select(b => b != 0)];

    /// <summary>Relative L2 ≤ 2e-6.</summary>
    public void Forward(string name, ReadOnlySpan<float> actual) => KernelCheck.Close(actual, KernelCheck.Doubles(this[name]), 2e-6, 0);

    /// <summary>Relative L2 ≤ 1e-5 with a floor of 1e-6 × ‖grad_output‖.</summary>
    public void Gradient(string name, ReadOnlySpan<float> actual, ReadOnlySpan<float> gradOutput)
    {
        double norm = 0;
        foreach (float g in gradOutput) norm += (double)g * g;
        KernelCheck.Close(actual, KernelCheck.Doubles(this[name]), 1e-5, 1e-6 * Math.Sqrt(norm));
    }

    public void Dispose() => _file.Dispose();
}
