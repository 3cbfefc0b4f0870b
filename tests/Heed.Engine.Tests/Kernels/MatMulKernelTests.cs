using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Testing;

namespace Heed.Engine.Tests.Kernels;

[Collection("Threads")]
public sealed class MatMulKernelTests : IDisposable
{
    private readonly int _threads = WorkerPool.Threads;

    public void Dispose() => WorkerPool.Threads = _threads;

    public static TheoryData<int, int, int> Shapes
    {
        get
        {
            var shapes = new TheoryData<int, int, int>();
            foreach (int m in Around(6)) foreach (int n in Around(16)) shapes.Add(m, n, 19);
            foreach (int m in Around(32)) shapes.Add(m, 35, 50);
            foreach (int k in Around(MatMulKernel.BlockK)) { shapes.Add(7, 33, k); shapes.Add(40, 33, k); }
            shapes.Add(0, 5, 5);
            shapes.Add(5, 0, 5);
            shapes.Add(5, 17, 0);
            shapes.Add(50, 17, 0);
            return shapes;
        }
    }

    private static int[] Around(int b) => [1, b - 1, b, b + 1, (3 * b) + 5];

    [Theory, MemberData(nameof(Shapes))]
    public void Every_shape_and_layout_matches_the_double_oracle_and_the_scalar_bits(int M, int N, int K)
    {
        float[] a = MatMulData.Random(M * K, 1), b = MatMulData.Random(K * N, 2), start = MatMulData.Random(M * N, 3);
        foreach (bool accumulate in (bool[])[false, true])
        {
            double[] oracle = [.. start.Select(v => (double)v)];
            MatMulKernel.Scalar<double>([.. a.Select(v => (double)v)], default, [.. b.Select(v => (double)v)], default, oracle, M, N, K, accumulate);
            float[] scalar = (float[])start.Clone();
            MatMulKernel.Scalar<float>(a, default, b, default, scalar, M, N, K, accumulate);
            Assert.True(MatMulData.RelativeError(oracle, scalar) <= 4 * Math.Sqrt(K + 1) * Math.Pow(2, -24));
            foreach (bool aT in (bool[])[false, true])
            {
                foreach (bool bT in (bool[])[false, true])
                {
                    float[] c = Product<MatMulTile256>(a, aT, b, bT, start, M, N, K, accumulate);
                    MatMulData.AssertSameBits(scalar, c);
                }
            }
        }
    }

    [Theory]
    [InlineData(13, 33, 50)]
    [InlineData(45, 70, 400)]
    [InlineData(1, 97, 17)]
    public void Every_vector_width_gives_the_same_bits(int M, int N, int K)
    {
        float[] a = MatMulData.Random(M * K, 1), b = MatMulData.Random(K * N, 2), start = MatMulData.Random(M * N, 3);
        foreach (bool t in (bool[])[false, true])
        {
            float[] expected = Product<MatMulTile256>(a, t, b, t, start, M, N, K, accumulate: true);
            MatMulData.AssertSameBits(expected, Product<MatMulTile512>(a, t, b, t, start, M, N, K, accumulate: true));
            MatMulData.AssertSameBits(expected, Product<MatMulTile128>(a, t, b, t, start, M, N, K, accumulate: true));
        }
    }

    [Fact]
    public void A_row_alone_has_the_bits_it_has_in_any_batch_at_any_number_of_threads()
    {
        const int N = 150, K = 500, Largest = 200;
        float[] a = MatMulData.Random(Largest * K, 4), b = MatMulData.Random(K * N, 5);
        float[] all = new float[Largest * N];
        MatMulKernel.Invoke(a, MatrixLayout.RowMajor, b, MatrixLayout.RowMajor, all, Largest, N, K);
        foreach (int threads in (int[])[1, 2, 3, 5])
        {
            WorkerPool.Threads = threads;
            foreach (int M in (int[])[1, 2, 6, 7, 32, 33, 131, 200])
            {
                float[] c = new float[M * N];
                MatMulKernel.Invoke(a.AsSpan(0, M * K), MatrixLayout.RowMajor, b, MatrixLayout.RowMajor, c, M, N, K);
                MatMulData.AssertSameBits(all.AsSpan(0, M * N), c);
            }
        }
    }

    [Fact]
    public void Rows_that_are_apart_are_read_without_their_neighbours()
    {
        const int M = 37, N = 21, K = 24, Apart = 61;
        float[] a = MatMulData.Random(M * Apart, 6), b = MatMulData.Random(100 * Apart, 7);
        float[] tightA = [.. Enumerable.Range(0, M).SelectMany(m => a.Skip(m * Apart).Take(K))];
        float[] tightB = [.. Enumerable.Range(0, N).SelectMany(n => b.Skip(n * Apart).Take(K))];
        float[] expected = new float[M * N], c = new float[M * N];
        MatMulKernel.Invoke(tightA, MatrixLayout.RowMajor, tightB, MatrixLayout.Transposed, expected, M, N, K);
        MatMulKernel.Invoke(a, MatrixLayout.RowsApart(Apart), b, MatrixLayout.TransposedRowsApart(Apart), c, M, N, K);
        MatMulData.AssertSameBits(expected, c);
    }

    [Theory]
    [InlineData(11, 5, 7, 9)]
    [InlineData(3, 70, 40, 64)]
    [InlineData(2, 256, 256, 200)]
    public void A_batch_equals_its_products_one_by_one(int count, int M, int N, int K)
    {
        float[] a = MatMulData.Random(count * M * K, 8), b = MatMulData.Random(count * K * N, 9);
        float[] c = new float[count * M * N], one = new float[M * N];
        MatMulKernel.Batch(count, a, MatrixLayout.RowMajor, M * K, b, MatrixLayout.Transposed, K * N, c, M * N, M, N, K);
        for (int i = 0; i < count; i++)
        {
            MatMulKernel.Invoke(a.AsSpan(i * M * K), MatrixLayout.RowMajor, b.AsSpan(i * K * N), MatrixLayout.Transposed, one, M, N, K);
            MatMulData.AssertSameBits(one, c.AsSpan(i * M * N, M * N));
        }
    }

    [Theory]
    [InlineData(3, 50, 30)]
    [InlineData(60, 50, 400)]
    public void The_fused_epilogue_has_the_bits_of_its_steps(int M, int N, int K)
    {
        float[] a = MatMulData.Random(M * K, 1), b = MatMulData.Random(K * N, 2), bias = MatMulData.Random(N, 3);
        float[] plain = new float[M * N], fused = new float[M * N];
        MatMulKernel.Invoke(a, default, b, default, plain, M, N, K);
        MatMulKernel.Invoke(a, default, b, default, fused, M, N, K, false, new Epilogue { Bias = bias, Activation = Activation.Gelu });
        for (int i = 0; i < plain.Length; i++) plain[i] += bias[i % N];
        ActivationKernel.Invoke(Activation.Gelu, plain, plain);
        MatMulData.AssertSameBits(plain, fused);
    }

    // Beyond every block of the drivers: rows, columns and the reduction are all cut.
    [LongFact]
    public void Products_larger_than_every_block_keep_the_bits()
    {
        const int M = 3072 + 70, N = 4096 + 50, K = MatMulKernel.BlockK + 5;
        float[] a = MatMulData.Random(M * K, 1), b = MatMulData.Random(K * N, 2), c = new float[M * N], row = new float[N];
        MatMulKernel.Invoke(a, default, b, default, c, M, N, K);
        using var packed = PackedMatrix.Pack(b, N, K, transposed: true);
        float[] y = new float[M * N];
        packed.Multiply(a, y, M);
        MatMulData.AssertSameBits(c, y);
        foreach (int m in (int[])[0, 1, 191, 192, 3071, 3072, M - 1])
        {
            MatMulKernel.Scalar<float>(a.AsSpan(m * K, K), default, b, default, row, 1, N, K);
            MatMulData.AssertSameBits(row, c.AsSpan(m * N, N));
        }
    }

    // A reduction too long to be packed at once, with a part of one tile and with several, over unpacked and packed weights.
    [Theory]
    [InlineData(33, 5, 64_001)]
    [InlineData(70, 40, 30_011)]
    public void A_reduction_longer_than_what_is_packed_at_a_time_keeps_the_bits(int M, int N, int K)
    {
        float[] a = MatMulData.Random(M * K, 1), b = MatMulData.Random(K * N, 2), start = MatMulData.Random(M * N, 3), scalar = (float[])start.Clone();
        MatMulKernel.Scalar<float>(a, default, b, default, scalar, M, N, K, accumulate: true);
        foreach (bool aT in (bool[])[false, true]) MatMulData.AssertSameBits(scalar, Product<MatMulTile256>(a, aT, b, false, start, M, N, K, true));
        using var packed = PackedMatrix.Pack(b, N, K, transposed: true);
        float[] y = (float[])start.Clone();
        packed.Multiply(a, MatrixLayout.RowMajor, y, M, accumulate: true);
        MatMulData.AssertSameBits(scalar, y);
    }

    [Fact]
    public void A_span_that_is_too_short_is_refused()
    {
        float[] small = new float[5], six = new float[6];
        Assert.Throws<ArgumentException>(() => MatMulKernel.Invoke(small, default, six, default, new float[4], 2, 2, 3));
        Assert.Throws<ArgumentException>(() => MatMulKernel.Invoke(six, default, small, default, new float[4], 2, 2, 3));
        Assert.Throws<ArgumentException>(() => MatMulKernel.Invoke(six, default, six, default, new float[3], 2, 2, 3));
        Assert.Throws<ArgumentException>(() => MatMulKernel.Invoke(six, MatrixLayout.RowsApart(2), six, default, new float[4], 2, 2, 3));
        Assert.Throws<ArgumentException>(() => MatMulKernel.Invoke(six, default, six, default, new float[4], 2, 2, 3, false, new Epilogue { Bias = small }));
        Assert.Throws<ArgumentOutOfRangeException>(() => MatMulKernel.Invoke(six, default, six, default, six, -1, 2, 3));
    }

    // The product between guard values, which must stay.
    private static float[] Product<TTile>(float[] a, bool aT, float[] b, bool bT, float[] start, int M, int N, int K, bool accumulate)
        where TTile : struct, IMatMulTile
    {
        const int Guard = 70;
        float[] around = new float[start.Length + (2 * Guard)];
        Array.Fill(around, 12345.678f);
        start.CopyTo(around, Guard);
        MatMulKernel.Invoke<TTile>(
            aT ? MatMulData.Transpose(a, M, K) : a, aT ? MatrixLayout.Transposed : MatrixLayout.RowMajor, bT ? MatMulData.Transpose(b, K, N) : b, bT ? MatrixLayout.Transposed : MatrixLayout.RowMajor,
            around.AsSpan(Guard, start.Length), M, N, K, accumulate);
        Assert.All(around[..Guard], v => Assert.Equal(12345.678f, v));
        Assert.All(around[^Guard..], v => Assert.Equal(12345.678f, v));
        return around[Guard..^Guard];
    }
}
