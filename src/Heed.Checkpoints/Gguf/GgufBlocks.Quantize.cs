using System.Buffers.Binary;

namespace Heed.Checkpoints.Gguf;

/// <summary>Numbers to blocks, with the bytes of llama.cpp's <c>quantize_row_*_ref</c> where there is such a function without a
/// search.</summary>
internal static partial class GgufBlocks
{
    /// <summary>True for types that <see cref="Quantize"/> writes.</summary>
    public static bool CanWrite(GgufType type) => type is GgufType.F32 or GgufType.F16 or GgufType.BF16 or GgufType.Q4_0 or GgufType.Q4_1
        or GgufType.Q5_0 or GgufType.Q5_1 or GgufType.Q8_0 or GgufType.Q4_K or GgufType.Q6_K or GgufType.TQ1_0 or GgufType.TQ2_0
        or GgufType.MXFP4;

    /// <summary>Stores numbers in blocks.</summary>
    /// <param name="type">One that <see cref="CanWrite"/>.</param>
    /// <param name="values">Finite numbers that fill whole blocks.</param>
    /// <param name="blocks">Filled completely.</param>
    public static void Quantize(GgufType type, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        if (type.Plain() is { } plain)
        {
            FloatConversion.FromFloats(plain, values, blocks);
            return;
        }

        (int count, int bytes) = (type.BlockValues(), type.BlockBytes());
        if (values.Length % count != 0 || (long)values.Length / count * bytes != blocks.Length)
            throw new ArgumentException($"{values.Length} values do not fill {blocks.Length} bytes of {type}.", nameof(values));
        for (int at = 0, from = 0; at < blocks.Length; at += bytes, from += count)
        {
            ReadOnlySpan<float> x = values.Slice(from, count);
            Span<byte> b = blocks.Slice(at, bytes);
            b.Clear();
            switch (type)
            {
                case GgufType.Q4_0: Q4Block.Round(x, b); break;
                case GgufType.Q5_0: Q4Block.Centred(x, b, 16, b[6..], b[2..6]); break;
                case GgufType.Q4_1: FromLeast(x, b, 15, b[4..], default); break;
                case GgufType.Q5_1: FromLeast(x, b, 31, b[8..], b[4..8]); break;
                case GgufType.Q8_0: ToQ8(x, b); break;
                case GgufType.Q4_K: Q4KBlock.Round(x, b); break;
                case GgufType.Q6_K: Q6KBlock.Round(x, b); break;
                case GgufType.TQ1_0: ToTq1(x, b); break;
                case GgufType.TQ2_0: ToTq2(x, b); break;
                case GgufType.MXFP4: ToMxfp4(x, b); break;
                default: throw new ArgumentException($"{type} cannot be written.", nameof(type));
            }
        }
    }

    private static void Put(Span<byte> b, float scale) => BinaryPrimitives.WriteHalfLittleEndian(b, (Half)scale);

    private static void FromLeast(ReadOnlySpan<float> x, Span<byte> b, int most, Span<byte> q, Span<byte> fifth)
    {
        float least = x[0], largest = x[0];
        foreach (float v in x) (least, largest) = (v < least ? v : least, v > largest ? v : largest);
        float scale = (largest - least) / most, inverse = scale == 0 ? 0 : 1 / scale;
        Put(b, scale);
        Put(b[2..], least);
        for (int j = 0; j < 32; j++) Q4Block.Put(q, fifth, j, Math.Min(most, (int)(((x[j] - least) * inverse) + 0.5f)));
    }

    private static float LargestMagnitude(ReadOnlySpan<float> x)
    {
        float largest = 0;
        foreach (float v in x) largest = MathF.Max(largest, MathF.Abs(v));
        return largest;
    }

    private static void ToQ8(ReadOnlySpan<float> x, Span<byte> b)
    {
        float scale = LargestMagnitude(x) / 127, inverse = scale == 0 ? 0 : 1 / scale;
        Put(b, scale);
        for (int j = 0; j < 32; j++) b[2 + j] = (byte)(sbyte)Q4KBlock.Nearest(x[j] * inverse);
    }

    private static void ToTq1(ReadOnlySpan<float> x, Span<byte> b)
    {
        float scale = LargestMagnitude(x), inverse = scale == 0 ? 0 : 1 / scale;
        Put(b[52..], scale);
        Span<int> sums = stackalloc int[52];
        sums.Clear();
        for (int i = 0; i < 256; i++)
        {
            (int at, int power) = i switch
            {
                < 160 => (i % 32, i / 32),
                < 240 => (32 + (i % 16), (i - 160) / 16),
                _ => (48 + (i % 4), (i - 240) / 4),
            };
            sums[at] += (Q4KBlock.Nearest(x[i] * inverse) + 1) * PowersOfThree[4 - power];
        }

        for (int i = 0; i < 52; i++) b[i] = (byte)(((sums[i] * 256) + 242) / 243);
    }

    private static void ToTq2(ReadOnlySpan<float> x, Span<byte> b)
    {
        float scale = LargestMagnitude(x), inverse = scale == 0 ? 0 : 1 / scale;
        Put(b[64..], scale);
        for (int i = 0; i < 256; i++)
            b[(i / 128 * 32) + (i % 32)] |= (byte)((Q4KBlock.Nearest(x[i] * inverse) + 1) << (i % 128 / 32 * 2));
    }

    private static void ToMxfp4(ReadOnlySpan<float> x, Span<byte> b)
    {
        float largest = LargestMagnitude(x);
        b[0] = largest > 0 ? (byte)(int)(MathF.Floor(MathF.Log2(largest)) - 2 + 127) : (byte)0;
        float scale = PowerOfTwo(b[0]);
        for (int j = 0; j < 32; j++)
        {
            int best = 0;
            for (int c = 1; c < 16; c++)
                if (Error(c, x[j]) < Error(best, x[j])) best = c;
            b[1 + (j % 16)] |= (byte)(best << (j / 16 * 4));
        }

        float Error(int code, float v) => MathF.Abs((GgufCodebooks.DoubledFloat4[code] * scale) - v);
    }
}
