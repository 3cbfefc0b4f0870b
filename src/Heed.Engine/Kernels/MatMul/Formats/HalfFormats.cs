using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>Conversions between float32 and the 16-bit formats: exact when widening, to nearest even when narrowing.</summary>
internal static unsafe class HalfFormats
{
    /// <summary>target[i] = source[i], a bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromBFloat16(ushort* source, float* target, nint count)
    {
        nint i = 0;
        for (; i <= count - 8; i += 8) Vector256.ShiftLeft(Widen(source + i), 16).AsSingle().Store(target + i);
        for (; i < count; i++) target[i] = FromBFloat16(source[i]);
    }

    /// <summary>target[i] = source[i], a float16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromFloat16(ushort* source, float* target, nint count)
    {
        nint i = 0;
        for (; i <= count - 8; i += 8) FromFloat16(Widen(source + i)).Store(target + i);
        for (; i < count; i++) target[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
    }

    public static float FromBFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>The nearest bfloat16, ties to even; NaN stays NaN.</summary>
    public static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Widen(ushort* source) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(source).AsUInt32()
        : Vector256.Create(Vector128.WidenLower(Vector128.Load(source)), Vector128.WidenUpper(Vector128.Load(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Widen512(ushort* source) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector512UInt32(Vector256.Load(source))
        : Vector512.Create(Widen(source), Widen(source + 8));

    /// <summary>Eight float16 in the low halves of 32-bit lanes, widened exactly: without an instruction that only some processors
    /// have.</summary>
    /// <remarks>Exponent and fraction are moved to their places and the exponent's offset corrected by integer addition; infinities and NaN
    /// get the largest exponent, and subnormals are normalised by the floating-point unit: (1.f·2⁻¹⁴) − 2⁻¹⁴ is exact.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FromFloat16(Vector256<uint> half)
    {
        Vector256<uint> shifted = Vector256.ShiftLeft(half & Vector256.Create(0x7FFFu), 13);
        Vector256<uint> exponent = shifted & Vector256.Create(0x0F80_0000u);
        Vector256<uint> normal = shifted + Vector256.Create(0x3800_0000u);
        Vector256<uint> special = normal + Vector256.Create(0x3800_0000u);
        Vector256<float> tiny = (normal + Vector256.Create(0x0080_0000u)).AsSingle() - Vector256.Create(0x3880_0000u).AsSingle();
        Vector256<uint> value = Vector256.ConditionalSelect(Vector256.Equals(exponent, Vector256.Create(0x0F80_0000u)), special, normal);
        value = Vector256.ConditionalSelect(Vector256.Equals(exponent, Vector256<uint>.Zero), tiny.AsUInt32(), value);
        return (value | Vector256.ShiftLeft(half & Vector256.Create(0x8000u), 16)).AsSingle();
    }

    /// <summary>Sixteen at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FromFloat16(Vector512<uint> half)
    {
        Vector512<uint> shifted = Vector512.ShiftLeft(half & Vector512.Create(0x7FFFu), 13);
        Vector512<uint> exponent = shifted & Vector512.Create(0x0F80_0000u);
        Vector512<uint> normal = shifted + Vector512.Create(0x3800_0000u);
        Vector512<uint> special = normal + Vector512.Create(0x3800_0000u);
        Vector512<float> tiny = (normal + Vector512.Create(0x0080_0000u)).AsSingle() - Vector512.Create(0x3880_0000u).AsSingle();
        Vector512<uint> value = Vector512.ConditionalSelect(Vector512.Equals(exponent, Vector512.Create(0x0F80_0000u)), special, normal);
        value = Vector512.ConditionalSelect(Vector512.Equals(exponent, Vector512<uint>.Zero), tiny.AsUInt32(), value);
        return (value | Vector512.ShiftLeft(half & Vector512.Create(0x8000u), 16)).AsSingle();
    }
}
