using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class OptimizerKernelTests
{
    private static UpdatePreparation Plain(double rate = 0, double decay = 0, bool decoupled = false) => new(1, rate, decay, decoupled);

    private delegate void Step(long step, float[] p, ReadOnlySpan<float> g, float[] a, float[] b, float[] c);

    private static void Reproduces(string name, Step step)
    {
        using ModuleGolden golden = new("optimizers");
        float[] p = golden[$"{name}/start"], flow = golden[$"{name}/gradients"], expected = golden[$"{name}/after_each_step"];
        float[] a = new float[p.Length], b = new float[p.Length], c = new float[p.Length];
        for (int t = 1; t <= flow.Length / p.Length; t++)
        {
            int at = (t - 1) * p.Length;
            step(t, p, flow.AsSpan(at, p.Length), a, b, c);
            Close(p, Doubles(expected.AsSpan(at, p.Length)), 1e-5, 0);
        }
    }

    [Theory]
    [InlineData("adamw", 0.98, 1e-9, 0.1, true, false)]
    [InlineData("adam", 0.999, 1e-8, 0, false, false)]
    [InlineData("adam_l2", 0.999, 1e-8, 0.1, false, false)]
    [InlineData("adamw_amsgrad", 0.999, 1e-8, 0.01, true, true)]
    public void Adam_reproduces_the_reference_values(string name, double beta2, double epsilon, double decay, bool decoupled, bool amsgrad) =>
        Reproduces(name, (t, p, g, a, b, c) => OptimizerKernel.Update(new AdamRule(Plain(0.01, decay, decoupled), 0.01, 0.9, beta2, epsilon, t, amsgrad), p, g, a, b, amsgrad ? c : default));

    [Fact]
    public void Gradient_descent_reproduces_the_reference_values()
    {
        Reproduces("sgd", (_, p, g, _, _, _) => OptimizerKernel.Update(new SgdRule(Plain(), 0.1, 0, false), p, g));
        Reproduces("sgd_momentum", (_, p, g, a, _, _) => OptimizerKernel.Update(new SgdRule(Plain(0.1, 0.01), 0.1, 0.9, false), p, g, a));
        Reproduces("sgd_nesterov", (_, p, g, a, _, _) => OptimizerKernel.Update(new SgdRule(Plain(), 0.1, 0.9, true), p, g, a));
    }

    [Fact]
    public void Root_mean_squares_reproduce_the_reference_values()
    {
        Reproduces("rmsprop", (_, p, g, a, _, _) => OptimizerKernel.Update(RootSquareRule.RmsProp(Plain(), 0.01, 0.99, 1e-8), p, g, a));
        Reproduces("adagrad", (_, p, g, a, _, _) => OptimizerKernel.Update(RootSquareRule.Adagrad(Plain(), 0.1, 1e-10), p, g, a));
    }

    [Fact]
    public void NAdam_and_RAdam_reproduce_the_reference_values()
    {
        double product = 1;
        Reproduces("nadam", (t, p, g, a, b, _) =>
        {
            product *= AdamVariantRule.NAdamMomentum(0.9, t);
            OptimizerKernel.Update(AdamVariantRule.NAdam(Plain(), 0.01, 0.9, 0.999, 1e-8, t, product), p, g, a, b);
        });
        Reproduces("radam", (t, p, g, a, b, _) => OptimizerKernel.Update(AdamVariantRule.RAdam(Plain(), 0.01, 0.9, 0.999, 1e-8, t), p, g, a, b));
    }

    [Fact]
    public void Adafactor_reproduces_the_reference_values()
    {
        Reproduces("adafactor", (t, p, g, a, b, _) => AdafactorKernel.Update(p, g, a.AsSpan(0, 5), b.AsSpan(0, 7), 5, 7, 0.01, 0, 1, t));
        Reproduces("adafactor_large_rate", (t, p, g, a, b, _) => AdafactorKernel.Update(p, g, a.AsSpan(0, 5), b.AsSpan(0, 7), 5, 7, 0.5, 0.05, 1, t));
        Reproduces("adafactor_vector", (t, p, g, a, _, _) => AdafactorKernel.UpdateVector(p, g, a, 0.01, 0, 1, t));
        Reproduces("adafactor_tiny", (t, p, g, a, _, _) => AdafactorKernel.UpdateVector(p, g, a, 0.01, 0, 1, t));
    }

    private static void MatchesDefinition<R>(R rule) where R : struct, IUpdateRule
    {
        foreach (int n in (int[])[0, 1, 17, 16385])
        {
            float[] p = Floats(n, 1), g = Floats(n, 2), a = Floats(n, 3, 0.1f, 1), b = Floats(n, 4, 0.1f, 1), c = Floats(n, 5, 0.1f, 1);
            float[] State(float[] s, int index) => rule.States > index ? [.. s] : [];
            float[] all = SameBits(() =>
            {
                float[] pp = [.. p], aa = State(a, 0), bb = State(b, 1), cc = State(c, 2);
                OptimizerKernel.Update(rule, pp, g, aa, bb, cc);
                return [.. pp, .. aa, .. bb, .. cc];
            });
            double[] dp = Doubles(p), da = Doubles(State(a, 0)), db = Doubles(State(b, 1)), dc = Doubles(State(c, 2));
            OptimizerKernel.Scalar<R, double>(rule, dp, Doubles(g), da, db, dc);
            Close(all, [.. dp, .. da, .. db, .. dc]);
        }
    }

    [Fact]
    public void Every_rule_matches_its_double_definition_with_equal_bits_everywhere()
    {
        UpdatePreparation l2 = new(0.5, 0.01, 0.1, false), decoupled = new(0.5, 0.01, 0.1, true);
        MatchesDefinition(new AdamRule(decoupled, 0.01, 0.9, 0.98, 1e-8, 7, false));
        MatchesDefinition(new AdamRule(l2, 0.01, 0.9, 0.98, 1e-8, 7, true));
        MatchesDefinition(new SgdRule(l2, 0.01, 0.9, true));
        MatchesDefinition(new SgdRule(l2, 0.01, 0, false));
        MatchesDefinition(RootSquareRule.RmsProp(l2, 0.01, 0.9, 1e-8));
        MatchesDefinition(RootSquareRule.Adagrad(decoupled, 0.01, 1e-8));
        MatchesDefinition(AdamVariantRule.NAdam(l2, 0.01, 0.9, 0.99, 1e-8, 3, 0.2));
        MatchesDefinition(AdamVariantRule.RAdam(l2, 0.01, 0.9, 0.99, 1e-8, 2));
        MatchesDefinition(AdamVariantRule.RAdam(l2, 0.01, 0.9, 0.99, 1e-8, 200));
    }

    [Fact]
    public void Adafactor_matches_its_double_definition_with_equal_bits_everywhere()
    {
        foreach ((int rows, int columns) in ((int, int)[])[(1, 1), (3, 17), (65, 300)])
        {
            int n = rows * columns;
            float[] p = Floats(n, 1), g = Floats(n, 2), row = Floats(rows, 3, 0.1f, 1), column = Floats(columns, 4, 0.1f, 1), v = Floats(n, 5, 0.1f, 1);
            float[] all = SameBits(() =>
            {
                float[] pm = [.. p], pv = [.. p], r = [.. row], c = [.. column], vv = [.. v];
                AdafactorKernel.Update(pm, g, r, c, rows, columns, 0.01, 0.1, 1, 3);
                AdafactorKernel.UpdateVector(pv, g, vv, 0.01, 0.1, 1, 3);
                return [.. pm, .. pv];
            });
            double[] dm = Doubles(p), dv = Doubles(p);
            AdafactorKernel.Scalar<double>(dm, Doubles(g), Doubles(row), Doubles(column), 0.01, 0.1, 3);
            AdafactorKernel.Scalar<double>(dv, Doubles(g), Doubles(v), default, 0.01, 0.1, 3);
            Close(all, [.. dm, .. dv], columns);
        }
    }

    [Fact]
    public void The_norm_for_clipping_reproduces_the_reference_values()
    {
        using ModuleGolden golden = new("optimizers");
        foreach (string limit in (string[])["0.5", "100.0"])
        {
            double squares = 0;
            for (int i = 0; i < 3; i++) squares += ReductionKernel.SumOfSquares(golden[$"clip_norm.{limit}/before.{i}"]);
            float factor = (float)Math.Min(1, double.Parse(limit, System.Globalization.CultureInfo.InvariantCulture) / (Math.Sqrt(squares) + 1e-6));
            for (int i = 0; i < 3; i++)
            {
                float[] g = golden[$"clip_norm.{limit}/before.{i}"];
                ElementKernel.Scale(g, factor, g);
                golden.Forward($"clip_norm.{limit}/after.{i}", g);
            }
        }
    }
}
