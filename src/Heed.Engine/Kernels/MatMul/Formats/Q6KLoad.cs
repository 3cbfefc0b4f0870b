using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Q6_K in registers: d·s·(q − 32).</summary>
internal readonly unsafe struct Q6KLoad : IBlockLoad
{
    // Bytes of a panel that are asked for ahead of their use.
    private const int Ahead = 2048;

    public static int Length => Q6KBlock.Length;

    public static int Bytes => Q6KBlock.Bytes;

    public static int Group => 16;

    public static int Step => 16;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Factor512(byte* block, int lane, int column) => BlockBytes.Half512(block + (column * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Least512(byte* block, int lane, int column) => Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale512(Vector512<float> factor, byte* block, int lane, int column, int group) =>
        factor * Vector512.ConvertToSingle(BlockBytes.Signed512((sbyte*)block + ((Q6KFormat.ScalesAt + group) * lane) + column));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Minimum512(Vector512<float> least, byte* block, int lane, int column, int group) => Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add512(
        Vector512<float> sum, byte* block, int lane, int column, int first, Vector512<float> scale, Vector512<float> minimum, float* x)
    {
        uint* at = (uint*)(block + (Q6KFormat.WordsAt * lane)) + (first / 16 * 3 * lane) + column;
        if (Sse.IsSupported) { Sse.Prefetch0((byte*)at + Ahead); Sse.Prefetch0((byte*)(at + lane) + Ahead); Sse.Prefetch0((byte*)(at + (2 * lane)) + Ahead); }
        Vector512<uint> low0 = Vector512.Load(at), high0 = Vector512.ShiftRightLogical(low0, 12);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[0]), scale * Value(low0, 2), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[1]), scale * Value(low0, 8), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[2]), scale * Value(low0, 14), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[3]), scale * Value(high0, 8), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[4]), scale * Value(high0, 14), sum);
        Vector512<uint> low1 = Vector512.Load(at + lane), high1 = Vector512.ShiftRightLogical(low1, 12);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[5]), scale * Value(low1, 2), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[6]), scale * Value(low1, 8), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[7]), scale * Value(low1, 14), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[8]), scale * Value(high1, 8), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[9]), scale * Value(high1, 14), sum);
        Vector512<uint> low2 = Vector512.Load(at + (2 * lane)), high2 = Vector512.ShiftRightLogical(low2, 12);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[10]), scale * Value(low2, 2), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[11]), scale * Value(low2, 8), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[12]), scale * Value(low2, 14), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[13]), scale * Value(high2, 8), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[14]), scale * Value(high2, 14), sum);
        Vector512<uint> three = Vector512.Create(3u);
        Vector512<uint> last = (low0 & three) | Vector512.ShiftLeft(low1 & three, 2) | Vector512.ShiftLeft(low2 & three, 4);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[15]), scale * Value(last, 0), sum);
        return sum;
    }

    // q − 32 of the six bits at p, a constant: 2^(23 − p) + q is a float32 number whose bits are these six under an exponent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Value(Vector512<uint> words, int p) =>
        ((words & Vector512.Create(63u << p)) | Vector512.Create((150u - (uint)p) << 23)).AsSingle() - Vector512.Create((float)((1 << (23 - p)) + Q6KFormat.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Factor256(byte* block, int lane, int column) => BlockBytes.Half256(block + (column * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Least256(byte* block, int lane, int column) => Vector256<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale256(Vector256<float> factor, byte* block, int lane, int column, int group) =>
        factor * Vector256.ConvertToSingle(BlockBytes.Signed256((sbyte*)block + ((Q6KFormat.ScalesAt + group) * lane) + column));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Minimum256(Vector256<float> least, byte* block, int lane, int column, int group) => Vector256<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add256(
        Vector256<float> sum, byte* block, int lane, int column, int first, Vector256<float> scale, Vector256<float> minimum, float* x)
    {
        uint* at = (uint*)(block + (Q6KFormat.WordsAt * lane)) + (first / 16 * 3 * lane) + column;
        if (Sse.IsSupported && column == 0) { Sse.Prefetch0((byte*)at + Ahead); Sse.Prefetch0((byte*)(at + lane) + Ahead); Sse.Prefetch0((byte*)(at + (2 * lane)) + Ahead); }
        Vector256<uint> low0 = Vector256.Load(at), high0 = Vector256.ShiftRightLogical(low0, 12);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[0]), scale * Value(low0, 2), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[1]), scale * Value(low0, 8), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[2]), scale * Value(low0, 14), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[3]), scale * Value(high0, 8), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[4]), scale * Value(high0, 14), sum);
        Vector256<uint> low1 = Vector256.Load(at + lane), high1 = Vector256.ShiftRightLogical(low1, 12);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[5]), scale * Value(low1, 2), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[6]), scale * Value(low1, 8), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[7]), scale * Value(low1, 14), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[8]), scale * Value(high1, 8), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[9]), scale * Value(high1, 14), sum);
        Vector256<uint> low2 = Vector256.Load(at + (2 * lane)), high2 = Vector256.ShiftRightLogical(low2, 12);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[10]), scale * Value(low2, 2), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[11]), scale * Value(low2, 8), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[12]), scale * Value(low2, 14), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[13]), scale * Value(high2, 8), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[14]), scale * Value(high2, 14), sum);
        Vector256<uint> three = Vector256.Create(3u);
        Vector256<uint> last = (low0 & three) | Vector256.ShiftLeft(low1 & three, 2) | Vector256.ShiftLeft(low2 & three, 4);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[15]), scale * Value(last, 0), sum);
        return sum;
    }

    // q − 32 of the six bits at p, a constant: 2^(23 − p) + q is a float32 number whose bits are these six under an exponent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Value(Vector256<uint> words, int p) =>
        ((words & Vector256.Create(63u << p)) | Vector256.Create((150u - (uint)p) << 23)).AsSingle() - Vector256.Create((float)((1 << (23 - p)) + Q6KFormat.Zero));
}
