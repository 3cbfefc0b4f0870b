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
