using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

/// <summary>A pair that causality, window, mask or pattern hides has no influence, even where the key, the value, the query or the gradient
/// there is no number.</summary>
[Collection(KernelCollection.Name)]
public class AttentionNonFiniteTests
{
    private const int Heads = 2, Width = 20, Length = 150;

    private static AttentionOptions Options => new() { Heads = Heads, HeadWidth = Width, Scale = 0.3f };

    public static TheoryData<string> Kinds => ["causal", "window", "wide window", "both ways", "padding", "mask", "mask per head", "cross", "blocks", "additive", "relative", "dropout", "grouped", "blind"];

    private static AttentionData Data(string kind)
    {
        AttentionSequence self = new(0, Length, 0, Length);
        AttentionOptions o = Options;
        return kind switch
        {
            "causal" => new(o with { Causal = true }, self),
            "window" => new(o with { Causal = true, Window = 9 }, self),
            "wide window" => new(o with { Causal = true, Window = 80 }, self),
            "both ways" => new(o with { Window = 30 }, self),
            "padding" => new(o with { Mask = DenseLayout.Keys }, self),
            "mask" => new(o with { Mask = DenseLayout.Shared, Causal = true }, self),
            "mask per head" => new(o with { Mask = DenseLayout.PerHead }, self),
            "cross" => new(o with { Mask = DenseLayout.Keys }, new AttentionSequence(0, 70, 0, 100), new AttentionSequence(70, 80, 100, 50)),
            "blocks" => new(o with { Causal = true, Blocks = new BlockPattern(16, 10, 10, [.. Ids(100, 3, 8).Select((n, at) => n == 0 || at % 11 == 0)]) }, self),
            "relative" => new(o with { Causal = true, RelativeRange = 2 * Length, RelativeOffset = Length }, self),
            "dropout" => new(o with { Causal = true, Dropout = 0.3f, Seed = 3 }, self),
            "grouped" => new(o with { Causal = true, KeyHeads = 1 }, self),
            "blind" => new(o with { Causal = true }, new AttentionSequence(0, Length, 0, Length - 12, -12)),
            _ => Additive(o),
        };
    }

    // What an additive bias of −∞ hides is hidden as well.
    private static AttentionData Additive(AttentionOptions o)
    {
        AttentionData data = new(o with { Bias = DenseLayout.Shared }, new AttentionSequence(0, Length, 0, Length));
        for (int i = 0; i < Length; i++)
            for (int j = 0; j < Length; j++)
                if ((i + (3 * j)) % 5 < 2) data.Bias[(i * Length) + j] = float.NegativeInfinity;
        return data;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_a_row_may_not_see_leaves_its_result_and_its_gradients_alone(string kind)
    {
        foreach (float bad in (float[])[float.NaN, float.PositiveInfinity])
        {
            foreach (string place in (string[])["key", "value", "query", "gradient"])
            {
                AttentionData data = WithNonFinite(kind, place, bad), nan = WithNonFinite(kind, place, float.NaN);
                Spread($"{bad} in a {place}, z", data.Forward().Output, nan.Definition(), float.IsNaN(bad));
                float[][] actual = data.Backward();
                double[][] expected = nan.DefinitionGradient();
                for (int n = 0; n < 3; n++) Spread($"{bad} in a {place}, gradient {n}", actual[n], expected[n], float.IsNaN(bad));
            }
        }
    }

    private static AttentionData WithNonFinite(string kind, string place, float bad)
    {
        AttentionData data = Data(kind);
        (float[] rows, int stride) = place switch
        {
            "key" => (data.Key, data.KeyStride),
            "value" => (data.Value, data.ValueStride),
            "query" => (data.Query, data.QueryStride),
            _ => (data.OutputGradient, Heads * Width),
        };
        foreach (int row in (int[])[3, 66, 97]) rows[(row * stride) + 5] = bad;                             // head 0
        return data;
    }

    // A NaN spreads exactly as the definition's; an infinity no further (a score of −∞ hides, so it may spread less).
    private static void Spread(string what, float[] actual, double[] definition, bool exactly)
    {
        Assert.Contains(definition, double.IsFinite);
        for (int i = 0; i < actual.Length; i++)
            Assert.True(double.IsFinite(definition[i]) ? float.IsFinite(actual[i]) : !exactly || !float.IsFinite(actual[i]), $"{what}: element {i} is {actual[i]} where the definition has {definition[i]}");
    }

    [Fact]
    public void Rows_before_a_stain_keep_their_bits()
    {
        foreach (string kind in (string[])["causal", "window", "blocks", "dropout", "grouped", "relative"])
        {
            AttentionData clean = Data(kind), data = Data(kind);
            data.Value[100 * data.ValueStride] = float.NaN;
            data.Key[101 * data.KeyStride] = float.NaN;
            Equal(clean.Forward().Output[..(100 * Heads * Width)], data.Forward().Output[..(100 * Heads * Width)], kind);
            Equal(clean.Backward()[0][..(100 * clean.QueryStride)], data.Backward()[0][..(100 * clean.QueryStride)], kind);
            AttentionData late = Data(kind);
            late.Query[100 * late.QueryStride] = float.NaN;
            late.OutputGradient[102 * Heads * Width] = float.NaN;
            float[] from = clean.Backward()[2], to = late.Backward()[2];
            int keys = 103 * clean.KeyStride;                                                           // seen by later rows alone
            Equal(from[keys..], to[keys..], kind);
        }
    }

    [Fact]
    public void Over_a_cache_a_stain_reaches_the_rows_that_see_it_and_no_other()
    {
        AttentionOptions o = Options with { Causal = true, Window = 40 };
        AttentionData data = new(o, new AttentionSequence(0, Length, 0, Length));
        data.Value[(70 * data.ValueStride) + 5] = float.NaN;
        data.Key[(75 * data.KeyStride) + 5] = float.PositiveInfinity;
        (float[] whole, _) = data.Forward();
        Assert.Contains(whole, float.IsNaN);
        foreach (int piece in (int[])[1, 30, 64])
        {
            using KeyValuePool pool = new(Heads, Width);
            using KeyValuePages pages = pool.Create();
            for (int at = 0; at < Length; at += piece)
            {
                int rows = Math.Min(piece, Length - at);
                pages.Append(data.Key.AsSpan(at * data.KeyStride), data.KeyStride, data.Value.AsSpan(at * data.ValueStride), data.ValueStride, rows);
                float[] z = new float[rows * Heads * Width];
                AttentionKernel.Forward(data.Query.AsSpan(at * data.QueryStride), data.QueryStride, [pages], [], o, [new AttentionSequence(0, rows, 0, at + rows, at)], z, []);
                Equal(whole[(at * Heads * Width)..((at + rows) * Heads * Width)], z, $"pieces of {piece} at {at}");
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Linear_attention_spreads_a_stain_no_further_than_its_definition(bool causal)
    {
        const int N = 40, M = 5, V = 4;
        AttentionOptions o = new() { Heads = Heads, HeadWidth = M, ValueWidth = V, Scale = 1, Causal = causal };
        AttentionSequence[] s = [new(0, 25, 0, 25), new(25, 15, 25, 15)];
        foreach (string place in (string[])["key", "value", "query", "gradient"])
        {
            float[] q = Positive(N * Heads * M, 1), k = Positive(N * Heads * M, 2), v = Floats(N * Heads * V, 3), dz = Floats(N * Heads * V, 4);
            (float[] rows, int width) = place switch { "key" => (k, M), "value" => (v, V), "query" => (q, M), _ => (dz, V) };
            rows[(11 * Heads * width) + 1] = float.NaN;                                                 // row 11 of the first sequence, head 0
            float[] z = new float[dz.Length], n = new float[N * Heads], dq = new float[q.Length], dk = new float[k.Length], dv = new float[v.Length];
            LinearAttentionKernel.Forward(q, k, v, o, s, z, n);
            LinearAttentionKernel.Backward(q, k, v, o, s, z, n, dz, dq, dk, dv);
            double[] expected = new double[z.Length];
            LinearAttentionKernel.Scalar<double>(Doubles(q), Doubles(k), Doubles(v), o, s, expected);
            for (int i = 0; i < z.Length; i++) Assert.Equal(double.IsNaN(expected[i]), float.IsNaN(z[i]));
            foreach ((float[] g, int w) in new[] { (dq, M), (dk, M), (dv, V) })
            {
                for (int i = 0; i < g.Length; i++)
                {
                    int row = i / (Heads * w), head = i / w % Heads;
                    if (head == 1 || row >= 25) Assert.True(float.IsFinite(g[i]), $"{place}: {i}");      // another head, another text
                    else if (causal && g == dq && row < 11) Assert.True(float.IsFinite(g[i]), $"{place}: dq of row {row}");
                    else if (causal && g != dq && row > 11 && place is "query" or "gradient") Assert.True(float.IsFinite(g[i]), $"{place}: gradient of key {row}");
                }
            }
        }
    }

    private static float[] Positive(int count, int seed) => [.. Floats(count, seed).Select(MathF.Abs)];
}
