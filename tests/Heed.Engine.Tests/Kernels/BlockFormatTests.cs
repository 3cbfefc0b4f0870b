using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Testing;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Formats of blocks against the bytes and values of <c>goldens/gguf</c>.</summary>
public sealed class BlockFormatTests : IDisposable
{
    private readonly SafetensorsFile _file = SafetensorsFile.Open(Path.Combine(Repository.Goldens, "gguf", "blocks.safetensors"));

    public void Dispose() => _file.Dispose();

    [Fact]
    public void Values_are_rounded_to_the_bytes_of_the_reference()
    {
        float[] input = Read("quantize/Q8_0/input").ToFloats();
        byte[] expected = Read("quantize/Q8_0/bytes").ToBytes();
        byte[] block = new byte[Q8Block.Bytes];
        for (int i = 0; i < input.Length / Q8Block.Length; i++)
        {
            Q8Block.Round(input.AsSpan(i * Q8Block.Length, Q8Block.Length), block);
            Assert.Equal(expected.AsSpan(i * Q8Block.Bytes, Q8Block.Bytes), block.AsSpan());
        }
    }

    [Theory]
    [InlineData("Q8_0")]
    [InlineData("Q4_0")]
    [InlineData("Q4_K")]
    [InlineData("Q6_K")]
    public void Blocks_have_the_values_of_the_reference_by_every_way_of_reading_them(string type)
    {
        WeightFormat format = WeightFormat.Find(type.ToLowerInvariant())!;
        byte[] bytes = Read($"dequantize/{type}/bytes").ToBytes();
        float[] expected = Read($"dequantize/{type}/values").ToFloats();
        foreach (int lane in (int[])[8, 16, 32])
        {
            // Each row of W is a block, in panels two of which are whole at least; then two rows of all blocks in turn.
            int blocks = bytes.Length / format.BlockBytes, N = (2 * lane) + blocks;
            byte[] rows = new byte[N * format.BlockBytes];
            float[] values = new float[N * format.BlockLength], found = new float[values.Length];
            for (int n = 0; n < N; n++)
            {
                bytes.AsSpan(n % blocks * format.BlockBytes, format.BlockBytes).CopyTo(rows.AsSpan(n * format.BlockBytes));
                expected.AsSpan(n % blocks * format.BlockLength, format.BlockLength).CopyTo(values.AsSpan(n * format.BlockLength));
            }

            using PackedMatrix packed = new(N, format.BlockLength, format, lane), wide = new(N, format.BlockLength, WeightFormat.Float32, lane);
            packed.SetRows(0, rows, format);
            wide.SetRows(0, rows, format);
            packed.ReadRows(0, found);
            AssertSameNumbers(values, found);
            wide.ReadRows(0, found);
            AssertSameNumbers(values, found);
            packed.Unpack(found, transposed: true);
            AssertSameNumbers(MatMulData.Transpose(values, N, format.BlockLength), found);

            // The one-row kernel at every position of a block, values that are not finite included: x is 1 there and 0 elsewhere.
            float[] x = new float[format.BlockLength], y = new float[N], same = new float[N];
            for (int k = 0; k < x.Length; k++)
            {
                x[k] = 1;
                packed.Multiply(x, y, 1);
                wide.Multiply(x, same, 1);
                AssertSameNumbers(same, y);
                x[k] = 0;
            }

            float[] random = MatMulData.Random(x.Length, 5);
            packed.Multiply(random, y, 1);
            wide.Multiply(random, same, 1);
            AssertSameNumbers(same, y);

            int half = blocks / 2;
            using PackedMatrix longer = new(2, half * format.BlockLength, format, lane);
            longer.SetRows(0, bytes.AsSpan(0, 2 * half * format.BlockBytes), format);
            float[] back = new float[2 * half * format.BlockLength];
            longer.ReadRows(0, back);
            AssertSameNumbers(expected[..back.Length], back);
        }
    }

    [Theory]
    [InlineData("q8_0")]
    [InlineData("q4_0")]
    [InlineData("q4_k")]
    [InlineData("q6_k")]
    public void A_block_that_is_not_finite_reads_as_NaN_and_leaves_its_neighbours_alone(string name)
    {
        WeightFormat format = WeightFormat.Find(name)!;
        int block = format.BlockLength, K = 2 * block;
        float[] weight = MatMulData.Random(3 * K, 1), found = new float[3 * K];
        weight[(2 * block) + 6] = float.PositiveInfinity;
        weight[(5 * block) + 20] = float.NaN;
        using var packed = PackedMatrix.Pack(weight, 3, K, format);
        packed.Unpack(found);
        for (int i = 0; i < found.Length; i++) Assert.Equal(i / block is 2 or 5, float.IsNaN(found[i]));
    }

    [Theory]
    [InlineData("q4_0", 0.1)]
    [InlineData("q4_k", 0.08)]
    [InlineData("q6_k", 0.02)]
    public void Rounding_changes_values_no_more_than_the_format_must(string name, double most)
    {
        WeightFormat format = WeightFormat.Find(name)!;
        float[] weight = MatMulData.Random(40 * 512, 3), once = new float[weight.Length];
        using var packed = PackedMatrix.Pack(weight, 40, 512, format);
        packed.Unpack(once);
        double difference = 0, norm = 0;
        for (int i = 0; i < weight.Length; i++) (difference, norm) = (difference + Math.Pow(once[i] - weight[i], 2), norm + Math.Pow(weight[i], 2));
        Assert.InRange(Math.Sqrt(difference / norm), 0.001, most);
    }

    [Fact]
    public void Sizes_are_those_of_whole_blocks()
    {
        Assert.Equal((32, 34), (WeightFormat.Q8_0.BlockLength, WeightFormat.Q8_0.BlockBytes));
        Assert.Equal((34L, 34L, 68L), (WeightFormat.Q8_0.RowBytes(1), WeightFormat.Q8_0.RowBytes(32), WeightFormat.Q8_0.RowBytes(33)));
        Assert.Equal((132L, 66L, 66L), (WeightFormat.Float32.RowBytes(33), WeightFormat.BFloat16.RowBytes(33), WeightFormat.Float16.RowBytes(33)));
        using PackedMatrix packed = new(64, 96, WeightFormat.Q8_0);
        Assert.Equal(64 * 3 * 34, packed.Bytes);
        foreach (WeightFormat format in WeightFormat.All) Assert.Same(format, WeightFormat.Find(format.Name));
        Assert.Null(WeightFormat.Find("q8"));
    }

    private RawTensor Read(string name) => _file.Tensors.Single(t => t.Name == name);

    private static void AssertSameNumbers(float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (float.IsNaN(expected[i])) Assert.True(float.IsNaN(found[i]), $"Value {i}: NaN expected, {found[i]:G9} found.");
            else Assert.Equal(BitConverter.SingleToUInt32Bits(expected[i]), BitConverter.SingleToUInt32Bits(found[i]));
        }
    }
}
