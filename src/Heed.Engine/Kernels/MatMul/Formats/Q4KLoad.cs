using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Q4_K in registers: (d·s)·q − e·m.</summary>
internal readonly unsafe struct Q4KLoad : IBlockLoad
{
    // Bytes of a panel that are asked for ahead of their use.
    private const int Ahead = 2048;

    public static int Length => Q4KBlock.Length;

    public static int Bytes => Q4KBlock.Bytes;

    public static int Group => 32;

    public static int Step => NibbleWords.Inputs;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Factor512(byte* block, int lane, int column) => BlockBytes.Half512(block + (column * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Least512(byte* block, int lane, int column) => BlockBytes.Half512(block + ((lane + column) * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale512(Vector512<float> factor, byte* block, int lane, int column, int group)
    {
        byte* six = block + (4 * lane) + column;
        Vector512<int> s = group < 4
            ? BlockBytes.Unsigned512(six + (group * lane)) & Vector512.Create(63)
            : (BlockBytes.Unsigned512(six + ((group + 4) * lane)) & Vector512.Create(15))
                | Vector512.ShiftLeft(Vector512.ShiftRightLogical(BlockBytes.Unsigned512(six + ((group - 4) * lane)), 6), 4);
        return factor * Vector512.ConvertToSingle(s);
    }

    // With its sign turned, as the fused multiply-add takes it: d·s·q is exact, so that one rounding remains, as in the definition.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Minimum512(Vector512<float> least, byte* block, int lane, int column, int group)
    {
        byte* six = block + (4 * lane) + column;
        Vector512<int> m = group < 4
            ? BlockBytes.Unsigned512(six + ((group + 4) * lane)) & Vector512.Create(63)
            : Vector512.ShiftRightLogical(BlockBytes.Unsigned512(six + ((group + 4) * lane)), 4)
                | Vector512.ShiftLeft(Vector512.ShiftRightLogical(BlockBytes.Unsigned512(six + (group * lane)), 6), 4);
        return -(least * Vector512.ConvertToSingle(m));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add512(
        Vector512<float> sum, byte* block, int lane, int column, int first, Vector512<float> scale, Vector512<float> minimum, float* x)
    {
        uint* at = (uint*)(block + (Q4KFormat.WordsAt * lane)) + (first / NibbleWords.Inputs * lane) + column;
        if (Sse.IsSupported) Sse.Prefetch0((byte*)at + Ahead);
        Vector512<uint> low = Vector512.Load(at), high = BlockBytes.Turned(low);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[0]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(low, 7, 0), minimum), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[1]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(low, 11, 0), minimum), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[2]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(low, 15, 0), minimum), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[3]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(low, 19, 0), minimum), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[4]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(high, 7, 0), minimum), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[5]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(high, 11, 0), minimum), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[6]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(high, 15, 0), minimum), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[7]), Vector512.FusedMultiplyAdd(scale, NibbleWords.Value(high, 19, 0), minimum), sum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Factor256(byte* block, int lane, int column) => BlockBytes.Half256(block + (column * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Least256(byte* block, int lane, int column) => BlockBytes.Half256(block + ((lane + column) * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale256(Vector256<float> factor, byte* block, int lane, int column, int group)
    {
        byte* six = block + (4 * lane) + column;
        Vector256<int> s = group < 4
            ? BlockBytes.Unsigned256(six + (group * lane)) & Vector256.Create(63)
            : (BlockBytes.Unsigned256(six + ((group + 4) * lane)) & Vector256.Create(15))
                | Vector256.ShiftLeft(Vector256.ShiftRightLogical(BlockBytes.Unsigned256(six + ((group - 4) * lane)), 6), 4);
        return factor * Vector256.ConvertToSingle(s);
    }

    // With its sign turned, as the fused multiply-add takes it: d·s·q is exact, so that one rounding remains, as in the definition.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Minimum256(Vector256<float> least, byte* block, int lane, int column, int group)
    {
        byte* six = block + (4 * lane) + column;
        Vector256<int> m = group < 4
            ? BlockBytes.Unsigned256(six + ((group + 4) * lane)) & Vector256.Create(63)
            : Vector256.ShiftRightLogical(BlockBytes.Unsigned256(six + ((group + 4) * lane)), 4)
                | Vector256.ShiftLeft(Vector256.ShiftRightLogical(BlockBytes.Unsigned256(six + (group * lane)), 6), 4);
        return -(least * Vector256.ConvertToSingle(m));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add256(
        Vector256<float> sum, byte* block, int lane, int column, int first, Vector256<float> scale, Vector256<float> minimum, float* x)
    {
        uint* at = (uint*)(block + (Q4KFormat.WordsAt * lane)) + (first / NibbleWords.Inputs * lane) + column;
        if (Sse.IsSupported && column == 0) Sse.Prefetch0((byte*)at + Ahead);
        Vector256<uint> low = Vector256.Load(at), high = BlockBytes.Turned(low);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[0]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(low, 7, 0), minimum), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[1]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(low, 11, 0), minimum), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[2]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(low, 15, 0), minimum), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[3]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(low, 19, 0), minimum), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[4]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(high, 7, 0), minimum), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[5]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(high, 11, 0), minimum), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[6]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(high, 15, 0), minimum), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[7]), Vector256.FusedMultiplyAdd(scale, NibbleWords.Value(high, 19, 0), minimum), sum);
        return sum;
    }
}
