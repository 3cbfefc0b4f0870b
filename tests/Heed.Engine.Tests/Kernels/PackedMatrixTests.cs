using System.Runtime.InteropServices;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Kernels;

[Collection("Threads")]
public sealed class PackedMatrixTests
{
    public static TheoryData<int, int, string, int> Weights
    {
        get
        {
            var weights = new TheoryData<int, int, string, int>();
            foreach (WeightFormat format in WeightFormat.All)
                foreach (int lane in (int[])[8, 16, 32])
                    foreach ((int N, int K) in ((int, int)[])[(1, 1), (lane, 7), (lane + 1, 40), (lane - 1, MatMulKernel.BlockK + 1), (3, (2 * MatMulKernel.BlockK) + 31), (lane, 64), ((9 * lane) + 5, 77), ((4 * lane) + 3, 611)]) weights.Add(N, K, format.Name, lane);
            return weights;
        }
    }

    [Theory, MemberData(nameof(Weights))]
    public void Products_have_the_bits_of_the_unpacked_product_for_every_number_of_rows(int N, int K, string name, int lane)
    {
        WeightFormat format = WeightFormat.Find(name)!;
        float[] weight = MatMulData.Random(N * K, 1);
        using var packed = new PackedMatrix(N, K, format, lane);
        packed.Set(weight, transposed: false);
        float[] values = new float[N * K], back = new float[N * K];
        packed.Unpack(values);
        if (format == WeightFormat.Float32) MatMulData.AssertSameBits(weight, values);
        for (int n = 0; n < N; n++) packed.ReadRow(n, back.AsSpan(n * K, K));
        MatMulData.AssertSameBits(values, back);
        int[] rows = [N - 1, 0, N / 2, N - 1];
        float[] gathered = new float[rows.Length * K];
        packed.ReadRows(rows, gathered);
        for (int i = 0; i < rows.Length; i++) MatMulData.AssertSameBits(values.AsSpan(rows[i] * K, K), gathered.AsSpan(i * K, K));

        foreach (int M in (int[])[1, 2, 3, 4, 5, 6, 7, 8, 13, 33, 61])
        {
            float[] x = MatMulData.Random(M * K, M), start = MatMulData.Random(M * N, 2), bias = MatMulData.Random(N, 3);
            foreach (bool accumulate in (bool[])[false, true])
            {
                float[] dx = MatMulData.Random(M * K, 4), expectedDx = (float[])dx.Clone();
                MatMulKernel.Invoke<MatMulTile256>(start, default, values, MatrixLayout.RowMajor, expectedDx, M, K, N, accumulate);
                packed.MultiplyTransposed(start, dx, M, accumulate);
                MatMulData.AssertSameBits(expectedDx, dx);
                foreach (Activation activation in (Activation[])[Activation.Identity, Activation.Gelu])
                {
                    float[] expected = (float[])start.Clone(), y = [.. Enumerable.Repeat(7.5f, 40), .. start, .. Enumerable.Repeat(7.5f, 40)];
                    var epilogue = new Epilogue { Bias = bias, Activation = activation };
                    MatMulKernel.Invoke<MatMulTile256>(x, default, values, MatrixLayout.Transposed, expected, M, N, K, accumulate, epilogue);
                    packed.Multiply(x, default, y.AsSpan(40, M * N), M, accumulate, epilogue);
                    MatMulData.AssertSameBits(expected, y.AsSpan(40, M * N));
                    Assert.All(y[..40], v => Assert.Equal(7.5f, v));
                    Assert.All(y[^40..], v => Assert.Equal(7.5f, v));
                }
            }
        }
    }

    [Theory, MemberData(nameof(Weights))]
    public void Both_orientations_and_any_pieces_pack_the_same_values(int N, int K, string name, int lane)
    {
        WeightFormat format = WeightFormat.Find(name)!;
        float[] weight = MatMulData.Random(N * K, 1);
        using var packed = new PackedMatrix(N, K, format, lane);
        packed.Set(weight, transposed: false);
        float[] expected = new float[N * K], found = new float[N * K];
        packed.Unpack(expected);

        using var pieces = new PackedMatrix(N, K, format, lane);
        for (int n = 0, step = 1; n < N; n += step, step = 1 + (step * 3 % 11))
            pieces.SetRows(n, MemoryMarshal.AsBytes(weight.AsSpan(n * K, Math.Min(step, N - n) * K)));
        pieces.Unpack(found);
        MatMulData.AssertSameBits(expected, found);

        float[] turned = MatMulData.Transpose(weight, N, K);
        using var columns = new PackedMatrix(N, K, format, lane);
        int inputs = format.BlockLength == 1 ? 5 : 2 * format.BlockLength;
        for (int k = 0; k < K; k += inputs) columns.SetColumns(k, MemoryMarshal.AsBytes(turned.AsSpan(k * N, Math.Min(inputs, K - k) * N)));
        columns.Unpack(found);
        MatMulData.AssertSameBits(expected, found);
        float[] back = new float[N * K];
        columns.Unpack(back, transposed: true);
        MatMulData.AssertSameBits(MatMulData.Transpose(expected, N, K), back);
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("f16")]
    public void Every_16_bit_value_is_kept_widened_exactly_and_multiplied_alike(string name)
    {
        WeightFormat format = WeightFormat.Find(name)!;
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        float[] expected = [.. all.Select(bits => format == WeightFormat.BFloat16 ? BitConverter.UInt32BitsToSingle((uint)bits << 16) : (float)BitConverter.UInt16BitsToHalf(bits))];
        using var rows = new PackedMatrix(64, 1024, format);
        rows.SetRows(0, MemoryMarshal.AsBytes(all.AsSpan()), format);
        float[] found = new float[65536];
        rows.Unpack(found);
        AssertSameNumbers(expected, found);

        using var wide = new PackedMatrix(64, 1024);
        wide.SetRows(0, MemoryMarshal.AsBytes(all.AsSpan()), format);
        wide.Unpack(found);
        AssertSameNumbers(expected, found);

        using var columns = new PackedMatrix(1024, 64, format);
        columns.SetColumns(0, MemoryMarshal.AsBytes(all.AsSpan()), format);
        columns.Unpack(found, transposed: true);
        AssertSameNumbers(expected, found);

        // With K = 1 and x = 1 the product is the weight itself, read by the vector loads of each kernel.
        foreach (int lane in (int[])[16, 32])
        {
            using var vector = new PackedMatrix(65536, 1, format, lane);
            vector.SetRows(0, MemoryMarshal.AsBytes(all.AsSpan()), format);
            vector.Multiply([1f], found, 1);
            for (int i = 0; i < expected.Length; i++) if (expected[i] == 0) expected[i] = 0;   // 0 + (−0) is 0
            AssertSameNumbers(expected, found);
        }
    }

    [Fact]
    public void Narrowing_rounds_to_nearest_even()
    {
        float[] weight = [1f, 1 + (1f / 256), 1 + (3f / 256), 1 + (1f / 256) + (1f / 65536), -1 - (1f / 256), float.PositiveInfinity, float.NaN, 3.4e38f];
        using var packed = PackedMatrix.Pack(weight, 1, 8, WeightFormat.BFloat16);
        float[] found = new float[8];
        packed.ReadRow(0, found);
        Assert.Equal([1f, 1f, 1 + (1f / 64), 1 + (1f / 128), -1f, float.PositiveInfinity, float.NaN, float.PositiveInfinity], found);
    }

    [Theory]
    [InlineData("f32")]
    [InlineData("bf16")]
    [InlineData("f16")]
    [InlineData("q8_0")]
    [InlineData("q6_k")]
    [InlineData("q4_k")]
    [InlineData("q4_0")]
    public void Threads_do_not_change_the_bits(string name)
    {
        const int N = 1000, K = 300;
        WeightFormat format = WeightFormat.Find(name)!;
        using var packed = PackedMatrix.Pack(MatMulData.Random(N * K, 1), N, K, format);
        foreach (int M in (int[])[1, 3, 20, 100])
        {
            float[] x = MatMulData.Random(M * K, 2), expected = new float[M * N], y = new float[M * N], dx = new float[M * K], found = new float[M * K];
            using (ComputeContext single = new(new ComputeOptions { Threads = 1 }))
            using (single.Enter())
            {
                packed.Multiply(x, expected, M);
                packed.MultiplyTransposed(expected, dx, M);
            }

            foreach (int threads in (int[])[2, 3, 5])
            {
                using ComputeContext context = new(new ComputeOptions { Threads = threads });
                using ContextScope entered = context.Enter();
                packed.Multiply(x, y, M);
                MatMulData.AssertSameBits(expected, y);
                packed.MultiplyTransposed(expected, found, M);
                MatMulData.AssertSameBits(dx, found);
            }
        }
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("q8_0")]
    [InlineData("q6_k")]
    [InlineData("q4_k")]
    [InlineData("q4_0")]
    public void A_product_allocates_nothing_once_warm(string name)
    {
        using var packed = PackedMatrix.Pack(MatMulData.Random(300 * 200, 1), 300, 200, WeightFormat.Find(name)!);
        float[] x = MatMulData.Random(100 * 200, 2), y = new float[100 * 300];
        for (int i = 0; i < 5; i++) { packed.Multiply(x, y, 100); packed.Multiply(x, y, 1); }
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++) { packed.Multiply(x, y, 100); packed.Multiply(x, y, 1); packed.Multiply(x, y, 7); }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Wrong_sizes_and_a_disposed_weight_are_refused()
    {
        var packed = PackedMatrix.Pack(new float[12], 3, 4);
        Assert.Throws<ArgumentException>(() => packed.Multiply(new float[7], new float[6], 2));
        Assert.Throws<ArgumentException>(() => packed.Multiply(new float[8], new float[5], 2));
        Assert.Throws<ArgumentException>(() => packed.SetRows(0, new byte[15]));
        Assert.Throws<ArgumentException>(() => packed.SetRows(2, new byte[32]));
        Assert.Throws<ArgumentException>(() => packed.SetColumns(4, new byte[12]));
        Assert.Throws<ArgumentOutOfRangeException>(() => packed.ReadRow(3, new float[4]));
        Assert.Throws<ArgumentException>(() => packed.Unpack(new float[11]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PackedMatrix(0, 4));
        Assert.Throws<ArgumentException>(() => packed.ReadRows(2, new float[8]));
        Assert.Throws<ArgumentException>(() => packed.ReadRows(0, new float[7]));
        Assert.Throws<ArgumentOutOfRangeException>(() => packed.ReadRows([0, 3], new float[8]));
        Assert.Throws<ArgumentException>(() => packed.ReadColumns(3, new float[6]));
        Assert.Throws<ArgumentException>(() => packed.MultiplyTransposed(new float[5], new float[8], 2));
        Assert.Throws<ArgumentException>(() => packed.SetColumns(0, new byte[3 * 34], WeightFormat.Q8_0));
        using PackedMatrix blocks = new(3, 70, WeightFormat.Q8_0);
        Assert.Contains("whole blocks of 32", Assert.Throws<ArgumentException>(() => blocks.SetColumns(31, new byte[12])).Message);
        Assert.Contains("whole blocks of 32", Assert.Throws<ArgumentException>(() => blocks.SetColumns(32, new byte[12 * 31])).Message);
        Assert.Throws<BudgetException>(() => new PackedMatrix(int.MaxValue, int.MaxValue));
        packed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => packed.Multiply(new float[4], new float[3], 1));
        Assert.Throws<ObjectDisposedException>(() => packed.ReadRow(0, new float[4]));
    }

    private static void AssertSameNumbers(float[] expected, float[] found)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            bool same = float.IsNaN(expected[i]) ? float.IsNaN(found[i]) : BitConverter.SingleToUInt32Bits(expected[i]) == BitConverter.SingleToUInt32Bits(found[i]);
            Assert.True(same, $"Value {i}: {expected[i]:G9} expected, {found[i]:G9} found.");
        }
    }
}
