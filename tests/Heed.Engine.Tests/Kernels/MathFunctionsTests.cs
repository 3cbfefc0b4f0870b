using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class MathFunctionsTests
{
    private enum Function
    {
        Exp,
        Log,
        Tanh,
        Erf,
        Sigmoid,
        LogOnePlus,
    }

    private readonly struct Map(Function function) : IMap
    {
        public L Lane<L>(L x) where L : struct, ILanes<L> => function switch
        {
            Function.Exp => MathFunctions.Exp(x),
            Function.Log => MathFunctions.Log(x),
            Function.Tanh => MathFunctions.Tanh(x),
            Function.Erf => MathFunctions.Erf(x),
            Function.Sigmoid => MathFunctions.Sigmoid(x),
            _ => MathFunctions.LogOnePlus(x),
        };

        public T Scalar<T>(T x) where T : System.Numerics.IFloatingPointIeee754<T> => function switch
        {
            Function.Exp => T.Exp(x),
            Function.Log => T.Log(x),
            Function.Tanh => T.Tanh(x),
            Function.Erf => ScalarMath.Erf(x),
            Function.Sigmoid => ScalarMath.Sigmoid(x),
            _ => T.LogP1(x),
        };
    }

    // Error in units in the last place of the correct float, worst over a sweep of the interval.
    private static double WorstUlps(Function function, float from, float to, int count)
    {
        var x = new float[count];
        for (int i = 0; i < count; i++) x[i] = from + (float)((to - (double)from) * i / (count - 1));
        float[] y = Apply(function, x);
        double worst = 0;
        for (int i = 0; i < count; i++)
        {
            double expected = new Map(function).Scalar((double)x[i]);
            double unit = MathF.BitIncrement(Math.Abs((float)expected)) - (double)Math.Abs((float)expected);
            worst = Math.Max(worst, Math.Abs(y[i] - expected) / unit);
        }

        return worst;
    }

    [Fact]
    public void Every_power_at_the_end_of_float32_is_finite_or_infinity()
    {
        // All floats from 88 to 89: the last one whose power is a float32 is among them.
        List<float> x = [];
        for (float at = 88; at < 89; at = MathF.BitIncrement(at)) x.Add(at);
        float[] y = Apply(Function.Exp, [.. x]);
        for (int i = 0; i < y.Length; i++)
        {
            double expected = Math.Exp(x[i]);
            if ((float)expected < float.PositiveInfinity) Assert.True(Math.Abs(y[i] - expected) < 1e-6 * expected, $"exp {x[i]:R} is {y[i]:R}");
            else Assert.Equal(float.PositiveInfinity, y[i]);
        }

        Assert.Equal(float.PositiveInfinity, y[^1]);
        Assert.DoesNotContain(Apply(Function.Sigmoid, [.. x.Select(v => -v)]), float.IsNaN);
        // −10.0609665 makes 88.7228394 of it: the one value in all of float32 at which the power was a NaN.
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            float[] z = new float[32];
            ActivationKernel.Invoke(activation, [.. Enumerable.Repeat(-10.0609665f, z.Length)], z);
            Assert.DoesNotContain(z, float.IsNaN);
        }
    }

    private static float[] Apply(Function function, params float[] x) => SameBits(() => Make(x.Length, y => MapKernel.Invoke(new Map(function), x, y)));

    [Fact]
    public void Exp_errs_by_at_most_one_unit_and_handles_the_ends()
    {
        Assert.InRange(WorstUlps(Function.Exp, -87.33f, 88.7228f, 400_001), 0, 1.01);
        Assert.InRange(WorstUlps(Function.Exp, -0.5f, 0.5f, 100_001), 0, 1.01);
        Assert.Equal([0f, 0f, 0f, 1f, 1f, float.PositiveInfinity, float.PositiveInfinity, float.PositiveInfinity], Apply(Function.Exp, float.NegativeInfinity, -1e30f, -88f, 0f, -0f, 88.73f, 1e30f, float.PositiveInfinity));
        Assert.Equal(float.Exp(88.7228f), Apply(Function.Exp, 88.7228f)[0], 1e32f);
        Assert.True(float.IsNaN(Apply(Function.Exp, float.NaN)[0]));
        Assert.True(float.IsNaN(Apply(Function.Exp, BitConverter.Int32BitsToSingle(0x7FC0_01FF))[0]));   // a NaN whose payload meets the exponent trick
    }

    [Fact]
    public void Log_errs_by_at_most_two_units_and_handles_the_ends()
    {
        Assert.InRange(WorstUlps(Function.Log, 1e-3f, 3f, 400_001), 0, 2);
        Assert.InRange(WorstUlps(Function.Log, 1f, 3e38f, 100_001), 0, 2);
        Assert.InRange(WorstUlps(Function.Log, 1e-44f, 1e-37f, 100_001), 0, 2);
        float[] ends = Apply(Function.Log, 0f, -0f, 1f, float.PositiveInfinity, -1f, float.NaN, float.NegativeInfinity);
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity, 0f, float.PositiveInfinity], ends[..4]);
        Assert.All(ends[4..], v => Assert.True(float.IsNaN(v)));
    }

    [Fact]
    public void Tanh_erf_and_sigmoid_err_by_a_few_units_over_all_their_range()
    {
        // Worst of the sweep, measured: tanh 4.3, erf 5.1 units; a relative error below 4e-7 where a result may be 2e-6 off.
        Assert.InRange(WorstUlps(Function.Tanh, -10f, 10f, 400_001), 0, 5);
        Assert.InRange(WorstUlps(Function.Tanh, -1e-3f, 1e-3f, 100_001), 0, 4);
        Assert.InRange(WorstUlps(Function.Erf, -5f, 5f, 200_001), 0, 6);
        Assert.InRange(WorstUlps(Function.Sigmoid, -80f, 40f, 200_001), 0, 4);
        Assert.InRange(WorstUlps(Function.LogOnePlus, 0f, 1f, 100_001), 0, 4);
        Assert.InRange(WorstUlps(Function.LogOnePlus, 0f, 1e-6f, 100_001), 0, 4);
        Assert.Equal([-1f, 1f, 0f], Apply(Function.Tanh, float.NegativeInfinity, float.PositiveInfinity, 0f));
        Assert.Equal([-1f, 1f, 0f], Apply(Function.Erf, float.NegativeInfinity, float.PositiveInfinity, 0f));
        Assert.Equal([0f, 1f, 0.5f], Apply(Function.Sigmoid, float.NegativeInfinity, float.PositiveInfinity, 0f));
        foreach (Function f in (Function[])[Function.Tanh, Function.Erf, Function.Sigmoid]) Assert.True(float.IsNaN(Apply(f, float.NaN)[0]));
    }

    [Fact]
    public void The_scalar_erf_matches_known_values()
    {
        Assert.Equal(0.8427007929497149, ScalarMath.Erf(1.0), 1e-15);
        Assert.Equal(0.9999779095030014, ScalarMath.Erf(3.0), 1e-15);
        Assert.Equal(-0.5204998778130465, ScalarMath.Erf(-0.5), 1e-15);
    }
}
