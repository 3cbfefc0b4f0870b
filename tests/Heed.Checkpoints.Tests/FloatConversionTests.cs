using System.Runtime.InteropServices;

namespace Heed.Checkpoints.Tests;

public class FloatConversionTests
{
    [Fact]
    public void Every_float16_and_bfloat16_widens_exactly_and_comes_back()
    {
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        byte[] bytes = MemoryMarshal.AsBytes(all.AsSpan()).ToArray(), back = new byte[bytes.Length];
        float[] floats = new float[all.Length];
        FloatConversion.ToFloats(DType.F16, bytes, floats);
        for (int i = 0; i < all.Length; i++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf(all[i]);
            Assert.True(float.IsNaN(expected) ? float.IsNaN(floats[i]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(floats[i]), $"0x{i:X4}");
        }

        FloatConversion.FromFloats(DType.F16, floats, back);
        AssertNumbersEqual(all, back, floats);
        FloatConversion.ToFloats(DType.BF16, bytes, floats);
        for (int i = 0; i < all.Length; i++) Assert.Equal((uint)i << 16, BitConverter.SingleToUInt32Bits(floats[i]));
        FloatConversion.FromFloats(DType.BF16, floats, back);
        AssertNumbersEqual(all, back, floats);
    }

    [Fact]
    public void Rounding_to_bfloat16_is_to_nearest_with_ties_to_even_in_the_vector_and_the_rest()
    {
        (uint From, ushort To)[] cases =
        [
            (0x3F800000, 0x3F80), (0x3F808000, 0x3F80), (0x3F808001, 0x3F81), (0x3F818000, 0x3F82), (0x3F817FFF, 0x3F81), (0xBF818000, 0xBF82),
            (0x7F7FFFFF, 0x7F80), (0x7F800000, 0x7F80), (0xFF800000, 0xFF80), (0x00000001, 0x0000), (0x80000000, 0x8000), (0x7F800001, 0x7FC0), (0xFFFFFFFF, 0x7FC0),
        ];
        float[] source = [.. Enumerable.Range(0, 77).Select(i => BitConverter.UInt32BitsToSingle(cases[i % cases.Length].From))];
        byte[] target = new byte[source.Length * 2];
        FloatConversion.FromFloats(DType.BF16, source, target);
        ReadOnlySpan<ushort> values = MemoryMarshal.Cast<byte, ushort>(target);
        for (int i = 0; i < values.Length; i++) Assert.Equal(cases[i % cases.Length].To, values[i]);
    }

    // cases: g8. Values of the paper's tables (arXiv:2209.05433) and PyTorch's float8_e4m3fn and float8_e5m2.
    [Fact]
    public void Floats_of_eight_bits_are_widened_exactly()
    {
        byte[] bytes = [0x00, 0x80, 0x01, 0x07, 0x08, 0x38, 0xB8, 0x7E, 0xFE, 0x7F, 0xFF];
        float[] expected = [0, -0f, 0.001953125f, 0.013671875f, 0.015625f, 1, -1, 448, -448, float.NaN, float.NaN];
        Assert.Equal(expected, RawTensor.FromBytes("x", DType.F8E4M3, [bytes.Length], bytes).ToFloats());
        bytes = [0x00, 0x01, 0x3C, 0xBC, 0x7B, 0x7C, 0xFC, 0x7D];
        expected = [0, 1.52587890625e-05f, 1, -1, 57344, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        Assert.Equal(expected, RawTensor.FromBytes("x", DType.F8E5M2, [bytes.Length], bytes).ToFloats());
        Assert.Equal(new NonFiniteCount(2, 0), DType.F8E4M3.CountNonFinite([0x7F, 0xFF, 0x7E, 0x7C]));
        Assert.Equal(new NonFiniteCount(1, 2), DType.F8E5M2.CountNonFinite([0x7C, 0xFC, 0x7D, 0x7B]));
    }

    [Fact]
    public void Integers_booleans_and_doubles_are_read_as_floats()
    {
        Assert.Equal([-5f, 7f], RawTensor.FromBytes("x", DType.I64, [2], MemoryMarshal.AsBytes((ReadOnlySpan<long>)[-5, 7]).ToArray()).ToFloats());
        Assert.Equal([-5f, 7f], RawTensor.FromBytes("x", DType.I8, [2], new byte[] { 0xFB, 7 }).ToFloats());
        Assert.Equal([1f, 0f], RawTensor.FromBytes("x", DType.Bool, [2], new byte[] { 1, 0 }).ToFloats());
        Assert.Equal([0.1f], RawTensor.FromBytes("x", DType.F64, [1], MemoryMarshal.AsBytes((ReadOnlySpan<double>)[0.1]).ToArray()).ToFloats());
        Assert.Throws<InputException>(() => RawTensor.FromBytes("x", DType.F8E8M0, [1], new byte[1]).ToFloats());
    }

    [Fact]
    public void A_converted_tensor_reads_the_same_in_any_parts()
    {
        float[] values = [.. Enumerable.Range(0, 1001).Select(i => (i - 500) / 3f)];
        RawTensor half = RawTensor.FromFloats("x", [1001], values).As(DType.BF16);
        byte[] whole = half.ToBytes();
        byte[] parts = new byte[whole.Length];
        for (int at = 0, n = 1; at < parts.Length; at += n, n = (n % 97) + 3) half.ReadBytes(at, parts.AsSpan(at, Math.Min(n, parts.Length - at)));
        Assert.Equal(whole, parts);
        RawTensor single = RawTensor.FromFloats("x", [1001], values);
        byte[] odd = new byte[13];
        single.ReadBytes(7, odd);
        Assert.Equal(single.ToBytes()[7..20], odd);
    }

    private static void AssertNumbersEqual(ushort[] expected, byte[] actual, float[] floats)
    {
        ReadOnlySpan<ushort> values = MemoryMarshal.Cast<byte, ushort>(actual);
        for (int i = 0; i < expected.Length; i++)
            if (!float.IsNaN(floats[i])) Assert.Equal(expected[i], values[i]);
    }
}
