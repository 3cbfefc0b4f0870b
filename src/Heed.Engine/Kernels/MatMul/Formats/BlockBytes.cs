using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Reads of a block's parts as vectors.</summary>
internal static unsafe class BlockBytes
{
    /// <summary>Signed bytes as whole numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Signed512(sbyte* source) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector512Int32(Vector128.Load(source)) : Vector512.Create(Signed256(source), Signed256(source + 8));

    /// <inheritdoc cref="Signed512"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Signed256(sbyte* source)
    {
        if (Avx2.IsSupported) return Avx2.ConvertToVector256Int32(source);
        Vector128<short> words = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)source).AsSByte());
        return Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words));
    }

    /// <summary>Bytes as whole numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Unsigned512(byte* source) => Signed512((sbyte*)source) & Vector512.Create(255);

    /// <inheritdoc cref="Unsigned512"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Unsigned256(byte* source) => Signed256((sbyte*)source) & Vector256.Create(255);

    /// <summary>float16 as float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Half512(byte* source) => HalfFormats.FromFloat16(HalfFormats.Widen512((ushort*)source));

    /// <inheritdoc cref="Half512"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Half256(byte* source) => HalfFormats.FromFloat16(HalfFormats.Widen((ushort*)source));

    /// <summary>Words turned by half their length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Turned(Vector512<uint> words) => Avx512F.IsSupported
        ? Avx512F.RotateRight(words, 16) : Vector512.ShiftRightLogical(words, 16) | Vector512.ShiftLeft(words, 16);

    /// <inheritdoc cref="Turned(Vector512{uint})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Turned(Vector256<uint> words) => Vector256.ShiftRightLogical(words, 16) | Vector256.ShiftLeft(words, 16);
}
