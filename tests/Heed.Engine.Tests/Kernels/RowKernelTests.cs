using Heed.Engine.Kernels;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Gated products, embeddings, reductions, dropout.</summary>
[Collection(KernelCollection.Name)]
public class RowKernelTests
{
    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    public void Gated_products_match_the_double_definition_apart_and_joined(Activation kind)
    {
        foreach ((int rows, int width) in ((int, int)[])[(0, 4), (40, 1), (9, 17), (33, 1003)])
        {
            int n = rows * width;
            float[] gate = Floats(n, 1, 2), up = Floats(n, 2), dy = Floats(n, 3);
            float[] all = SameBits(() =>
            {
                float[] y = new float[n], dgate = new float[n], dup = new float[n], joined = new float[2 * n], again = new float[n];
                GatedKernel.Invoke(kind, gate, up, y);
                GatedKernel.Gradient(kind, gate, up, dy, dgate, dup);
                for (int i = 0; i < n; i++) (joined[(i / width * 2 * width) + (i % width)], joined[(i / width * 2 * width) + width + (i % width)]) = (gate[i], up[i]);
                GatedKernel.InvokeJoined(kind, joined, width, again);
                Equal(y, again, "joined");
                GatedKernel.GradientJoined(kind, joined, width, dy, joined);
                for (int i = 0; i < n; i++) Assert.Equal((dgate[i], dup[i]), (joined[(i / width * 2 * width) + (i % width)], joined[(i / width * 2 * width) + width + (i % width)]));
                return [.. y, .. dgate, .. dup];
            });
            Close(all.AsSpan(0, n), MakeDouble(n, y => { for (int i = 0; i < n; i++) y[i] = GatedKernel.Scalar<double>(kind, gate[i], up[i]); }));
            Close(all.AsSpan(n, n), MakeDouble(n, y => { for (int i = 0; i < n; i++) y[i] = GatedKernel.ScalarGradient<double>(kind, gate[i], up[i], dy[i]).Gate; }));
            Close(all.AsSpan(2 * n), MakeDouble(n, y => { for (int i = 0; i < n; i++) y[i] = GatedKernel.ScalarGradient<double>(kind, gate[i], up[i], dy[i]).Up; }));
        }

        Differences(v => GatedKernel.Scalar(kind, v[0], v[1]) * 1.7, [0.3, -1.2], [GatedKernel.ScalarGradient(kind, 0.3, -1.2, 1.7).Gate, GatedKernel.ScalarGradient(kind, 0.3, -1.2, 1.7).Up]);
    }

    [Fact]
    public void Embeddings_gather_rows_and_add_gradients_back_in_token_order()
    {
        foreach ((int rows, int width) in ((int, int)[])[(0, 3), (1, 1), (50, 17), (400, 65), (30, 768)])
        {
            float[] table = Floats(11 * width), dy = Floats(rows * width, 2);
            int[] ids = Ids(rows, 11);
            float[] all = SameBits(() =>
            {
                float[] y = new float[rows * width], d = [.. table];
                EmbeddingKernel.Invoke(table, ids, width, y);
                EmbeddingKernel.AddGradient(dy, ids, width, d, skip: 4);
                return [.. y, .. d];
            });
            double[] expected = Doubles(table);
            EmbeddingKernel.Scalar(Doubles(dy), ids, width, expected, 4);
            for (int n = 0; n < rows; n++) Equal(table[(ids[n] * width)..((ids[n] + 1) * width)], all[(n * width)..((n + 1) * width)], "row");
            Close(all.AsSpan(rows * width), expected, Math.Max(1, rows));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => EmbeddingKernel.Invoke(new float[6], [3], 2, new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => EmbeddingKernel.AddGradient(new float[2], [-1], 2, new float[6]));
    }

    [Fact]
    public void Reductions_match_the_double_definition()
    {
        foreach (int n in (int[])[0, 1, 17, 4095, 4096, 4097, 70001])
        {
            float[] a = Floats(n, 1, 1, 1), b = Floats(n, 2, 1, 1);
            float[] all = SameBits(() => [ReductionKernel.Sum(a), ReductionKernel.SumOfSquares(a), ReductionKernel.Dot(a, b)]);
            Close(all, [ReductionKernel.Scalar<double>(Doubles(a), default), Dot(Doubles(a), Doubles(a)), Dot(Doubles(a), Doubles(b))]);
        }

        foreach ((int rows, int width) in ((int, int)[])[(0, 3), (1, 1), (31, 5), (33, 17), (5000, 3), (97, 300)])
        {
            float[] x = Floats(rows * width, 1, 1, 1);
            float[] all = SameBits(() =>
            {
                float[] last = new float[rows], over = new float[width], max = new float[rows];
                ReductionKernel.SumLast(x, width, last);
                ReductionKernel.SumRows(x, width, over);
                ReductionKernel.MaxLast(x, width, max, default);
                return [.. last, .. over, .. max];
            });
            double[] expected = new double[width];
            ReductionKernel.ScalarSumRows<double>(Doubles(x), width, expected);
            Close(all.AsSpan(0, rows), [.. Enumerable.Range(0, rows).Select(n => ReductionKernel.Scalar<double>(Doubles(x.AsSpan(n * width, width)), default))], width);
            Close(all.AsSpan(rows, width), expected, Math.Max(1, rows));
            Close(all.AsSpan(rows + width), [.. Enumerable.Range(0, rows).Select(n => (double)x.AsSpan(n * width, width).ToArray().Max())]);
        }
    }

    [Fact]
    public void The_greatest_is_the_first_of_equals()
    {
        Assert.Equal(1, ReductionKernel.ArgMax([1, 5, 3, 5]));
        Assert.Equal(0, ReductionKernel.ArgMax([float.NegativeInfinity, float.NegativeInfinity]));
        float[] y = new float[2];
        int[] at = new int[2];
        ReductionKernel.MaxRows([1, 9, 4, 9, 4, 2], 2, y, at);
        Assert.Equal([4f, 9f], y);
        Assert.Equal([1, 0], at);
        Assert.Throws<ArgumentException>(() => ReductionKernel.ArgMax([]));
    }

    [Fact]
    public void A_dropout_mask_follows_from_seed_stream_and_index_alone()
    {
        CounterRandom random = new(7, 9);
        float[] x = Floats(40000, 1, 1, 10);
        float[] y = SameBits(() => Make(x.Length, y => DropoutKernel.Invoke(x, 0.25f, random, 3, y)));
        float[] part = new float[1001];
        DropoutKernel.Invoke(x.AsSpan(777, 1001), 0.25f, random, 3 + 777, part);
        Equal(y[777..1778], part, "part");
        Assert.InRange(y.Count(v => v == 0) / 40000.0, 0.24, 0.26);
        for (int i = 0; i < y.Length; i++) Assert.True(y[i] == 0 || y[i] == x[i] * (1 / 0.75f));
        float[] rows = new float[30], swapped = new float[30];
        DropoutKernel.InvokeRows(x.AsSpan(0, 30), 10, 0.5f, random, [4, 5, 6], rows);
        DropoutKernel.InvokeRows(x.AsSpan(10, 20), 10, 0.5f, random, [5, 6], swapped.AsSpan(0, 20));
        Equal(rows[10..], swapped[..20], "rows in another batch");
        DropoutKernel.Invoke(x, 0f, random, 0, y);
        Equal(x, y, "nothing dropped");
        Assert.Throws<ArgumentOutOfRangeException>(() => DropoutKernel.Invoke(x, 1f, random, 0, x));
    }

    [Fact]
    public void The_generator_matches_the_published_vectors_of_Philox()
    {
        // Random123's kat_vectors, philox4x32-10.
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), new CounterRandom(0, 0).Block(0));
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), new CounterRandom(ulong.MaxValue, ulong.MaxValue).Block(ulong.MaxValue));
        Assert.Equal((0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u), new CounterRandom(0x299f31d0a4093822, 0x0370734413198a2e).Block(0x85a308d3243f6a88));
    }
}
