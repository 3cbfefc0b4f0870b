using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using static Heed.Engine.Tests.Kernels.KernelCheck;

namespace Heed.Engine.Tests.Kernels;

[Collection(KernelCollection.Name)]
public class LinearAttentionKernelTests
{
    private static float[] Features(int count, int seed) => [.. Floats(count, seed).Select(MathF.Abs)];

    [Theory]
    [InlineData(false, 1, 1)]
    [InlineData(true, 17, 16)]
    [InlineData(true, 64, 15)]
    [InlineData(false, 33, 40)]
    public void Results_match_the_double_definition_with_the_same_bits_everywhere(bool causal, int features, int width) =>
        Check(causal, features, width, [new(0, 70, 0, 70), new(70, 0, 70, 3), new(70, 3, 73, 0), new(73, 2, 73, 9, 7)]);

    /// <summary>Output and gradients beside the definitions, and with the same bits at every vector width and number of threads.</summary>
    internal static void Check(bool causal, int features, int width, AttentionSequence[] s)
    {
        AttentionOptions o = new() { Heads = 2, HeadWidth = features, ValueWidth = width, Scale = 1, Causal = causal };
        int queries = s.Max(t => t.QueryStart + t.QueryCount), keys = s.Max(t => t.KeyStart + t.KeyCount);
        // Features well above 0: a row of one key has no gradient of its weight but what ε leaves, a difference of terms as large as 1/Σ w.
        float[] q = [.. Features(queries * 2 * features, 1).Select(x => x + 0.5f)], k = [.. Features(keys * 2 * features, 2).Select(x => x + 0.5f)];
        float[] v = Floats(keys * 2 * width, 3), dz = Floats(queries * 2 * width, 4);
        float[] all = SameBits(() =>
        {
            float[] z = new float[dz.Length], n = new float[queries * 2], dq = new float[q.Length], dk = new float[k.Length], dv = new float[v.Length];
            LinearAttentionKernel.Forward(q, k, v, o, s, z, n);
            LinearAttentionKernel.Backward(q, k, v, o, s, z, n, dz, dq, dk, dv);
            return [.. z, .. dq, .. dk, .. dv];
        });
        double[] expected = new double[dz.Length], dq64 = new double[q.Length], dk64 = new double[k.Length], dv64 = new double[v.Length];
        LinearAttentionKernel.Scalar<double>(Doubles(q), Doubles(k), Doubles(v), o, s, expected);
        LinearAttentionKernel.ScalarGradient<double>(Doubles(q), Doubles(k), Doubles(v), o, s, Doubles(dz), dq64, dk64, dv64);
        int at = 0, terms = features + keys;
        double norm = Math.Sqrt(dz.Sum(g => (double)g * g));
        Close(all.AsSpan(0, dz.Length), expected, terms);
        at += dz.Length;
        foreach (double[] gradient in new[] { dq64, dk64, dv64 })
        {
            Close(all.AsSpan(at, gradient.Length), gradient, 4 * Math.Sqrt(terms + queries) / (1 << 24), 1e-6 * norm);
            at += gradient.Length;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_gradient_of_the_definition_agrees_with_difference_quotients(bool causal)
    {
        AttentionOptions o = new() { Heads = 2, HeadWidth = 3, ValueWidth = 2, Scale = 1, Causal = causal };
        AttentionSequence[] s = [new(0, 4, 0, 4), new(4, 2, 4, 5, 3)];
        double[][] at = [Doubles(Features(6 * 6, 1)), Doubles(Features(9 * 6, 2)), Doubles(Floats(9 * 4, 3))];
        double[] dz = Doubles(Floats(6 * 4, 4));
        double[][] gradients = [new double[at[0].Length], new double[at[1].Length], new double[at[2].Length]];
        LinearAttentionKernel.ScalarGradient<double>(at[0], at[1], at[2], o, s, dz, gradients[0], gradients[1], gradients[2]);
        double Loss(double[] _)
        {
            double[] z = new double[dz.Length];
            LinearAttentionKernel.Scalar<double>(at[0], at[1], at[2], o, s, z);
            return Dot(z, dz);
        }

        for (int n = 0; n < 3; n++) Differences(Loss, at[n], gradients[n]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(33)]
    public void Going_on_from_a_sum_gives_the_bits_of_reading_at_once_at_every_width(int piece)
    {
        const int N = 100, H = 2, M = 17, V = 15;
        AttentionOptions o = new() { Heads = H, HeadWidth = M, ValueWidth = V, Scale = 1, Causal = true };
        float[] q = Features(N * H * M, 1), k = Features(N * H * M, 2), v = Floats(N * H * V, 3);
        float[] whole = SameBits(() =>
        {
            float[] z = new float[N * H * V], n = new float[N * H];
            LinearAttentionKernel.Forward(q, k, v, o, [new(0, N, 0, N)], z, n);
            return [.. z, .. n];
        });
        float[] pieces = SameBits(() =>
        {
            using KeyValuePool pool = new(FeatureSum.Floats(H, M, V), KeyValuePool.Share(long.MaxValue));
            using FeatureSum sum = new(pool);
            float[] z = new float[N * H * V], n = new float[N * H];
            for (int first = 0; first < N; first += piece)
            {
                int count = Math.Min(piece, N - first);
                LinearAttentionKernel.Forward(q.AsSpan(first * H * M), k.AsSpan(first * H * M), v.AsSpan(first * H * V), o, [new(0, count, 0, count)], z.AsSpan(first * H * V), n.AsSpan(first * H), [sum]);
            }

            Assert.Equal(N, sum.Count);
            Assert.InRange(pool.UsedPages, 1, 2);
            return [.. z, .. n];
        });
        Assert.Equal(whole, pieces);
    }

    [Fact]
    public void A_sum_that_does_not_fit_is_refused_and_a_disposed_one_gives_its_pages_back()
    {
        using KeyValuePool pool = new(FeatureSum.Floats(1, 4, 4), KeyValuePool.Share(FeatureSum.Floats(1, 4, 4) * sizeof(float) * 3));
        FeatureSum one = new(pool);
        one.Advance(1);
        one.Advance(1);
        Assert.Throws<BudgetException>(() => one.Advance(1));
        Assert.Equal(2, one.Count);
        FeatureSum fork = one.Fork();
        one.Dispose();
        Assert.Equal(1, pool.UsedPages);
        fork.Dispose();
        Assert.Equal(0, pool.UsedPages);
        Assert.Throws<ObjectDisposedException>(() => fork.Advance(1));
    }

    [Fact]
    public void Positive_random_features_estimate_softmax_attention()
    {
        const int N = 40, K = 8, Features = 4096;
        using TensorScope scope = TensorScope.Begin();
        Tensor q = Tensor.Create(Floats(N * K, 1, 0.5f), N, K), k = Tensor.Create(Floats(N * K, 2, 0.5f), N, K), v = Tensor.Create(Floats(N * K, 3), N, K);
        Tensor projection = AttentionFeatures.OrthogonalProjection(Features, K, 1);
        AttentionSequence[] s = [new(0, N, 0, N)];
        foreach (bool causal in (bool[])[false, true])
        {
            Variable z = AttentionFeatures.Attend(AttentionFeatures.Positive(q, projection), AttentionFeatures.Positive(k, projection), v, 1, causal, ForwardContext.Of(N));
            float[] exact = new float[N * K];
            AttentionOptions o = new() { Heads = 1, HeadWidth = K, Scale = 1 / MathF.Sqrt(K), Causal = causal };
            AttentionKernel.Forward(new AttentionInputs<float> { Query = q.Span, QueryStride = K, Key = k.Span, KeyStride = K, Value = v.Span, ValueStride = K }, o, s, exact, []);
            Close(z.Value.Span, Doubles(exact), 0.03, 0);
        }
    }

    [Fact]
    public void Rows_of_the_projection_are_orthogonal_within_a_block()
    {
        using TensorScope scope = TensorScope.Begin();
        float[] rows = AttentionFeatures.OrthogonalProjection(11, 4, 5).ToArray();
        for (int a = 0; a < 11; a++)
            for (int b = 0; b < a; b++)
                if (a / 4 == b / 4) Assert.Equal(0, Dot(Doubles(rows.AsSpan(a * 4, 4)), Doubles(rows.AsSpan(b * 4, 4))), 1e-5);
    }

    [Fact]
    public void Elu_plus_one_is_positive_and_continues_through_zero()
    {
        using TensorScope scope = TensorScope.Begin();
        float[] y = AttentionFeatures.EluPlusOne(Tensor.Create([-50f, -1f, 0f, 2f], 4)).Value.ToArray();
        Assert.Equal(1, y[0] / MathF.Exp(-50), 1e-6);
        Assert.Equal(MathF.Exp(-1), y[1], 1e-7);
        Assert.Equal(1f, y[2]);
        Assert.Equal(3f, y[3]);
    }
}
