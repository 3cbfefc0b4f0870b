using System.Buffers.Binary;

namespace Heed;

/// <summary>One block of GGUF's Q4_0: a binary16 scale d, then 32 values q of four bits; the values are d·(q − 8), exact in float32. Byte j
/// holds q of value j in its low four bits and of value j + 16 in its high ones.</summary>
internal static class Q4Block
{
    /// <summary>Values of a block.</summary>
    public const int Length = 32;

    /// <summary>Bytes of a block.</summary>
    public const int Bytes = 18;

    /// <summary>Rounds finite values, with the bytes of ggml's <c>quantize_row_q4_0_ref</c>.</summary>
    /// <param name="x">[32].</param>
    /// <param name="b">[18], cleared.</param>
    public static void Round(ReadOnlySpan<float> x, Span<byte> b) => Centred(x, b, 8, b[2..], default);

    /// <summary>The definition of a block's values.</summary>
    public static void Scalar(ReadOnlySpan<byte> b, Span<float> y)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(b);
        for (int j = 0; j < 16; j++) (y[j], y[j + 16]) = (((b[2 + j] & 15) - 8) * d, ((b[2 + j] >> 4) - 8) * d);
    }

    /// <summary>The value of largest magnitude (the first of equals) becomes −half: the scale carries its sign.</summary>
    internal static void Centred(ReadOnlySpan<float> x, Span<byte> b, int half, Span<byte> q, Span<byte> fifth)
    {
        float extreme = x[0];
        foreach (float v in x)
            if (MathF.Abs(v) > MathF.Abs(extreme)) extreme = v;
        float scale = extreme / -half, inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(b, (Half)scale);
        for (int j = 0; j < Length; j++)
            Put(q, fifth, j, Math.Min((2 * half) - 1, (int)(float)Math.Truncate(((double)x[j] * inverse) + half + 0.5)));
    }

    /// <summary>Puts value <paramref name="j"/> of a block of 32 into its four bits, and a fifth bit beside them where there is
    /// room.</summary>
    internal static void Put(Span<byte> q, Span<byte> fifth, int j, int value)
    {
        q[j % 16] |= (byte)((value & 15) << (j / 16 * 4));
        if (!fifth.IsEmpty) fifth[j / 8] |= (byte)(value >> 4 << (j % 8));
    }
}
