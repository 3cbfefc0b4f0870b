using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Heed.Engine.Kernels;

/// <summary>Sixteen virtual float lanes: one kernel source serves every vector width with the same bits.</summary>
/// <remarks>A mask is a value whose lanes have all bits set or none. Carriers: <see cref="Lanes512"/>, <see cref="Lanes256"/>,
/// <see cref="Lanes128"/>.</remarks>
internal unsafe interface ILanes<TSelf> where TSelf : struct, ILanes<TSelf>
{
    static abstract TSelf Zero { get; }

    static abstract TSelf Broadcast(float x);

    static abstract TSelf Load(float* p);

    static abstract void Store(TSelf v, float* p);

    /// <summary>The first <paramref name="count"/> (0 … 16) floats at <paramref name="p"/>; the other lanes are <paramref name="fill"/>.
    /// Reads nothing beyond.</summary>
    static abstract TSelf LoadPart(float* p, int count, float fill);

    /// <summary>Stores the first <paramref name="count"/> (0 … 16) lanes and touches nothing beyond.</summary>
    static abstract void StorePart(TSelf v, float* p, int count);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a);

    /// <summary>a·b + c: fused where the hardware fuses, else two roundings.</summary>
    static abstract TSelf Fma(TSelf a, TSelf b, TSelf c);

    /// <summary>a &gt; b ? a : b in each lane: a NaN in <paramref name="b"/> stays.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>a &lt; b ? a : b in each lane: a NaN in <paramref name="b"/> stays.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    static abstract TSelf Sqrt(TSelf a);

    static abstract TSelf Abs(TSelf a);

    static abstract TSelf Floor(TSelf a);

    /// <summary>The nearest integer, ties to even.</summary>
    static abstract TSelf Round(TSelf a);

    static abstract TSelf GreaterThan(TSelf a, TSelf b);

    static abstract TSelf GreaterThanOrEqual(TSelf a, TSelf b);

    static abstract TSelf EqualTo(TSelf a, TSelf b);

    /// <summary>Lanes of <paramref name="a"/> where <paramref name="mask"/> is set, else of <paramref name="b"/>.</summary>
    static abstract TSelf Select(TSelf mask, TSelf a, TSelf b);

    /// <summary>bits(a) + (bits(b) &lt;&lt; 23): multiplies <paramref name="a"/> by 2ⁿ where the low bits of <paramref name="b"/> hold n
    /// and the result is normal.</summary>
    static abstract TSelf AddToExponent(TSelf a, TSelf b);

    /// <summary>Positive normal x as mantissa in [½, 1) and exponent: x = Mantissa·2^Exponent.</summary>
    static abstract (TSelf Mantissa, TSelf Exponent) Split(TSelf x);

    /// <summary>Sixteen signed integers at <paramref name="p"/> as floats.</summary>
    static abstract TSelf FromInt32(int* p);

    /// <summary>Σ over the lanes by one tree, the same at each width: i + (i+8), then + 4, + 2, + 1.</summary>
    static abstract float Sum(TSelf v);

    /// <summary>The greatest lane, by the tree of <see cref="Sum"/>.</summary>
    static abstract float MaxAcross(TSelf v);

    /// <summary>Lane 0.</summary>
    static abstract float First(TSelf v);
}

/// <summary>The carriers of the sixteen lanes, narrowest first; None runs the scalar definitions.</summary>
internal enum LaneWidth
{
    None,
    Lanes128,
    Lanes256,
    Lanes512,
}

/// <summary>What the carriers of <see cref="ILanes{TSelf}"/> share, and which of them this computer runs.</summary>
internal static class Lanes
{
    /// <summary>Lanes of every carrier.</summary>
    public const int Count = 16;

    /// <summary>The widest carrier the hardware runs well.</summary>
    public static LaneWidth Widest => Vector512.IsHardwareAccelerated ? LaneWidth.Lanes512
        : Vector256.IsHardwareAccelerated ? LaneWidth.Lanes256
        : Vector128.IsHardwareAccelerated ? LaneWidth.Lanes128
        : LaneWidth.None;

    /// <summary>The carrier in use; tests set it to compare widths. The vector carriers give the same bits, so a change while kernels run
    /// is harmless.</summary>
    public static LaneWidth Width { get; set; } = Widest;

    /// <summary>Whether a·b + c is one instruction with one rounding. Elsewhere (WebAssembly, old x86) emulating it would cost more than
    /// the kernel.</summary>
    public static bool HasFma => System.Runtime.Intrinsics.X86.Fma.IsSupported || AdvSimd.IsSupported;

    /// <summary>a·b + c with the rounding of <see cref="ILanes{TSelf}.Fma"/>.</summary>
    public static float Fma(float a, float b, float c) => HasFma ? MathF.FusedMultiplyAdd(a, b, c) : (a * b) + c;
}
