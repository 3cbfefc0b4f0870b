using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>
/// Four-bit values of eight inputs of one output in a word of 32 bits, and those of neighbouring outputs beside it. Input i lies at bit
/// 7 + 4i, around the end: with the exponent 2^(23 − p) put over them, the bits at p = 7, 11, 15 and 19 are the float32 number
/// 2^(23 − p) + q, and the other four get there by a rotation by half a word.
/// </summary>
internal static unsafe class NibbleWords
{
    /// <summary>Inputs of a word.</summary>
    public const int Inputs = 8;

    /// <summary>Writes q of eight inputs of one output.</summary>
    public static uint Pack(ReadOnlySpan<byte> eight)
    {
        uint word = 0;
        for (int i = 0; i < Inputs; i++) word |= (uint)eight[i] << (4 * i);
        return uint.RotateLeft(word, 7);
    }

    /// <summary>q of one input.</summary>
    public static int Get(uint word, int input) => (int)(uint.RotateRight(word, 7 + (4 * input)) & 15);

    /// <summary>target[j] = scales[j]·(q − zero) − minima[j] for one input of <paramref name="lane"/> words, a multiple of 8; the minima
    /// are null where there are none.</summary>
    public static void Read(uint* words, int lane, int input, int zero, float* scales, float* minima, float* target)
    {
        int shift = (7 + (4 * input)) & 31;
        for (int j = 0; j < lane; j += 8)
        {
            Vector256<uint> word = Vector256.Load(words + j);
            Vector256<int> q = ((Vector256.ShiftRightLogical(word, shift) | Vector256.ShiftLeft(word, 32 - shift)) & Vector256.Create(15u)).AsInt32();
            Vector256<float> value = Vector256.Load(scales + j) * Vector256.ConvertToSingle(q - Vector256.Create(zero));
            if (minima != null) value -= Vector256.Load(minima + j);
            value.Store(target + j);
        }
    }

    /// <summary>q − zero as float32, of the four bits at <paramref name="p"/>, a constant: 7, 11, 15 or 19.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Value(Vector512<uint> words, int p, int zero) =>
        ((words & Vector512.Create(15u << p)) | Vector512.Create((150u - (uint)p) << 23)).AsSingle() - Vector512.Create((float)((1 << (23 - p)) + zero));

    /// <inheritdoc cref="Value(Vector512{uint}, int, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Value(Vector256<uint> words, int p, int zero) =>
        ((words & Vector256.Create(15u << p)) | Vector256.Create((150u - (uint)p) << 23)).AsSingle() - Vector256.Create((float)((1 << (23 - p)) + zero));
}
