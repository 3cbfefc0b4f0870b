using FromScratch;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Gpt2;
using Xunit;

namespace Heed.Models.Tests.Samples;

/// <summary>The programs of samples/from-scratch compute what the engine computes.</summary>
public class FromScratchTests
{
    private const int T = 5, D = 8, H = 2;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Self_attention_is_the_engines_with_one_head(bool causal)
    {
        double[,] q = SelfAttention.Noise(T, D, 1), k = SelfAttention.Noise(T, D, 2), v = SelfAttention.Noise(T, D, 3);
        double[,] one = new double[D, D];
        for (int i = 0; i < D; i++) one[i, i] = 1;

        // The engine's layer makes q, k and v from its rows; rows of all three side by side and weights that pick them out give it these.
        using ParameterSet set = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(new AttentionConfig { Width = 3 * D, Heads = 3, HeadWidth = D, Causal = causal, Bias = false, OutputBias = false }, set.Root);
        double[,] rows = new double[T, 3 * D], none = new double[3 * D, 3 * D];
        for (int t = 0; t < T; t++)
            for (int i = 0; i < D; i++) (rows[t, i], rows[t, D + i], rows[t, (2 * D) + i]) = (q[t, i], k[t, i], v[t, i]);
        foreach (Parameter p in set) p.Assign(Flat(none, p.Shape));
        Pick("q_proj.weight", 0);
        Pick("k_proj.weight", D);
        Pick("v_proj.weight", 2 * D);
        Pick("out_proj.weight", 0);
        using TensorScope scope = TensorScope.Begin();
        float[] all = attention.Forward(new Variable(Flat(rows, new Shape(T, 3 * D))), ForwardContext.Of(T)).Value.ToArray();
        Close(SelfAttention.Attend(q, k, v, causal), [.. Enumerable.Range(0, T * D).Select(i => all[(i / D * 3 * D) + (i % D)])]);
        double[,] weights = SelfAttention.Weights(q, k, causal);
        for (int i = 0; i < T; i++) Assert.Equal(1, Enumerable.Range(0, T).Sum(j => weights[i, j]), 1e-12);

        void Pick(string name, int from)
        {
            double[,] w = new double[3 * D, 3 * D];
            for (int i = 0; i < D; i++) w[i, from + i] = one[i, i];
            set[name].Assign(Flat(w, set[name].Shape));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Multi_head_attention_is_the_engines(bool causal)
    {
        MultiHead.Weights w = MultiHead.Random(D, 4);
        double[,] x = MultiHead.Noise(T, D, 9);
        using ParameterSet set = new(ParameterSource.Random(1));
        MultiHeadAttention attention = new(new AttentionConfig { Width = D, Heads = H, Causal = causal }, set.Root);
        foreach ((string name, double[,] weight, double[] bias) in new[] { ("q_proj", w.WQ, w.BQ), ("k_proj", w.WK, w.BK), ("v_proj", w.WV, w.BV), ("out_proj", w.WO, w.BO) })
        {
            set[name + ".weight"].Assign(Flat(weight, new Shape(D, D)));
            set[name + ".bias"].Assign(Tensor.Create([.. bias.Select(b => (float)b)], new Shape(D)));
        }

        using TensorScope scope = TensorScope.Begin();
        Close(MultiHead.Forward(x, w, H, causal), attention.Forward(new Variable(Flat(x, new Shape(T, D))), ForwardContext.Of(T)).Value.ToArray());
    }

    [Fact]
    public void A_block_is_the_engines_encoder_layer()
    {
        const int F = 16;
        TransformerBlock block = TransformerBlock.Random(D, H, F, 5);
        double[,] x = TransformerBlock.Noise(T, D, 99);
        using ParameterSet set = new(ParameterSource.Random(1));
        TransformerEncoderLayer layer = new(new TransformerConfig { Width = D, Heads = H, InnerWidth = F }, set.Root);
        foreach ((string name, double[,] weight) in new[]
        {
            ("self_attn.q_proj", block.WQ), ("self_attn.k_proj", block.WK), ("self_attn.v_proj", block.WV), ("self_attn.out_proj", block.WO), ("linear1", block.W1), ("linear2", block.W2),
        })
        {
            set[name + ".weight"].Assign(Flat(weight, set[name + ".weight"].Shape));
        }

        set["linear1.bias"].Assign(Tensor.Create([.. block.B1.Select(b => (float)b)], new Shape(F)));
        set["linear2.bias"].Assign(Tensor.Create([.. block.B2.Select(b => (float)b)], new Shape(D)));
        using TensorScope scope = TensorScope.Begin();
        Close(block.Forward(x), layer.Forward(new Variable(Flat(x, new Shape(T, D))), ForwardContext.Of(T)).Value.ToArray());
    }

    [Fact]
    public void The_tiny_gpt_has_the_engines_logits_loss_and_gradients()
    {
        TinyGpt tiny = new(vocabulary: 13, context: 9, width: 12, heads: 3, layers: 2, seed: 3);
        foreach (Number[,] p in tiny.Parameters.Values.Where(p => p.GetLength(0) == 1))
            for (int i = 0; i < p.Length; i++) p[0, i].Data += 0.1 * Math.Sin(i + p.Length);
        using CausalLanguageModel model = CausalLanguageModel.Create(new Gpt2Config { Layers = 2, Heads = 3, Width = 12, Vocabulary = 13, ContextLength = 9 }, new ParameterSet(ParameterSource.Random(1)));
        Assert.Equal(model.Parameters.Select(p => p.Name).Order(StringComparer.Ordinal), tiny.Parameters.Keys.Select(n => "transformer." + n).Order(StringComparer.Ordinal));
        foreach ((string name, Number[,] p) in tiny.Parameters)
        {
            Parameter own = model.Parameters["transformer." + name];
            own.Assign(Tensor.Create([.. p.Cast<Number>().Select(n => (float)n.Data)], own.Shape));
            foreach (Number n in p) n.Data = (float)n.Data;
        }

        int[] ids = [3, 1, 4, 1, 5, 9, 2, 6, 5], targets = [1, 4, 1, 5, 9, 2, 6, 5, 3];
        Number[,] logits = tiny.Logits(ids);
        Number loss = tiny.Loss(ids, targets);
        loss.Backward();
        using TensorScope scope = TensorScope.Begin();
        using Tape tape = Tape.Begin();
        ModelOutput output = model.Run(new ModelInputs { InputIds = TokenGrid.Of([ids]), Labels = TokenGrid.Of([targets]), LabelsAreShifted = true });
        tape.Backward(output.Losses[0].Sum * (1f / ids.Length));
        Close([.. logits.Cast<Number>().Select(n => n.Data)], output.Logits!.ToArray());
        Assert.Equal(loss.Data, output.Loss!.Value, 1e-5 * loss.Data);
        string[] names = [.. tiny.Parameters.Keys];
        Close([.. names.SelectMany(n => tiny.Parameters[n].Cast<Number>()).Select(n => n.Gradient)], [.. names.SelectMany(n => model.Parameters["transformer." + n].Gradient!.ToArray())]);
    }

    [Fact]
    public void The_tiny_gpt_learns()
    {
        TinyGpt tiny = new(vocabulary: 5, context: 5, width: 6, heads: 2, layers: 1, seed: 1);
        int[] ids = [0, 1, 2, 3, 4], targets = [1, 2, 3, 4, 0];
        double first = tiny.Loss(ids, targets).Data;
        for (int step = 1; step <= 40; step++)
        {
            tiny.Loss(ids, targets).Backward();
            tiny.Step(0.02, step);
        }

        Assert.True(tiny.Loss(ids, targets).Data < 0.1 * first);
    }

    private static Tensor Flat(double[,] x, Shape shape) => Tensor.Create([.. x.Cast<double>().Select(v => (float)v)], shape);

    private static void Close(double[,] expected, float[] actual) => Close([.. expected.Cast<double>()], actual);

    /// <summary>Distance within 1e-5 of the size.</summary>
    private static void Close(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double distance = Math.Sqrt(expected.Zip(actual, (e, a) => (e - a) * (e - a)).Sum()), size = Math.Sqrt(expected.Sum(e => e * e));
        Assert.True(size > 0.01 && distance <= 1e-5 * size, $"distance {distance}, size {size}");
    }
}
