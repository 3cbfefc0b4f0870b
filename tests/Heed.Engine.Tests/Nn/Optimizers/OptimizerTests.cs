using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Engine.Tests.Kernels;
using Xunit;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Nn.Optimizers;

[Collection(KernelCollection.Name)]
public class OptimizerTests
{
    private static ParameterSet Parameters(params (string Name, int[] Sizes)[] all)
    {
        ParameterSet set = new(ParameterSource.Random(1));
        foreach ((string name, int[] sizes) in all) set.Root.Parameter(name, new Shape(sizes), Initializer.Normal(1));
        return set;
    }

    /// <summary>Gives a parameter this gradient: that of Σ p·g.</summary>
    private static void Give(Parameter parameter, ReadOnlySpan<float> gradient)
    {
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        tape.Backward((parameter.ToVariable() * Tensor.Create(gradient, parameter.Shape)).Sum());
    }

    private static void Reproduces(string name, double rate, Func<ParameterSet, Optimizer> make, params int[] sizes)
    {
        using ModuleGolden golden = new("optimizers");
        float[] start = golden[$"{name}/start"], gradients = golden[$"{name}/gradients"], expected = golden[$"{name}/after_each_step"];
        using ParameterSet set = Parameters(("p", sizes.Length == 0 ? [start.Length] : sizes));
        Parameter p = set["p"];
        start.CopyTo(p.Value.Span);
        using Optimizer optimizer = make(set);
        for (int at = 0; at < gradients.Length; at += start.Length)
        {
            set.ClearGradients();
            Give(p, gradients.AsSpan(at, start.Length));
            optimizer.Step(rate);
            Close(p.Value.Span, Doubles(expected.AsSpan(at, start.Length)), 1e-5, 0);
        }
    }

    private static bool All(Parameter parameter) => true;

    [Fact]
    public void Every_optimizer_reproduces_the_reference_values()
    {
        Reproduces("adamw", 0.01, set => new AdamW(set) { Beta2 = 0.98, Epsilon = 1e-9, WeightDecay = 0.1, Decays = All });
        Reproduces("adam", 0.01, set => new Adam(set));
        Reproduces("adam_l2", 0.01, set => new Adam(set) { WeightDecay = 0.1, Decays = All });
        Reproduces("adamw_amsgrad", 0.01, set => new AdamW(set) { AmsGrad = true, Decays = All });
        Reproduces("sgd", 0.1, set => new Sgd(set));
        Reproduces("sgd_momentum", 0.1, set => new Sgd(set) { Momentum = 0.9, WeightDecay = 0.01, Decays = All });
        Reproduces("sgd_nesterov", 0.1, set => new Sgd(set) { Momentum = 0.9, Nesterov = true });
        Reproduces("rmsprop", 0.01, set => new RmsProp(set));
        Reproduces("adagrad", 0.1, set => new Adagrad(set));
        Reproduces("nadam", 0.01, set => new NAdam(set));
        Reproduces("radam", 0.01, set => new RAdam(set));
        Reproduces("adafactor", 0.01, set => new Adafactor(set), 5, 7);
        Reproduces("adafactor_large_rate", 0.5, set => new Adafactor(set) { WeightDecay = 0.05 }, 5, 7);
        Reproduces("adafactor_vector", 0.01, set => new Adafactor(set));
    }

    [Fact]
    public void A_parameter_without_gradient_is_neither_moved_nor_decayed_nor_counted()
    {
        using ParameterSet set = Parameters(("a", [2, 3]), ("b", [2, 3]), ("frozen", [2, 3]));
        set["frozen"].NeedsGradient = false;
        float[] before = set["b"].Value.ToArray(), frozen = set["frozen"].Value.ToArray();
        using AdamW optimizer = new(set);
        Give(set["a"], Floats(6, 1));
        optimizer.Step(0.1);
        Assert.Equal(before, set["b"].Value.ToArray());
        Assert.Equal(frozen, set["frozen"].Value.ToArray());
        Assert.Equal(["a.step", "a.exp_avg", "a.exp_avg_sq"], optimizer.State.Select(s => s.Key));
    }

    // cases: u13
    [Fact]
    public void A_step_without_gradients_or_with_a_rate_that_is_no_number_changes_nothing_and_says_what_to_do()
    {
        using ParameterSet set = Parameters(("a", [2, 3]));
        using AdamW optimizer = new(set);
        float[] before = set["a"].Value.ToArray();
        Assert.Contains("Backward", Assert.Throws<InvalidOperationException>(() => optimizer.Step(0.1)).Message, StringComparison.Ordinal);
        Give(set["a"], Floats(6, 1));
        foreach (double rate in (double[])[double.NaN, double.PositiveInfinity, -0.1])
            Assert.Equal("rate", Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.Step(rate)).ParamName);
        Assert.Equal(before, set["a"].Value.ToArray());
        Assert.Empty(optimizer.State);
    }

    [Fact]
    public void Only_matrices_are_decayed_where_nothing_else_is_said()
    {
        using ParameterSet set = Parameters(("matrix", [2, 3]), ("vector", [6]));
        using AdamW optimizer = new(set) { WeightDecay = 0.5 };
        float[] matrix = set["matrix"].Value.ToArray(), vector = set["vector"].Value.ToArray();
        foreach (Parameter p in set) Give(p, new float[6]);
        optimizer.Step(0.1);
        Close(set["matrix"].Value.Span, Array.ConvertAll(matrix, x => x * 0.95), 1e-7, 0);
        Assert.Equal(vector, set["vector"].Value.ToArray());
    }

    public static TheoryData<string, Func<ParameterSet, Optimizer>> Makers => new()
    {
        { "AdamW", set => new AdamW(set) { AmsGrad = true } },
        { "Sgd", set => new Sgd(set) { Momentum = 0.9 } },
        { "RmsProp", set => new RmsProp(set) },
        { "Adagrad", set => new Adagrad(set) },
        { "NAdam", set => new NAdam(set) },
        { "RAdam", set => new RAdam(set) },
        { "Adafactor", set => new Adafactor(set) },
    };

    [Theory]
    [MemberData(nameof(Makers))]
    public void A_restored_state_goes_on_bit_for_bit(string name, Func<ParameterSet, Optimizer> make)
    {
        Assert.NotEmpty(name);
        (string, int[])[] shapes = [("m", [4, 5]), ("v", [7])];
        using ParameterSet whole = Parameters(shapes), first = Parameters(shapes), second = Parameters(shapes);
        using Optimizer all = make(whole), before = make(first), after = make(second);
        for (int step = 0; step < 6; step++)
        {
            if (step == 3)
            {
                foreach (Parameter p in second) first[p.Name].Value.Span.CopyTo(p.Value.Span);
                foreach ((string key, Tensor tensor) in before.State)
                {
                    int dot = key.LastIndexOf('.');
                    tensor.Span.CopyTo(after.Restore(key[..dot])![key[(dot + 1)..]].Span);
                }
            }

            foreach ((ParameterSet set, Optimizer optimizer) in step < 3 ? [(whole, all), (first, before)] : new[] { (whole, all), (second, after) })
            {
                set.ClearGradients();
                foreach (Parameter p in set) Give(p, Floats(p.Shape.Count, step + 1));
                optimizer.Step(0.01, 0.5);
            }
        }

        foreach (Parameter p in whole) Assert.Equal(p.Value.ToArray(), second[p.Name].Value.ToArray());
        Assert.Null(after.Restore("unknown"));
    }

    [Fact]
    public void Scaling_gradients_is_clipping_by_the_global_norm()
    {
        using ModuleGolden golden = new("optimizers");
        foreach ((string name, double limit) in new[] { ("0.5", 0.5), ("100.0", 100.0) })
        {
            float[][] before = [.. Enumerable.Range(0, 3).Select(i => golden[$"clip_norm.{name}/before.{i}"])];
            using ParameterSet set = Parameters([.. before.Select((g, i) => ($"p{i}", new[] { g.Length }))]);
            for (int i = 0; i < 3; i++) Give(set[$"p{i}"], before[i]);
            double factor = GlobalNorm.Factor(GlobalNorm.Of(set), limit);
            for (int i = 0; i < 3; i++) golden.Forward($"clip_norm.{name}/after.{i}", Array.ConvertAll(set[$"p{i}"].Gradient!.ToArray(), g => (float)(g * factor)));
        }

        Assert.Equal(1, GlobalNorm.Factor(1e30, double.PositiveInfinity));
        Assert.Throws<ArgumentOutOfRangeException>(() => GlobalNorm.Factor(1, 0));
    }

    [Fact]
    public void Rates_can_differ_from_parameter_to_parameter()
    {
        using ParameterSet set = Parameters(("a", [3]), ("b", [3]));
        using Sgd optimizer = new(set) { RateFactor = p => p.Name == "a" ? 1 : 0 };
        float[] b = set["b"].Value.ToArray(), a = set["a"].Value.ToArray();
        foreach (Parameter p in set) Give(p, [1, 1, 1]);
        optimizer.Step(0.5);
        Assert.Equal(b, set["b"].Value.ToArray());
        Close(set["a"].Value.Span, Array.ConvertAll(a, x => x - 0.5), 1e-7, 0);
    }
}
