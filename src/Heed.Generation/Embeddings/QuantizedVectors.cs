using System.Numerics;

namespace Heed.Generation.Embeddings;

/// <summary>Vectors in one byte or one bit a number (quantize_embeddings), and search over them with the float query's help.</summary>
internal static class QuantizedVectors
{
    /// <summary>Least and greatest value of each dimension.</summary>
    /// <param name="values">[N, D].</param>
    /// <param name="width">D.</param>
    /// <returns>[2, D].</returns>
    public static float[] Ranges(ReadOnlySpan<float> values, int width)
    {
        float[] ranges = [.. Enumerable.Repeat(float.PositiveInfinity, width), .. Enumerable.Repeat(float.NegativeInfinity, width)];
        for (int i = 0; i < values.Length; i++)
        {
            int d = i % width;
            ranges[d] = Math.Min(ranges[d], values[i]);
            ranges[width + d] = Math.Max(ranges[width + d], values[i]);
        }

        return ranges;
    }

    /// <summary>Codes 0 to 255: ⌊(x − least) ÷ step⌋ in float32, step = (greatest − least) ÷ 255.  The signed ones are 128 less.</summary>
    public static byte[] Bytes(ReadOnlySpan<float> values, ReadOnlySpan<float> ranges, int width)
    {
        byte[] codes = new byte[values.Length];
        for (int i = 0; i < codes.Length; i++)
        {
            int d = i % width;
            codes[i] = (byte)Math.Clamp(MathF.Floor((values[i] - ranges[d]) / Step(ranges, width, d)), 0, 255);
        }

        return codes;
    }

    /// <summary>Bits x > 0, dimension 0 the highest bit of byte 0; zeros fill the last byte.  [N, D] → [N, ⌈D/8⌉].</summary>
    public static byte[] Bits(ReadOnlySpan<float> values, int width)
    {
        int rows = values.Length / width, bytes = (width + 7) / 8;
        byte[] packed = new byte[rows * bytes];
        for (int i = 0; i < values.Length; i++)
            if (values[i] > 0) packed[(i / width * bytes) + (i % width / 8)] |= (byte)(0x80 >> (i % width % 8));
        return packed;
    }

    /// <summary>Bits in which two rows differ.</summary>
    public static int Hamming(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        int sum = 0;
        for (int i = 0; i < a.Length; i++) sum += BitOperations.PopCount((uint)(a[i] ^ b[i]));
        return sum;
    }

    /// <summary>Dot product of two rows of signed codes.</summary>
    public static int Product(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        int sum = 0;
        for (int i = 0; i < a.Length; i++) sum += (a[i] - 128) * (b[i] - 128);
        return sum;
    }

    /// <summary>Dot product of a float query with a row of bits, each 0 or 1.</summary>
    public static double ScoreBits(ReadOnlySpan<float> query, ReadOnlySpan<byte> bits)
    {
        double sum = 0;
        for (int d = 0; d < query.Length; d++)
            if ((bits[d / 8] & (0x80 >> (d % 8))) != 0) sum += query[d];
        return sum;
    }

    /// <summary>Dot product of a float query with what the codes of a row stand for: code·step + least.</summary>
    public static double ScoreBytes(ReadOnlySpan<float> query, ReadOnlySpan<byte> codes, ReadOnlySpan<float> ranges)
    {
        double sum = 0;
        for (int d = 0; d < query.Length; d++)
            sum += (double)query[d] * (((double)codes[d] * ((ranges[query.Length + d] - ranges[d]) / 255)) + ranges[d]);
        return sum;
    }

    /// <summary>The k rows of the least distance; of equal ones the lower index.</summary>
    public static int[] Least(IReadOnlyList<int> distances, int k)
        => [.. Enumerable.Range(0, distances.Count).OrderBy(i => distances[i]).Take(k)];

    private static float Step(ReadOnlySpan<float> ranges, int width, int d)
    {
        float step = (ranges[width + d] - ranges[d]) / 255;
        return step == 0 ? 1 : step;
    }
}
