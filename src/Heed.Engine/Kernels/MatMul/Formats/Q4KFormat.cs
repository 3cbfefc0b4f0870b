using System.Buffers.Binary;

namespace Heed.Engine.Kernels;

/// <summary>Q4_K. A panel's block is [lane] scales, [lane] scales of the minima, [12][lane] bytes of six-bit scales and minima as they lie in
/// the file, and then [32][lane] words of eight inputs (<see cref="NibbleWords"/>).</summary>
internal sealed unsafe class Q4KFormat() : BlockFormat("q4_k", Q4KBlock.Length, Q4KBlock.Bytes, 32)
{
    private const int ScaleBytes = 12;

    /// <summary>Where the words of a panel's block begin, for each output.</summary>
    public const int WordsAt = (2 * sizeof(ushort)) + ScaleBytes;

    protected override void Round(ReadOnlySpan<float> values, Span<byte> block) => Q4KBlock.Round(values, block);

    protected override void Poison(Span<byte> block) => BinaryPrimitives.WriteHalfLittleEndian(block, Half.NaN);

    protected override void Scalar(ReadOnlySpan<byte> block, Span<float> values) => Q4KBlock.Scalar(block, values);

    protected override void Place(ReadOnlySpan<byte> block, byte* panel, int lane, int column)
    {
        ((ushort*)panel)[column] = BinaryPrimitives.ReadUInt16LittleEndian(block);
        ((ushort*)panel)[lane + column] = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (int i = 0; i < ScaleBytes; i++) Scales(panel, lane)[(i * lane) + column] = block[4 + i];
        Span<byte> q = stackalloc byte[NibbleWords.Inputs];
        for (int w = 0; w < 32; w++)
        {
            for (int i = 0; i < 8; i++) q[i] = (byte)Q4KBlock.Get(block, (8 * w) + i);
            Words(panel, lane)[(w * lane) + column] = NibbleWords.Pack(q);
        }
    }

    protected override void Take(byte* panel, int lane, int column, Span<byte> block)
    {
        block.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(block, ((ushort*)panel)[column]);
        BinaryPrimitives.WriteUInt16LittleEndian(block[2..], ((ushort*)panel)[lane + column]);
        for (int i = 0; i < ScaleBytes; i++) block[4 + i] = Scales(panel, lane)[(i * lane) + column];
        for (int i = 0; i < Q4KBlock.Length; i++) Q4KBlock.Put(block, i, NibbleWords.Get(Words(panel, lane)[(i / 8 * lane) + column], i % 8));
    }

    protected override void ReadGroup(byte* panel, int lane, int first, int count, float* target)
    {
        float* scales = stackalloc float[MatMulTile512.Columns], minima = stackalloc float[MatMulTile512.Columns];
        HalfFormats.FromFloat16((ushort*)panel, scales, lane);
        HalfFormats.FromFloat16((ushort*)panel + lane, minima, lane);
        Span<byte> six = stackalloc byte[ScaleBytes];
        for (int j = 0; j < lane; j++)
        {
            for (int i = 0; i < ScaleBytes; i++) six[i] = Scales(panel, lane)[(i * lane) + j];
            (int s, int m) = Q4KBlock.SixBits(six, first / Group);
            scales[j] *= s;
            minima[j] *= m;
        }

        for (int i = first; i < first + count; i++, target += lane) NibbleWords.Read(Words(panel, lane) + (i / 8 * lane), lane, i % 8, 0, scales, minima, target);
    }

    private static byte* Scales(byte* panel, int lane) => panel + (2 * sizeof(ushort) * lane);

    private static uint* Words(byte* panel, int lane) => (uint*)(panel + (WordsAt * lane));
}
