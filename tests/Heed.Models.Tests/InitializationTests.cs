using Heed.Models.DistilBert;
using Heed.Models.Files;
using System.Globalization;
using System.Text.RegularExpressions;
using Heed.Engine.Nn;
using Heed.Models.Bart;
using Heed.Models.Bert;
using Heed.Models.Bloom;
using Heed.Models.Custom;
using Heed.Models.Gemma3;
using Heed.Models.Gpt1;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Models.Transformer2017;
using Heed.Models.Recurrent;
using Heed.Models.T5;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>First values are drawn as the papers state: every parameter of every family falls under a rule that its numbers obey.</summary>
public sealed class InitializationTests
{
    private const int D = 64, F = 96, V = 300, Layers = 3, Heads = 4;

    /// <summary>What the values of a parameter are.</summary>
    /// <param name="Name">A regular expression; the first that matches counts.</param>
    /// <param name="Kind">zeros, ones, normal or uniform.</param>
    /// <param name="Size">Deviation or bound.</param>
    /// <param name="ZeroRow">A row of zeros, or −1.</param>
    private sealed record Rule(string Name, string Kind, double Size = 0, int ZeroRow = -1);

    private static readonly Rule Biases = new(@"bias$", "zeros"), Gains = new(@"(norm\w*|LayerNorm|ln_\w+)\.weight$", "ones");

    private static Rule Normal(double deviation, string name = ".", int zeroRow = -1) => new(name, "normal", deviation, zeroRow);

    /// <summary>Glorot and Bengio 2010, equation 16.</summary>
    private static Rule Glorot(string name, int fanIn, int fanOut) => new(name, "uniform", Math.Sqrt(6.0 / (fanIn + fanOut)));

    private static readonly Dictionary<string, (Func<ParameterSet, Model> Build, Rule[] Rules)> Families = new(StringComparer.Ordinal)
    {
        // Devlin et al.'s released code: a normal of 0.02 (there cut at two deviations); the padding row as in transformers.
        ["bert"] = (set => ModelFamilies.Build(HeadKind.PreTraining, BertConfig.Base with { Width = D, Layers = Layers, Heads = Heads, InnerWidth = F, Vocabulary = V, PositionRows = 128, PaddingId = 0 }, set),
            [Biases, Gains, Normal(0.02, @"word_embeddings\.weight$", 0), Normal(0.02)]),
        // Radford et al. 2018, §4.1: N(0, 0.02).
        ["openai-gpt"] = (set => CausalLanguageModel.Create(new Gpt1Config { Layers = Layers, Heads = Heads, Width = D, Vocabulary = V, ContextLength = 128 }, set), [Biases, Gains, Normal(0.02)]),
        // Radford et al. 2019, §2.3: weights of residual layers are scaled by 1/√N, N of them being two a layer.
        ["gpt2"] = (set => CausalLanguageModel.Create(new Gpt2Config { Layers = Layers, Heads = Heads, Width = D, Vocabulary = V, ContextLength = 128 }, set),
            [Biases, Gains, Normal(0.02 / Math.Sqrt(2 * Layers), @"c_proj\.weight$"), Normal(0.02)]),
        ["bloom"] = (set => CausalLanguageModel.Create(new BloomConfig { Layers = Layers, Heads = Heads, Width = D, Vocabulary = V }, set), [Biases, Gains, Normal(0.02)]),
        ["llama"] = (set => CausalLanguageModel.Create(new LlamaConfig { Layers = Layers, Heads = Heads, KeyHeads = 2, Width = D, InnerWidth = F, Vocabulary = V, PaddingId = 3 }, set),
            [Gains, Normal(0.02, @"embed_tokens\.weight$", 3), Normal(0.02)]),
        ["qwen3"] = (set => CausalLanguageModel.Create(new LlamaConfig { Kind = LlamaKind.Qwen3, Layers = Layers, Heads = Heads, KeyHeads = 2, Width = D, InnerWidth = F, Vocabulary = V, AttentionBias = true }, set), [Biases, Gains, Normal(0.02)]),
        // Gains are 1 + weight.
        ["gemma3"] = (set => CausalLanguageModel.Create(Gemma3Config.Small with { Layers = Layers, Heads = Heads, KeyHeads = 2, Width = D, InnerWidth = F, Vocabulary = V, WindowLayers = Gemma3Config.Pattern(Layers) }, set),
            [new Rule(@"norm\w*\.weight$", "zeros"), Normal(0.02, @"embed_tokens\.weight$", 0), Normal(0.02)]),
        // Raffel et al.'s code (mesh-tensorflow): no scaling of scores, so that it is in the queries' first values.
        ["t5"] = (set => SequenceToSequenceModel.Create(T5, set), T5Rules(1)),
        ["t5 v1.1, a factor of 0.5"] = (set => SequenceToSequenceModel.Create(T5 with { Gated = true, TiedOutput = false, InitialFactor = 0.5f }, set), T5Rules(0.5)),
        ["bart"] = (set => SequenceToSequenceModel.Create(BartConfig.Base with { Layers = Layers, Width = D, Heads = Heads, InnerWidth = F, Vocabulary = V, ContextLength = 128 }, set),
            [Biases, new Rule(@"(layer_norm|layernorm_embedding)\.weight$", "ones"), Normal(0.02, @"shared\.weight$", 1), Normal(0.02)]),
        // Vaswani et al. do not say; their code draws Glorot's uniform, and the table with D^−½ so that √D times it has deviation 1 (§3.4).
        ["2017"] = (set => SequenceToSequenceModel.Create(Transformer2017Config.Tiny with { Layers = Layers, Width = D, Heads = Heads, InnerWidth = F, Vocabulary = V }, set),
            [Biases, Gains, Normal(1 / Math.Sqrt(D), @"shared\.weight$"), Glorot(@"linear[12]\.weight$", D, F), Glorot("proj", D, D)]),
        // As torch draws recurrent layers: all within 1/√H.
        ["lstm"] = (set => CausalLanguageModel.Create(new LstmConfig { Layers = 2, Width = D, EmbeddingWidth = 48, Vocabulary = V }, set),
            [new Rule(@"^lstm\.", "uniform", 1 / Math.Sqrt(D)), Biases, Normal(1, "^embed_tokens"), Normal(0.02)]),
        ["lstm encoder-decoder"] = (set => SequenceToSequenceModel.Create(new LstmConfig { Task = LstmTask.SequenceToSequence, Layers = 2, Width = D, AttentionWidth = F, Vocabulary = V }, set),
            [
                new Rule(@"lstm\.", "uniform", 1 / Math.Sqrt(D)), Biases, Glorot("bridge", D, 2 * D), Glorot("combine", 4 * D, D),
                Glorot(@"attention\.query", D, F), Glorot(@"attention\.key", 2 * D, F), Glorot(@"attention\.score", 1, F), Normal(1, "^shared"), Normal(0.02),
            ]),
        ["custom"] = (set => CausalLanguageModel.Create(new CustomConfig { Vocabulary = V, Width = D, Layers = Layers, Heads = Heads, InnerWidth = F, Positions = PositionKind.Learned, ContextLength = 128, Gated = true }, set),
            [Biases, new Rule(@"norm\d?\.weight$", "ones"), Normal(0.02)]),
    };

    private static T5Config T5 => new() { Layers = Layers, Width = D, Heads = Heads, HeadWidth = 24, InnerWidth = F, Vocabulary = V, PaddingId = 0, EndId = 1 };

    private static Rule[] T5Rules(double factor) =>
    [
        new Rule(@"layer_norm\.weight$", "ones"), Normal(factor / Math.Sqrt(D), @"relative_attention_bias\.weight$"), Normal(factor / Math.Sqrt(D * 24), @"\.q\.weight$"), Normal(factor / Math.Sqrt(D), @"\.[kv]\.weight$"),
        Normal(factor / Math.Sqrt(Heads * 24), @"\.o\.weight$"), Normal(factor / Math.Sqrt(D), @"\.wi(_[01])?\.weight$"), Normal(factor / Math.Sqrt(F), @"\.wo\.weight$"), Normal(factor, @"^(shared|lm_head)\.weight$"),
    ];

    public static TheoryData<string> Names => [.. Families.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void First_values_are_drawn_as_the_paper_states(string family)
    {
        (Func<ParameterSet, Model> build, Rule[] rules) = Families[family];
        using Model model = build(new ParameterSet(ParameterSource.Random(20)));
        HashSet<string> met = [];
        foreach (Parameter p in model.Parameters)
        {
            Rule? rule = Array.Find(rules, r => Regex.IsMatch(p.Name, r.Name, RegexOptions.CultureInvariant));
            Assert.True(rule is not null, $"{family}: no rule for {p.Name}");
            met.Add(rule.Name);
            Check(p, rule);
        }

        Assert.Equal(rules.Select(r => r.Name).Order(StringComparer.Ordinal), met.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_same_seed_draws_the_same_values_another_seed_and_another_name_others()
    {
        static float[] Values(ulong seed, string name)
        {
            using ParameterSet set = new(ParameterSource.Random(seed));
            return (set.Root / name).Parameter("weight", new Engine.Tensors.Shape(50), Initializer.Normal(1)).Value.ToArray();
        }

        Assert.Equal(Values(1, "a"), Values(1, "a"));
        Assert.Empty(Values(1, "a").Intersect(Values(2, "a")));
        Assert.Empty(Values(1, "a").Intersect(Values(1, "b")));
    }

    private static void Check(Parameter p, Rule rule)
    {
        float[] all = p.Value.ToArray();
        if (rule.Kind is "zeros" or "ones")
        {
            Assert.All(all, v => Assert.Equal(rule.Kind == "ones" ? 1 : 0, v));
            return;
        }

        int columns = p.Shape.Last;
        if (rule.ZeroRow >= 0)
        {
            Assert.All(all[(rule.ZeroRow * columns)..((rule.ZeroRow + 1) * columns)], v => Assert.Equal(0, v));
            all = [.. all[..(rule.ZeroRow * columns)], .. all[((rule.ZeroRow + 1) * columns)..]];
        }

        // Five deviations of each statistic: of a fair draw one in two million lies outside.
        int n = all.Length;
        double deviation = rule.Kind == "uniform" ? rule.Size / Math.Sqrt(3) : rule.Size, mean = all.Average(v => (double)v), square = all.Average(v => (double)v * v) / (deviation * deviation), most = all.Max(Math.Abs) / rule.Size;
        (double spread, double least, double limit) = rule.Kind == "uniform" ? (0.8, 1 - (10.0 / n), 1 + 1e-6) : (2.0, 1.5, 6.5);
        string what = string.Create(CultureInfo.InvariantCulture, $"{p}: {n} values, mean {mean:G4}, mean square {square:G5} of what {rule.Kind} {rule.Size:G4} has, largest {most:G5}");
        Assert.True(Math.Abs(mean) < 5 * deviation / Math.Sqrt(n), what);
        Assert.True(Math.Abs(square - 1) < 5 * Math.Sqrt(spread / n), what);
        Assert.InRange(most, least, limit);
        Assert.InRange(all.Count(v => v == 0), 0, 1);
        if (rule.Kind == "uniform" || n < 4000) return;
        // The fourth moment tells a normal (3) from a uniform (1.8).
        double fourth = all.Average(v => Math.Pow(v / deviation, 4));
        Assert.True(Math.Abs(fourth - 3) < 5 * Math.Sqrt(96.0 / n), $"{what}, fourth moment {fourth:G4}");
    }
}
