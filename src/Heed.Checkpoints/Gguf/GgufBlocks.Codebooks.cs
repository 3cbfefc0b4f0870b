using System.Buffers.Binary;

namespace Heed.Checkpoints.Gguf;

/// <summary>The IQ types: indices of codebook rows, signs, and small scales.</summary>
internal static partial class GgufBlocks
{
    private static void Iq4Xs(ReadOnlySpan<byte> b, Span<float> y)
    {
        (float d, int high) = (Half(b), Word(b, 1));
        for (int g = 0; g < 8; g++)
        {
            int low = (b[4 + (g / 2)] >> (g % 2 * 4)) & 15;
            float scale = d * ((low | ((high >> (2 * g)) & 3) << 4) - 32);
            Codes(b.Slice(8 + (16 * g), 16), y.Slice(32 * g, 32), scale, GgufCodebooks.Iq4);
        }
    }

    // Eight groups of 32 values: four indices, then four times seven signs and a 4-bit scale.
    private static void Iq2Xxs(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b);
        for (int g = 0; g < 8; g++)
        {
            ReadOnlySpan<byte> group = b.Slice(2 + (8 * g), 8);
            uint rest = BinaryPrimitives.ReadUInt32LittleEndian(group[4..]);
            float scale = d * (0.5f + (rest >> 28)) * 0.25f;
            for (int l = 0; l < 4; l++)
                Row8(GgufCodebooks.Iq2Xxs, group[l], GgufCodebooks.EvenSigns((int)(rest >> (7 * l)) & 127), scale,
                    y[((32 * g) + (8 * l))..]);
        }
    }

    private static void Iq2Xs(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b);
        for (int r = 0; r < 32; r++)
        {
            int word = Word(b, 1 + r), small = (b[66 + (r / 4)] >> (r / 2 % 2 * 4)) & 15;
            float scale = d * (0.5f + small) * 0.25f;
            Row8(GgufCodebooks.Iq2Xs, word & 511, GgufCodebooks.EvenSigns(word >> 9), scale, y[(8 * r)..]);
        }
    }

    private static void Iq2S(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b);
        for (int r = 0; r < 32; r++)
        {
            int small = (b[74 + (r / 4)] >> (r / 2 % 2 * 4)) & 15, high = (b[66 + (r / 4)] >> (r % 4 * 2)) & 3;
            float scale = d * (0.5f + small) * 0.25f;
            Row8(GgufCodebooks.Iq2S, b[2 + r] | high << 8, b[34 + r], scale, y[(8 * r)..]);
        }
    }

    private static void Iq3Xxs(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b);
        for (int g = 0; g < 8; g++)
        {
            uint rest = BinaryPrimitives.ReadUInt32LittleEndian(b[(66 + (4 * g))..]);
            float scale = d * (0.5f + (rest >> 28)) * 0.5f;
            for (int l = 0; l < 4; l++)
            {
                int signs = GgufCodebooks.EvenSigns((int)(rest >> (7 * l)) & 127), at = 2 + (8 * g) + (2 * l);
                Row4(GgufCodebooks.Iq3Xxs, b[at], signs, scale, y[((32 * g) + (8 * l))..]);
                Row4(GgufCodebooks.Iq3Xxs, b[at + 1], signs >> 4, scale, y[((32 * g) + (8 * l) + 4)..]);
            }
        }
    }

    private static void Iq3S(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b);
        for (int r = 0; r < 64; r++)
        {
            int small = (b[106 + (r / 16)] >> (r / 8 % 2 * 4)) & 15, ninth = (b[66 + (r / 8)] >> (r % 8)) & 1;
            Row4(GgufCodebooks.Iq3S, b[2 + r] | ninth << 8, b[74 + (r / 2)] >> (r % 2 * 4), d * (1 + (2 * small)), y[(4 * r)..]);
        }
    }

    private static void Iq1S(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = Half(b);
        for (int g = 0; g < 8; g++)
        {
            int high = Word(b, 17 + g);
            (float scale, float delta) = (d * ((2 * ((high >> 12) & 7)) + 1), (high & 0x8000) == 0 ? 0.125f : -0.125f);
            for (int l = 0; l < 4; l++)
                RowShifted(b[2 + (4 * g) + l] | ((high >> (3 * l)) & 7) << 8, delta, scale, y[((32 * g) + (8 * l))..]);
        }
    }

    // The half-precision scale lies in the top four bits of the four words of scales.
    private static void Iq1M(ReadOnlySpan<byte> b, Span<float> y)
    {
        int bits = 0;
        for (int w = 0; w < 4; w++) bits |= Word(b, 24 + w) >> 12 << (4 * w);
        float d = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
        for (int r = 0; r < 32; r++)
        {
            int small = (Word(b, 24 + (r / 8)) >> (r / 2 % 4 * 3)) & 7, high = (b[32 + (r / 2)] >> (r % 2 * 4)) & 15;
            RowShifted(b[r] | (high & 7) << 8, (high & 8) == 0 ? 0.125f : -0.125f, d * ((2 * small) + 1), y[(8 * r)..]);
        }
    }

    private static void Row8(sbyte[] codebook, int row, int signs, float scale, Span<float> y)
    {
        for (int i = 0; i < 8; i++) y[i] = scale * codebook[(8 * row) + i] * (((signs >> i) & 1) == 0 ? 1f : -1f);
    }

    private static void Row4(sbyte[] codebook, int row, int signs, float scale, Span<float> y)
    {
        for (int i = 0; i < 4; i++) y[i] = scale * codebook[(4 * row) + i] * (((signs >> i) & 1) == 0 ? 1f : -1f);
    }

    private static void RowShifted(int row, float delta, float scale, Span<float> y)
    {
        for (int i = 0; i < 8; i++) y[i] = scale * (GgufCodebooks.Iq1[(8 * row) + i] + delta);
    }
}
