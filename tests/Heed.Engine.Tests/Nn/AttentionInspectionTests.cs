using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Nn;

/// <summary>Scores and patterns shown to hooks, or replaced by them, beside the kernel that never holds them.</summary>
public class AttentionInspectionTests
{
    private const int Width = 24;
    private static readonly string[] Steps = ["dot", "scaled", "biased", "masked", "pattern"];
    private static readonly int[] Lengths = [5, 70, 1];

    public static TheoryData<string> Kinds => ["full", "causal", "window", "grouped", "distances", "blocks", "dropout"];

    private static AttentionConfig Config(string kind) => new AttentionConfig { Width = Width, Heads = 4, Initializer = Initializer.Normal(0.3f) } with
    {
        Causal = kind is not ("full" or "blocks"),
        Window = kind == "window" ? 9 : 0,
        KeyHeads = kind == "grouped" ? 2 : 4,
        Dropout = kind == "dropout" ? 0.3f : 0,
        DistanceBias = kind == "distances" ? new Slopes() : null,
        Sparsity = kind == "blocks" ? new Diagonal() : null,
    };

    private static ForwardContext Context(Hooks? hooks, string kind = "") => new(ForwardContext.Of(Lengths).Starts.ToArray(), ForwardContext.Of(Lengths).Positions)
    {
        Hooks = hooks,
        Dropout = kind == "dropout" ? new DropoutPlan(3, 4) : null,
    };

    private static Tensor Input()
    {
        float[] values = new float[Lengths.Sum() * Width];
        new CounterRandom(4, 1).Normal(values, 0, 1);
        return Tensor.Create(values, Lengths.Sum(), Width);
    }

    private static (float[] Output, float[] Gradient) Run(string kind, Hooks? hooks)
    {
        using Leaks leaks = new();
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(Config(kind), parameters.Root);
        using Tape tape = Tape.Begin();
        Leaf x = new();
        Variable y = attention.Forward(x.Of(Input()), Context(hooks, kind));
        tape.Backward(y, Input());
        (float[], float[]) result = (y.Value.ToArray(), x.Gradient!.ToArray());
        x.Clear();
        parameters.ClearGradients();
        return result;
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public void Each_heads_result_is_its_part_of_the_output(bool inputMajor, bool bias)
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(Config("grouped") with { InputMajor = inputMajor, OutputBias = bias }, parameters.Root);
        if (bias) ((Linear)attention.Output).Bias!.Value.Span.Fill(0.25f);
        float[] plain = attention.Forward(Input(), Context(null)).Value.ToArray();
        Tensor? parts = null;
        Hooks looking = new Hooks().Observe("attn.hook_result", (_, x) => parts = x.Value.Clone());
        Assert.Equal(plain, attention.Forward(Input(), Context(new Hooks().Observe("result", (_, x) => parts = x.Value.Clone()))).Value.ToArray());
        Assert.Equal(new Shape(Lengths.Sum(), 4, Width), parts!.Shape);
        for (int n = 0; n < Lengths.Sum(); n++)
            for (int d = 0; d < Width; d++) Assert.Equal(plain[(n * Width) + d], Enumerable.Range(0, 4).Sum(h => parts[n, h, d]) + (bias ? 0.25f : 0), 1e-5);

        // What is put in place of the parts is summed, with the bias.
        float[] doubled = attention.Forward(Input(), Context(new Hooks().Replace("result", (_, x) => x * 2f))).Value.ToArray();
        for (int i = 0; i < doubled.Length; i++) Assert.Equal((2 * plain[i]) - (bias ? 0.25f : 0), doubled[i], 1e-5);
        Assert.Throws<ArgumentException>(looking.CheckUsed);
    }

    [Fact]
    public void A_name_that_nothing_has_is_refused_when_it_is_asked_for()
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(Config("full"), parameters.Root);
        Hooks hooks = new Hooks().Observe("z", (_, _) => { }).Observe("zz", (_, _) => { }).Replace("patern", (_, x) => x);
        attention.Forward(Input(), Context(hooks));
        string message = Assert.Throws<ArgumentException>(hooks.CheckUsed).Message;
        Assert.Contains("'patern', 'zz'", message, StringComparison.Ordinal);
        Assert.DoesNotContain("'z'", message, StringComparison.Ordinal);
        Assert.Contains("docs/hooks.md", message, StringComparison.Ordinal);
        new Hooks().CheckUsed();
        new Hooks().ObserveWhere(_ => false, (_, _) => { }).CheckUsed();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Looking_at_every_step_changes_no_bit(string kind)
    {
        List<string> seen = [];
        Hooks hooks = new();
        foreach (string name in Steps)
        {
            hooks.Observe(name, (site, x) =>
            {
                seen.Add(site);
                Assert.Equal(new Shape(3, 4, 70, 70), x.Shape);
            });
        }

        (float[] output, float[] gradient) = Run(kind, null);
        (float[] watched, float[] through) = Run(kind, hooks);
        Assert.Equal(Steps, seen);
        Assert.Equal(output, watched);
        Assert.Equal(gradient, through);
        (float[] other, _) = Run(kind, new Hooks().Observe("z", (_, _) => { }));
        Assert.Equal(output, other);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_goes_on_from_a_replaced_step_agrees_with_the_fast_path(string kind)
    {
        (float[] output, float[] gradient) = Run(kind, null);
        foreach (string name in Steps)
        {
            (float[] replaced, float[] through) = Run(kind, new Hooks().Replace(name, (_, x) => x + Tensor.Zeros(x.Shape)));
            Close.Relative($"{kind}, {name}", replaced, [.. output.Select(v => (double)v)], 1e-6, 0);
            Close.Relative($"{kind}, {name}, gradient", through, [.. gradient.Select(v => (double)v)], 1e-5, 0);
        }
    }

    [Fact]
    public void A_replaced_pattern_decides_what_is_read()
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(Config("full"), parameters.Root);
        Tensor first = Tensor.Zeros(3, 4, 70, 70);
        for (int n = 0; n < 3 * 4 * 70; n++) first.Span[n * 70] = 1;            // everybody reads the first token
        Variable? values = null, z = null;
        attention.Forward(Input(), Context(new Hooks().Replace("pattern", (_, _) => first).Observe("v", (_, v) => values = v).Observe("z", (_, x) => z = x)));
        for (int n = 0; n < Lengths.Sum(); n++)
        {
            int start = n < 5 ? 0 : n < 75 ? 5 : 75;
            for (int d = 0; d < Width; d++) Assert.Equal(values!.Value.Value.Span[(start * Width) + d], z!.Value.Value.Span[(n * Width) + d], 1e-6f);
        }
    }

    [Fact]
    public void A_pattern_sums_to_one_and_is_zero_where_nothing_is_seen_or_stands()
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(Config("window"), parameters.Root);
        float[]? pattern = null, masked = null;
        attention.Forward(Input(), Context(new Hooks().Observe("pattern", (_, x) => pattern = x.Value.ToArray()).Observe("masked", (_, x) => masked = x.Value.ToArray())));
        for (int b = 0; b < 3; b++)
        {
            for (int h = 0; h < 4; h++)
            {
                for (int i = 0; i < 70; i++)
                {
                    int at = ((((b * 4) + h) * 70) + i) * 70;
                    if (i < Lengths[b]) Assert.Equal(1f, pattern![at..(at + 70)].Sum(), 1e-5f);
                    for (int j = 0; j < 70; j++)
                    {
                        bool stands = i < Lengths[b] && j < Lengths[b], visible = stands && j <= i && j > i - 9;
                        Assert.Equal(visible, pattern![at + j] > 0);
                        if (!stands) Assert.Equal(0f, masked![at + j]);
                        else Assert.Equal(visible, float.IsFinite(masked![at + j]));
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData("causal")]
    [InlineData("grouped")]
    [InlineData("distances")]
    public void Over_a_cache_the_pattern_of_the_last_token_is_that_of_the_prompt(string kind)
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(Config(kind), parameters.Root);
        using KeyValueCache cache = new([attention.CacheShape]);
        using KeyValueSequence sequence = cache.NewSequence();
        Tensor x = Input().Rows(0, 70);
        float[] whole = [], last = [];
        float[] y = attention.Forward(x, new ForwardContext([0, 70], [.. Enumerable.Range(0, 70)]) { Hooks = new Hooks().Observe("pattern", (_, p) => whole = p.Value.ToArray()) }).Value.ToArray();
        attention.Forward(x.Rows(0, 69), new ForwardContext([0, 69], [.. Enumerable.Range(0, 69)]) { Cache = [sequence] });
        float[] step = attention.Forward(x.Rows(69, 1), new ForwardContext([0, 1], [69]) { Cache = [sequence], Hooks = new Hooks().Observe("pattern", (_, p) => last = p.Value.ToArray()) }).Value.ToArray();
        Assert.Equal(y[(69 * Width)..], step);
        Assert.Equal(4 * 70, last.Length);
        for (int h = 0; h < 4; h++)
            for (int j = 0; j < 70; j++) Assert.Equal(whole[(((h * 70) + 69) * 70) + j], last[(h * 70) + j], 1e-6f);
    }

    [Fact]
    public void An_empty_sequence_is_all_zeros()
    {
        using TensorScope scope = TensorScope.Begin();
        using ParameterSet parameters = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(Config("full"), parameters.Root);
        ForwardContext rows = ForwardContext.Of(3, 0, 2);
        float[] pattern = [];
        float[] plain = attention.Forward(Input().Rows(0, 5), rows).Value.ToArray();
        Hooks hooks = new Hooks().Replace("pattern", (_, x) =>
        {
            pattern = x.Value.ToArray();
            return x + 0f;
        });
        float[] y = attention.Forward(Input().Rows(0, 5), new ForwardContext(rows.Starts.ToArray(), rows.Positions) { Hooks = hooks }).Value.ToArray();
        Assert.All(pattern[36..72], v => Assert.Equal(0f, v));
        Close.Relative("output", y, [.. plain.Select(v => (double)v)], 1e-6);
    }

    private sealed class Slopes : IDistanceBias
    {
        public Variable Distances(int length)
        {
            Tensor table = Tensor.Uninitialized(4, (2 * length) - 1);
            for (int h = 0; h < 4; h++)
                for (int d = 0; d < (2 * length) - 1; d++) table.Span[(h * ((2 * length) - 1)) + d] = 0.1f * (h + 1) * (d - length + 1);
            return table;
        }
    }

    private sealed class Diagonal : IBlockSparsity
    {
        public int BlockSize => 16;

        public bool[] Allowed(int blocks) => [.. Enumerable.Range(0, blocks * blocks).Select(n => Math.Abs((n / blocks) - (n % blocks)) <= 1)];
    }
}
