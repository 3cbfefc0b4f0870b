using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Testing;

namespace Heed.Engine.Tests.Kernels;

/// <summary>Q8_0 against the bytes and values of <c>goldens/gguf</c>.</summary>
public sealed class Q8BlockTests : IDisposable
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
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(32)]
    public void Blocks_have_the_values_of_the_reference_by_every_way_of_reading_them(int lane)
    {
        byte[] bytes = Read("dequantize/Q8_0/bytes").ToBytes();
        float[] expected = Read("dequantize/Q8_0/values").ToFloats();
        int blocks = bytes.Length / Q8Block.Bytes;
        float[] values = new float[expected.Length];
        for (int i = 0; i < blocks; i++) Q8Block.Scalar(bytes.AsSpan(i * Q8Block.Bytes, Q8Block.Bytes), values.AsSpan(i * Q8Block.Length, Q8Block.Length));
        AssertSameNumbers(expected, values);

        // A row of W is half of the blocks.
        int K = blocks / 2 * Q8Block.Length;
        using PackedMatrix packed = new(2, K, WeightFormat.Q8_0, lane);
        packed.SetRows(0, bytes, WeightFormat.Q8_0);
        packed.ReadRows(0, values);
        AssertSameNumbers(expected, values);
        packed.Unpack(values, transposed: true);
        AssertSameNumbers(MatMulData.Transpose(expected, 2, K), values);
        using PackedMatrix wide = new(2, K, WeightFormat.Float32, lane);
        wide.SetRows(0, bytes, WeightFormat.Q8_0);
        wide.ReadRows(0, values);
        AssertSameNumbers(expected, values);
    }

    [Fact]
    public void A_block_that_is_not_finite_reads_as_NaN_and_leaves_its_neighbours_alone()
    {
        float[] weight = MatMulData.Random(3 * 64, 1), found = new float[3 * 64];
        weight[70] = float.PositiveInfinity;
        weight[180] = float.NaN;
        using var packed = PackedMatrix.Pack(weight, 3, 64, WeightFormat.Q8_0);
        packed.Unpack(found);
        for (int i = 0; i < found.Length; i++) Assert.Equal(i / 32 is 2 or 5, float.IsNaN(found[i]));
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
