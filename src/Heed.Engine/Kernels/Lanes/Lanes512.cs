using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>The sixteen lanes as one Vector512: AVX-512.</summary>
internal unsafe struct Lanes512 : ILanes<Lanes512>
{
    private Vector512<float> _v;

    public static Lanes512 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new() { _v = Vector512<float>.Zero };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Broadcast(float x) => new() { _v = Vector512.Create(x) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* p) => new() { _v = Vector512.Load(p) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 v, float* p)
    {
        v._v.Store(p);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Lanes512 LoadPart(float* p, int count, float fill)
    {
        Vector512<float> buffer = Vector512.Create(fill);
        float* floats = (float*)&buffer;
        for (int i = 0; i < count; i++) floats[i] = p[i];
        return Load(floats);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StorePart(Lanes512 v, float* p, int count)
    {
        Vector512<float> buffer;
        float* floats = (float*)&buffer;
        Store(v, floats);
        for (int i = 0; i < count; i++) p[i] = floats[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => new() { _v = a._v + b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => new() { _v = a._v - b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => new() { _v = a._v * b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => new() { _v = a._v / b._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a) => new() { _v = -a._v };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Fma(Lanes512 a, Lanes512 b, Lanes512 c) => Lanes.HasFma
        ? new() { _v = Vector512.FusedMultiplyAdd(a._v, b._v, c._v) }
        : new() { _v = (a._v * b._v) + c._v };

    // x86's instruction is exactly a > b ? a : b; other targets treat NaN and signed zeros differently.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => X86Base.IsSupported
        ? new() { _v = Vector512.MaxNative(a._v, b._v) }
        : Select(new() { _v = Vector512.GreaterThan(a._v, b._v) }, a, b);

    // x86's instruction is exactly a < b ? a : b; other targets treat NaN and signed zeros differently.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Min(Lanes512 a, Lanes512 b) => X86Base.IsSupported
        ? new() { _v = Vector512.MinNative(a._v, b._v) }
        : Select(new() { _v = Vector512.LessThan(a._v, b._v) }, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Sqrt(Lanes512 a) => new() { _v = Vector512.Sqrt(a._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Abs(Lanes512 a) => new() { _v = Vector512.Abs(a._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Floor(Lanes512 a) => new() { _v = Vector512.Floor(a._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 a) => new() { _v = Vector512.Round(a._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 GreaterThan(Lanes512 a, Lanes512 b) => new() { _v = Vector512.GreaterThan(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 GreaterThanOrEqual(Lanes512 a, Lanes512 b) => new() { _v = Vector512.GreaterThanOrEqual(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 EqualTo(Lanes512 a, Lanes512 b) => new() { _v = Vector512.Equals(a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Select(Lanes512 mask, Lanes512 a, Lanes512 b) => new() { _v = Vector512.ConditionalSelect(mask._v, a._v, b._v) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddToExponent(Lanes512 a, Lanes512 b) => new() { _v = (a._v.AsInt32() + Vector512.ShiftLeft(b._v.AsInt32(), 23)).AsSingle() };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Lanes512 Mantissa, Lanes512 Exponent) Split(Lanes512 x) => (new() { _v = MantissaOf(x._v) }, new() { _v = ExponentOf(x._v) });

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 FromInt32(int* p) => new() { _v = Vector512.ConvertToSingle(Vector512.Load(p)) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 v) => Lanes256.SumOf(v._v.GetLower() + v._v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Lanes512 v) => Lanes256.MaxOf(Lanes256.MaxOf(v._v.GetLower(), v._v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Lanes512 v) => v._v.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> MantissaOf(Vector512<float> x) => ((x.AsInt32() & Vector512.Create(0x007FFFFF)) | Vector512.Create(0x3F000000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExponentOf(Vector512<float> x) => Vector512.ConvertToSingle(Vector512.ShiftRightLogical(x.AsInt32(), 23) - Vector512.Create(126));
}
