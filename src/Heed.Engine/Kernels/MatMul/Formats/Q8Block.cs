using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>One block of GGUF's Q8_0: a binary16 scale d, then 32 signed bytes q; the values are d·q, exact in float32.</summary>
/// <remarks>
/// Rounding is that of ggml's <c>quantize_row_q8_0_ref</c>: d = max |x| / 127 in float32, q = x·(1/d) rounded to nearest with halves away
/// from zero, and only then d rounded to binary16. A block with a value that is NaN or infinite gets the scale NaN: all its values read as
/// NaN, so that the fault shows wherever one of them is used.
/// </remarks>
internal static unsafe class Q8Block
{
    /// <summary>Values of a block.</summary>
    public const int Length = 32;

    /// <summary>Bytes of a block.</summary>
    public const int Bytes = sizeof(ushort) + Length;

    /// <summary>Rounds up to 32 values into a block; those that are missing are zero.</summary>
    /// <param name="values">1 to 32 values.</param>
    /// <param name="block">[34].</param>
    public static void Round(ReadOnlySpan<float> values, Span<byte> block)
    {
        KernelThrow.UnlessLength(nameof(block), block.Length, Bytes);
        float greatest = 0;
        bool finite = true;
        foreach (float value in values)
        {
            finite &= float.IsFinite(value);
            greatest = Math.Max(greatest, Math.Abs(value));
        }

        float scale = greatest / 127, inverse = finite && scale != 0 ? 1 / scale : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, finite ? (Half)scale : Half.NaN);
        block = block[sizeof(ushort)..];
        block.Clear();
        if (!finite) return;
        // A scale so small that its reciprocal overflows is zero in binary16: any byte reads as zero.
        for (int i = 0; i < values.Length; i++)
            block[i] = (byte)(sbyte)Math.Clamp(MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero), -128, 127);
    }

    /// <summary>The definition of a block's values.</summary>
    /// <param name="block">[34].</param>
    /// <param name="values">Up to 32 values, the block's first.</param>
    public static void Scalar(ReadOnlySpan<byte> block, Span<float> values)
    {
        KernelThrow.UnlessLength(nameof(block), block.Length, Bytes);
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (int i = 0; i < values.Length; i++) values[i] = scale * (sbyte)block[sizeof(ushort) + i];
    }

    /// <summary>target[j] = scales[j]·source[j] for one input of a panel; count is a multiple of 8.</summary>
    public static void Widen(float* scales, sbyte* source, float* target, int count)
    {
        for (int j = 0; j < count; j += 8)
        {
            Vector128<short> words = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)(source + j)).AsSByte());
            Vector256<int> values = Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words));
            (Vector256.ConvertToSingle(values) * Vector256.Load(scales + j)).Store(target + j);
        }
    }
}
