using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>
/// Q6_K. A panel's block is [lane] scales, [16][lane] signed bytes of scales, and then, for each sixteen inputs, [3][lane] words of 32 bits:
/// word w holds q of inputs 5w … 5w + 4 at bits 2, 8, 14, 20 and 26, and two bits of the sixteenth input at bit 0.
/// </summary>
internal sealed unsafe class Q6KFormat() : BlockFormat("q6_k", Q6KBlock.Length, Q6KBlock.Bytes, 16)
{
    /// <summary>The q of zero.</summary>
    public const int Zero = 32;

    /// <summary>Where the scales and the words of a panel's block begin, for each output.</summary>
    public const int ScalesAt = sizeof(ushort), WordsAt = ScalesAt + 16;

    protected override void Round(ReadOnlySpan<float> values, Span<byte> block) => Q6KBlock.Round(values, block);

    protected override void Poison(Span<byte> block) => BinaryPrimitives.WriteHalfLittleEndian(block[208..], Half.NaN);

    protected override void Scalar(ReadOnlySpan<byte> block, Span<float> values) => Q6KBlock.Scalar(block, values);

    protected override void Place(ReadOnlySpan<byte> block, byte* panel, int lane, int column)
    {
        ((ushort*)panel)[column] = BinaryPrimitives.ReadUInt16LittleEndian(block[208..]);
        for (int g = 0; g < 16; g++)
        {
            panel[((ScalesAt + g) * lane) + column] = block[192 + g];
            for (int w = 0; w < 3; w++)
            {
                uint word = (uint)(Q6KBlock.Get(block, (16 * g) + 15) >> (2 * w)) & 3;
                for (int i = 0; i < 5; i++) word |= (uint)Q6KBlock.Get(block, (16 * g) + (5 * w) + i) << ((6 * i) + 2);
                Words(panel, lane, g)[(w * lane) + column] = word;
            }
        }
    }

    protected override void Take(byte* panel, int lane, int column, Span<byte> block)
    {
        block.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(block[208..], ((ushort*)panel)[column]);
        for (int g = 0; g < 16; g++)
        {
            block[192 + g] = panel[((ScalesAt + g) * lane) + column];
            uint* words = Words(panel, lane, g) + column;
            for (int i = 0; i < 15; i++) Q6KBlock.Put(block, (16 * g) + i, (int)(words[i / 5 * lane] >> ((i % 5 * 6) + 2)) & 63);
            Q6KBlock.Put(block, (16 * g) + 15, (int)((words[0] & 3) | ((words[lane] & 3) << 2) | ((words[2 * lane] & 3) << 4)));
        }
    }

    protected override void ReadGroup(byte* panel, int lane, int first, int count, float* target)
    {
        float* scales = stackalloc float[MatMulTile512.Columns];
        HalfFormats.FromFloat16((ushort*)panel, scales, lane);
        int group = first / Group;
        for (int j = 0; j < lane; j++) scales[j] *= ((sbyte*)panel)[((ScalesAt + group) * lane) + j];
        uint* words = Words(panel, lane, group);
        for (int i = first % Group; i < (first % Group) + count; i++, target += lane)
        {
            for (int j = 0; j < lane; j += 8)
            {
                Vector256<uint> q;
                if (i < 15)
                {
                    q = Vector256.ShiftRightLogical(Vector256.Load(words + (i / 5 * lane) + j), (i % 5 * 6) + 2) & Vector256.Create(63u);
                }
                else
                {
                    Vector256<uint> three = Vector256.Create(3u);
                    q = (Vector256.Load(words + j) & three) | Vector256.ShiftLeft(Vector256.Load(words + lane + j) & three, 2)
                        | Vector256.ShiftLeft(Vector256.Load(words + (2 * lane) + j) & three, 4);
                }

                (Vector256.Load(scales + j) * Vector256.ConvertToSingle(q.AsInt32() - Vector256.Create(Zero))).Store(target + j);
            }
        }
    }

    private static uint* Words(byte* panel, int lane, int group) => (uint*)(panel + (WordsAt * lane)) + (3 * group * lane);
}
