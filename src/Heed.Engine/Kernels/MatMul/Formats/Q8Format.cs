using System.Buffers.Binary;

namespace Heed.Engine.Kernels;

/// <summary>Q8_0. A panel's block is [lane] scales and then [32][lane] bytes, input by input.</summary>
internal sealed unsafe class Q8Format() : BlockFormat("q8_0", Q8Block.Length, Q8Block.Bytes, Q8Block.Length)
{
    protected override void Round(ReadOnlySpan<float> values, Span<byte> block) => Q8Block.Round(values, block);

    protected override void Poison(Span<byte> block) => BinaryPrimitives.WriteHalfLittleEndian(block, Half.NaN);

    protected override void Scalar(ReadOnlySpan<byte> block, Span<float> values) => Q8Block.Scalar(block, values);

    protected override void Place(ReadOnlySpan<byte> block, byte* panel, int lane, int column)
    {
        ((ushort*)panel)[column] = BinaryPrimitives.ReadUInt16LittleEndian(block);
        byte* values = Values(panel, lane) + column;
        for (int i = 0; i < Q8Block.Length; i++) values[i * lane] = block[sizeof(ushort) + i];
    }

    protected override void Take(byte* panel, int lane, int column, Span<byte> block)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(block, ((ushort*)panel)[column]);
        byte* values = Values(panel, lane) + column;
        for (int i = 0; i < Q8Block.Length; i++) block[sizeof(ushort) + i] = values[i * lane];
    }

    protected override void ReadGroup(byte* panel, int lane, int first, int count, float* target)
    {
        float* scales = stackalloc float[MatMulTile512.Columns];
        HalfFormats.FromFloat16((ushort*)panel, scales, lane);
        sbyte* values = (sbyte*)Values(panel, lane) + (first * lane);
        for (int i = 0; i < count; i++, values += lane, target += lane) Q8Block.Widen(scales, values, target, lane);
    }

    private static byte* Values(byte* panel, int lane) => panel + (lane * sizeof(ushort));
}
