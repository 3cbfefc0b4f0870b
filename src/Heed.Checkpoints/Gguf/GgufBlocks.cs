using System.Buffers.Binary;

namespace Heed.Checkpoints.Gguf;

/// <summary>
/// Blocks of stored values ↔ float32, with the bits of llama.cpp (ggml-quants.c, <c>dequantize_row_*</c>): scale times sub-scale first,
/// then times the whole number, then minus the minimum, each rounded to float32 by itself.
/// </summary>
internal static partial class GgufBlocks
{
    /// <summary>Turns whole blocks into numbers.</summary>
    /// <param name="type">How they are stored.</param>
    /// <param name="blocks">Whole blocks, one after another.</param>
    /// <param name="values">As many as the blocks hold.</param>
    public static void Dequantize(GgufType type, ReadOnlySpan<byte> blocks, Span<float> values)
    {
        if (type.Plain() is { } plain)
        {
            FloatConversion.ToFloats(plain, blocks, values);
            return;
        }

        (int count, int bytes) = (type.BlockValues(), type.BlockBytes());
        if (blocks.Length % bytes != 0 || (long)blocks.Length / bytes * count != values.Length)
            throw new ArgumentException($"{blocks.Length} bytes of {type} do not hold {values.Length} values.", nameof(blocks));
        for (int at = 0, to = 0; at < blocks.Length; at += bytes, to += count)
        {
            ReadOnlySpan<byte> b = blocks.Slice(at, bytes);
            Span<float> y = values.Slice(to, count);
            switch (type)
            {
                case GgufType.Q4_0: Q4Block.Scalar(b, y); break;
                case GgufType.Q4_1: Nibbles(b[4..], y, Half(b), Half(b[2..])); break;
                case GgufType.Q5_0: FiveBits(b[6..], b[2..], y, Half(b), 0, -16); break;
                case GgufType.Q5_1: FiveBits(b[8..], b[4..], y, Half(b), Half(b[2..]), 0); break;
                case GgufType.Q8_0:
                    float scale = Half(b);
                    for (int i = 0; i < 32; i++) y[i] = (sbyte)b[2 + i] * scale;
                    break;
                case GgufType.Q2_K: Q2K(b, y); break;
                case GgufType.Q3_K: Q3K(b, y); break;
                case GgufType.Q4_K: Q4KBlock.Scalar(b, y); break;
                case GgufType.Q5_K: Q5K(b, y); break;
                case GgufType.Q6_K: Q6KBlock.Scalar(b, y); break;
                case GgufType.TQ1_0: Tq1(b, y); break;
                case GgufType.TQ2_0: Tq2(b, y); break;
                case GgufType.MXFP4: Codes(b[1..], y, PowerOfTwo(b[0]), GgufCodebooks.DoubledFloat4); break;
                case GgufType.NVFP4:
                    for (int s = 0; s < 4; s++)
                        Codes(b.Slice(4 + (8 * s), 8), y.Slice(16 * s, 16), HalvedFloat8(b[s]), GgufCodebooks.DoubledFloat4);
                    break;
                case GgufType.IQ4_NL: Codes(b[2..], y, Half(b), GgufCodebooks.Iq4); break;
                case GgufType.IQ4_XS: Iq4Xs(b, y); break;
                case GgufType.IQ2_XXS: Iq2Xxs(b, y); break;
                case GgufType.IQ2_XS: Iq2Xs(b, y); break;
                case GgufType.IQ2_S: Iq2S(b, y); break;
                case GgufType.IQ3_XXS: Iq3Xxs(b, y); break;
                case GgufType.IQ3_S: Iq3S(b, y); break;
                case GgufType.IQ1_S: Iq1S(b, y); break;
                case GgufType.IQ1_M: Iq1M(b, y); break;
                default: throw new ArgumentException($"{type} is not stored in blocks.", nameof(type));
            }
        }
    }

    /// <summary>Counts values that cannot be finite because a binary16 scale of their block is not, in types that the engine
    /// holds.</summary>
    public static NonFiniteCount CountNonFinite(GgufType type, ReadOnlySpan<byte> blocks)
    {
        NonFiniteCount count = default;
        for (; !blocks.IsEmpty; blocks = blocks[type.BlockBytes()..])
        {
            float scale = type == GgufType.Q6_K ? Half(blocks[208..]) : Half(blocks);
            if (type == GgufType.Q4_K) scale += Half(blocks[2..]);
            if (float.IsFinite(scale)) continue;
            long values = type.BlockValues();
            count += float.IsNaN(scale) ? new NonFiniteCount(values, 0) : new NonFiniteCount(0, values);
        }

        return count;
    }

    private static float Half(ReadOnlySpan<byte> b) => (float)BinaryPrimitives.ReadHalfLittleEndian(b);

    private static ushort Word(ReadOnlySpan<byte> b, int index) => BinaryPrimitives.ReadUInt16LittleEndian(b[(2 * index)..]);

    // Byte j holds value j in its low four bits, and value j + 16 in its high ones.
    private static void Nibbles(ReadOnlySpan<byte> q, Span<float> y, float scale, float minimum)
    {
        for (int j = 0; j < 16; j++) (y[j], y[j + 16]) = (((q[j] & 15) * scale) + minimum, ((q[j] >> 4) * scale) + minimum);
    }

    private static void FiveBits(ReadOnlySpan<byte> q, ReadOnlySpan<byte> fifth, Span<float> y, float scale, float minimum, int offset)
    {
        uint bits = BinaryPrimitives.ReadUInt32LittleEndian(fifth);
        bool plain = offset != 0;
        for (int j = 0; j < 32; j++)
        {
            int low = j < 16 ? q[j] & 15 : q[j - 16] >> 4;
            float value = ((low | (int)((bits >> j) & 1) << 4) + offset) * scale;
            y[j] = plain ? value : value + minimum;
        }
    }

    private static void Codes(ReadOnlySpan<byte> q, Span<float> y, float scale, ReadOnlySpan<sbyte> codes)
    {
        int half = y.Length / 2;
        for (int j = 0; j < half; j++) (y[j], y[j + half]) = (scale * codes[q[j] & 15], scale * codes[q[j] >> 4]);
    }

    /// <summary>2^(e − 128); 0 and 1 are subnormal, and 255 is no NaN.</summary>
    private static float PowerOfTwo(byte e) => BitConverter.UInt32BitsToSingle(e < 2 ? 0x00200000u << e : (uint)(e - 1) << 23);

    /// <summary>Half of an unsigned E4M3 float, of which the sign bit is not read; 0x7F stands for 0.</summary>
    private static float HalvedFloat8(byte bits)
    {
        if (bits is 0 or 0x7F) return 0;
        int exponent = (bits >> 3) & 15, fraction = bits & 7;
        return 0.5f * (exponent == 0 ? MathF.ScaleB(fraction, -9) : MathF.ScaleB(1 + (fraction / 8f), exponent - 7));
    }

    // 16 bytes of 4-bit scales and minima, 64 of values, scale, minimum.
    private static void Q2K(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b[80..]), least = Half(b[82..]);
        for (int i = 0; i < 256; i++)
        {
            byte scales = b[i / 16];
            int q = (b[16 + (i / 128 * 32) + (i % 32)] >> (i % 128 / 32 * 2)) & 3;
            y[i] = (d * (scales & 15) * q) - (least * (scales >> 4));
        }
    }

    // 32 bytes of high bits (a clear one subtracts 4), 64 of low bits, 12 of 6-bit scales, scale.
    private static void Q3K(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b[108..]);
        for (int s = 0; s < 16; s++)
        {
            int low = s < 8 ? b[96 + s] & 15 : b[88 + s] >> 4, high = (b[104 + (s % 4)] >> (s / 4 * 2)) & 3;
            float scale = d * ((low | high << 4) - 32);
            for (int i = 16 * s; i < 16 * (s + 1); i++)
            {
                int q = (b[32 + (i / 128 * 32) + (i % 32)] >> (i % 128 / 32 * 2)) & 3;
                y[i] = scale * (q - (((b[i % 32] >> (i / 32)) & 1) == 0 ? 4 : 0));
            }
        }
    }

    private static void Q5K(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b), least = Half(b[2..]);
        for (int g = 0; g < 8; g++)
        {
            (int s, int m) = Q4KBlock.SixBits(b[4..], g);
            (float scale, float minimum) = (d * s, least * m);
            ReadOnlySpan<byte> q = b.Slice(48 + (g / 2 * 32), 32);
            for (int j = 0; j < 32; j++)
            {
                int value = ((q[j] >> (g % 2 * 4)) & 15) | (((b[16 + j] >> g) & 1) << 4);
                y[(32 * g) + j] = (scale * value) - minimum;
            }
        }
    }

    // Five numbers of three values in a byte, read by multiplying with powers of 3 modulo 256.
    private static void Tq1(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b[52..]);
        for (int i = 0; i < 256; i++)
        {
            (int at, int power) = i switch
            {
                < 160 => (i % 32, i / 32),
                < 240 => (32 + (i % 16), (i - 160) / 16),
                _ => (48 + (i % 4), (i - 240) / 4),
            };
            byte shifted = (byte)(b[at] * PowersOfThree[power]);
            y[i] = d * (((shifted * 3) >> 8) - 1);
        }
    }

    private static ReadOnlySpan<byte> PowersOfThree => [1, 3, 9, 27, 81];

    private static void Tq2(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b[64..]);
        for (int i = 0; i < 256; i++) y[i] = d * (((b[(i / 128 * 32) + (i % 32)] >> (i % 128 / 32 * 2)) & 3) - 1);
    }
}
