using System.Buffers.Binary;

namespace Heed.Engine.Kernels;

/// <summary>Q4_0. A panel's block is [lane] scales and then [4][lane] words of eight inputs (<see cref="NibbleWords"/>).</summary>
internal sealed unsafe class Q4Format() : BlockFormat("q4_0", Q4Block.Length, Q4Block.Bytes, Q4Block.Length)
{
    /// <summary>The q of zero.</summary>
    public const int Zero = 8;

    protected override void Round(ReadOnlySpan<float> values, Span<byte> block) => Q4Block.Round(values, block);

    protected override void Poison(Span<byte> block) => BinaryPrimitives.WriteHalfLittleEndian(block, Half.NaN);

    protected override void Scalar(ReadOnlySpan<byte> block, Span<float> values) => Q4Block.Scalar(block, values);

    protected override void Place(ReadOnlySpan<byte> block, byte* panel, int lane, int column)
    {
        ((ushort*)panel)[column] = BinaryPrimitives.ReadUInt16LittleEndian(block);
        Span<byte> q = stackalloc byte[Q4Block.Length];
        for (int i = 0; i < 16; i++) (q[i], q[i + 16]) = ((byte)(block[2 + i] & 15), (byte)(block[2 + i] >> 4));
        for (int w = 0; w < 4; w++) Words(panel, lane)[(w * lane) + column] = NibbleWords.Pack(q.Slice(8 * w, 8));
    }

    protected override void Take(byte* panel, int lane, int column, Span<byte> block)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(block, ((ushort*)panel)[column]);
        block[2..].Clear();
        for (int i = 0; i < Q4Block.Length; i++) Q4Block.Put(block[2..], default, i, NibbleWords.Get(Words(panel, lane)[(i / 8 * lane) + column], i % 8));
    }

    protected override void ReadGroup(byte* panel, int lane, int first, int count, float* target)
    {
        float* scales = stackalloc float[MatMulTile512.Columns];
        HalfFormats.FromFloat16((ushort*)panel, scales, lane);
        for (int i = first; i < first + count; i++, target += lane) NibbleWords.Read(Words(panel, lane) + (i / 8 * lane), lane, i % 8, Zero, scales, null, target);
    }

    private static uint* Words(byte* panel, int lane) => (uint*)(panel + (lane * sizeof(ushort)));
}
