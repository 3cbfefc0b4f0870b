using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Q8_0 in registers: d·q.</summary>
internal readonly unsafe struct Q8Load : IBlockLoad
{
    // Bytes of a panel that are asked for ahead of their use.
    private const int Ahead = 2048;

    public static int Length => Q8Block.Length;

    public static int Bytes => Q8Block.Bytes;

    public static int Group => Q8Block.Length;

    public static int Step => 4;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Factor512(byte* block, int lane, int column) => BlockBytes.Half512(block + (column * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Least512(byte* block, int lane, int column) => Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale512(Vector512<float> factor, byte* block, int lane, int column, int group) => factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Minimum512(Vector512<float> least, byte* block, int lane, int column, int group) => Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add512(
        Vector512<float> sum, byte* block, int lane, int column, int first, Vector512<float> scale, Vector512<float> minimum, float* x)
    {
        sbyte* values = (sbyte*)block + (lane * sizeof(ushort)) + (first * lane) + column;
        if (Sse.IsSupported && column == 0) { Sse.Prefetch0(values + Ahead); Sse.Prefetch0(values + Ahead + 64); }
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[0]), scale * Vector512.ConvertToSingle(BlockBytes.Signed512(values)), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[1]), scale * Vector512.ConvertToSingle(BlockBytes.Signed512(values + (1 * lane))), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[2]), scale * Vector512.ConvertToSingle(BlockBytes.Signed512(values + (2 * lane))), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[3]), scale * Vector512.ConvertToSingle(BlockBytes.Signed512(values + (3 * lane))), sum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Factor256(byte* block, int lane, int column) => BlockBytes.Half256(block + (column * sizeof(ushort)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Least256(byte* block, int lane, int column) => Vector256<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale256(Vector256<float> factor, byte* block, int lane, int column, int group) => factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Minimum256(Vector256<float> least, byte* block, int lane, int column, int group) => Vector256<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add256(
        Vector256<float> sum, byte* block, int lane, int column, int first, Vector256<float> scale, Vector256<float> minimum, float* x)
    {
        sbyte* values = (sbyte*)block + (lane * sizeof(ushort)) + (first * lane) + column;
        if (Sse.IsSupported && column == 0) Sse.Prefetch0(values + Ahead);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[0]), scale * Vector256.ConvertToSingle(BlockBytes.Signed256(values)), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[1]), scale * Vector256.ConvertToSingle(BlockBytes.Signed256(values + (1 * lane))), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[2]), scale * Vector256.ConvertToSingle(BlockBytes.Signed256(values + (2 * lane))), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[3]), scale * Vector256.ConvertToSingle(BlockBytes.Signed256(values + (3 * lane))), sum);
        return sum;
    }
}
