using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Q4_0 in registers: d·(q − 8).</summary>
internal readonly unsafe struct Q4Load : IBlockLoad
{
    // Bytes of a panel that are asked for ahead of their use.
    private const int Ahead = 2048;

    public static int Length => Q4Block.Length;

    public static int Bytes => Q4Block.Bytes;

    public static int Group => Q4Block.Length;

    public static int Step => NibbleWords.Inputs;

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
        uint* at = (uint*)(block + (sizeof(ushort) * lane)) + (first / NibbleWords.Inputs * lane) + column;
        if (Sse.IsSupported) Sse.Prefetch0((byte*)at + Ahead);
        Vector512<uint> low = Vector512.Load(at), high = BlockBytes.Turned(low);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[0]), scale * NibbleWords.Value(low, 7, Q4Format.Zero), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[1]), scale * NibbleWords.Value(low, 11, Q4Format.Zero), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[2]), scale * NibbleWords.Value(low, 15, Q4Format.Zero), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[3]), scale * NibbleWords.Value(low, 19, Q4Format.Zero), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[4]), scale * NibbleWords.Value(high, 7, Q4Format.Zero), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[5]), scale * NibbleWords.Value(high, 11, Q4Format.Zero), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[6]), scale * NibbleWords.Value(high, 15, Q4Format.Zero), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x[7]), scale * NibbleWords.Value(high, 19, Q4Format.Zero), sum);
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
        uint* at = (uint*)(block + (sizeof(ushort) * lane)) + (first / NibbleWords.Inputs * lane) + column;
        if (Sse.IsSupported && column == 0) Sse.Prefetch0((byte*)at + Ahead);
        Vector256<uint> low = Vector256.Load(at), high = BlockBytes.Turned(low);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[0]), scale * NibbleWords.Value(low, 7, Q4Format.Zero), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[1]), scale * NibbleWords.Value(low, 11, Q4Format.Zero), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[2]), scale * NibbleWords.Value(low, 15, Q4Format.Zero), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[3]), scale * NibbleWords.Value(low, 19, Q4Format.Zero), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[4]), scale * NibbleWords.Value(high, 7, Q4Format.Zero), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[5]), scale * NibbleWords.Value(high, 11, Q4Format.Zero), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[6]), scale * NibbleWords.Value(high, 15, Q4Format.Zero), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[7]), scale * NibbleWords.Value(high, 19, Q4Format.Zero), sum);
        return sum;
    }
}
