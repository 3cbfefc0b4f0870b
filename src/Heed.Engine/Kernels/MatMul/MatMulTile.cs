using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Heed.Engine.Kernels;

/// <summary>A micro-kernel: a tile of C held in registers while the reduction runs. One implementation per vector width.</summary>
/// <remarks>
/// Whatever the width, each c[m, n] is one chain of fused multiply-adds in ascending k, which starts from 0 or, with <c>load</c>, from C:
/// all tiles agree bit for bit, and a reduction cut into blocks of K equals the uncut one.
/// </remarks>
internal unsafe interface IMatMulTile
{
    /// <summary>Rows of the full tile; fewer are allowed.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of the tile, which are also the width of a panel of B.</summary>
    static abstract int Columns { get; }

    /// <summary>Whether the processor really has this width; false only in tests.</summary>
    static abstract bool IsAccelerated { get; }

    /// <summary>C (+)= A·B for A packed as [K][rows] and B packed as [K][Columns].</summary>
    static abstract void Packed(int rows, float* a, float* b, float* c, nint cStride, nint K, bool load);

    /// <summary>C (+)= A·B for a[i·aRow + k·aStep] and b[k·bStep + j], j over Columns.</summary>
    static abstract void Direct(int rows, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cStride, nint K, bool load);

    /// <summary>How many panels <see cref="Stream"/> reads side by side for this many rows in this format; 0 where it does not serve
    /// them.</summary>
    static abstract int StreamPanels(int rows, WeightFormat format);

    /// <summary>C (+)= A·B for a[i·aRow + k] and StreamPanels(rows) full panels of B in their storage format, <c>panelBytes</c> apart: made
    /// for reading B from memory. Of a <see cref="BlockFormat"/>, K is whole groups.</summary>
    static abstract void Stream(int rows, WeightFormat format, float* a, nint aRow, byte* b, nint panelBytes, float* c, nint cStride, nint K, bool load);
}

/// <summary>Loads of weights in one storage format as float32 vectors, exactly.</summary>
internal unsafe interface IWeightLoad
{
    /// <summary>Bytes of a weight.</summary>
    static abstract int Size { get; }

    static abstract Vector256<float> Load256(byte* source);

    static abstract Vector512<float> Load512(byte* source);
}

internal readonly unsafe struct Float32Load : IWeightLoad
{
    public static int Size => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* source) => Vector256.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* source) => Vector512.Load((float*)source);
}

internal readonly unsafe struct BFloat16Load : IWeightLoad
{
    public static int Size => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* source) => Vector256.ShiftLeft(HalfFormats.Widen((ushort*)source), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* source) => Vector512.ShiftLeft(HalfFormats.Widen512((ushort*)source), 16).AsSingle();
}

internal readonly unsafe struct Float16Load : IWeightLoad
{
    public static int Size => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* source) => HalfFormats.FromFloat16(HalfFormats.Widen((ushort*)source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* source) => HalfFormats.FromFloat16(HalfFormats.Widen512((ushort*)source));
}

/// <summary>A number that the compiler knows: tiles of each height come from one source, without their unused rows.</summary>
internal interface ICount
{
    static abstract int Value { get; }
}

internal readonly struct Count1 : ICount { public static int Value => 1; }

internal readonly struct Count2 : ICount { public static int Value => 2; }

internal readonly struct Count3 : ICount { public static int Value => 3; }

internal readonly struct Count4 : ICount { public static int Value => 4; }

internal readonly struct Count5 : ICount { public static int Value => 5; }

internal readonly struct Count6 : ICount { public static int Value => 6; }

internal readonly struct Count7 : ICount { public static int Value => 7; }

internal readonly struct Count8 : ICount { public static int Value => 8; }

internal readonly struct Count9 : ICount { public static int Value => 9; }

internal readonly struct Count10 : ICount { public static int Value => 10; }

internal readonly struct Count11 : ICount { public static int Value => 11; }

internal readonly struct Count12 : ICount { public static int Value => 12; }

/// <summary>A switch that the compiler knows.</summary>
internal interface IFlag
{
    static abstract bool Value { get; }
}

internal readonly struct Yes : IFlag { public static bool Value => true; }

internal readonly struct No : IFlag { public static bool Value => false; }
