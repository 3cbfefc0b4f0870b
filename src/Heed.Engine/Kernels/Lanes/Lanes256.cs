using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>The sixteen lanes as two Vector256s: AVX2.</summary>
internal unsafe struct Lanes256 : ILanes<Lanes256>
{
    private Vector256<float> _a;
    private Vector256<float> _b;

    public static Lanes256 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new() { _a = Vector256<float>.Zero, _b = Vector256<float>.Zero };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Broadcast(float x)
    {
        Vector256<float> v = Vector256.Create(x);
        return new() { _a = v, _b = v };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* p) => new() { _a = Vector256.Load(p), _b = Vector256.Load(p + 8) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256 v, float* p)
    {
        v._a.Store(p);
        v._b.Store(p + 8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Lanes256 LoadPart(float* p, int count, float fill)
    {
        Vector512<float> buffer = Vector512.Create(fill);
        float* floats = (float*)&buffer;
        for (int i = 0; i < count; i++) floats[i] = p[i];
        return Load(floats);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StorePart(Lanes256 v, float* p, int count)
    {
        Vector512<float> buffer;
        float* floats = (float*)&buffer;
        Store(v, floats);
        for (int i = 0; i < count; i++) p[i] = floats[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new() { _a = a._a + b._a, _b = a._b + b._b };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new() { _a = a._a - b._a, _b = a._b - b._b };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new() { _a = a._a * b._a, _b = a._b * b._b };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new() { _a = a._a / b._a, _b = a._b / b._b };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a) => new() { _a = -a._a, _b = -a._b };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Fma(Lanes256 a, Lanes256 b, Lanes256 c) => Lanes.HasFma
        ? new() { _a = Vector256.FusedMultiplyAdd(a._a, b._a, c._a), _b = Vector256.FusedMultiplyAdd(a._b, b._b, c._b) }
        : new() { _a = (a._a * b._a) + c._a, _b = (a._b * b._b) + c._b };

    // x86's instruction is exactly a > b ? a : b; other targets treat NaN and signed zeros differently.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) => X86Base.IsSupported
        ? new() { _a = Vector256.MaxNative(a._a, b._a), _b = Vector256.MaxNative(a._b, b._b) }
        : Select(new() { _a = Vector256.GreaterThan(a._a, b._a), _b = Vector256.GreaterThan(a._b, b._b) }, a, b);

    // x86's instruction is exactly a < b ? a : b; other targets treat NaN and signed zeros differently.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 a, Lanes256 b) => X86Base.IsSupported
        ? new() { _a = Vector256.MinNative(a._a, b._a), _b = Vector256.MinNative(a._b, b._b) }
        : Select(new() { _a = Vector256.LessThan(a._a, b._a), _b = Vector256.LessThan(a._b, b._b) }, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Sqrt(Lanes256 a) => new() { _a = Vector256.Sqrt(a._a), _b = Vector256.Sqrt(a._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Abs(Lanes256 a) => new() { _a = Vector256.Abs(a._a), _b = Vector256.Abs(a._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Floor(Lanes256 a) => new() { _a = Vector256.Floor(a._a), _b = Vector256.Floor(a._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 a) => new() { _a = Vector256.Round(a._a), _b = Vector256.Round(a._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 GreaterThan(Lanes256 a, Lanes256 b) => new() { _a = Vector256.GreaterThan(a._a, b._a), _b = Vector256.GreaterThan(a._b, b._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 GreaterThanOrEqual(Lanes256 a, Lanes256 b) =>
        new() { _a = Vector256.GreaterThanOrEqual(a._a, b._a), _b = Vector256.GreaterThanOrEqual(a._b, b._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 EqualTo(Lanes256 a, Lanes256 b) => new() { _a = Vector256.Equals(a._a, b._a), _b = Vector256.Equals(a._b, b._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Select(Lanes256 mask, Lanes256 a, Lanes256 b) =>
        new() { _a = Vector256.ConditionalSelect(mask._a, a._a, b._a), _b = Vector256.ConditionalSelect(mask._b, a._b, b._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddToExponent(Lanes256 a, Lanes256 b) => new() { _a = AddToExponent(a._a, b._a), _b = AddToExponent(a._b, b._b) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Lanes256 Mantissa, Lanes256 Exponent) Split(Lanes256 x) =>
        (new() { _a = MantissaOf(x._a), _b = MantissaOf(x._b) }, new() { _a = ExponentOf(x._a), _b = ExponentOf(x._b) });

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 FromInt32(int* p) => new() { _a = Vector256.ConvertToSingle(Vector256.Load(p)), _b = Vector256.ConvertToSingle(Vector256.Load(p + 8)) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 v) => SumOf(v._a + v._b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Lanes256 v) => MaxOf(MaxOf(v._a, v._b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Lanes256 v) => v._a.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float SumOf(Vector256<float> v) => Lanes128.SumOf(v.GetLower() + v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float MaxOf(Vector256<float> v) => Lanes128.MaxOf(Lanes128.MaxOf(v.GetLower(), v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> MaxOf(Vector256<float> a, Vector256<float> b) =>
        X86Base.IsSupported ? Vector256.MaxNative(a, b) : Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddToExponent(Vector256<float> a, Vector256<float> b) => (a.AsInt32() + Vector256.ShiftLeft(b.AsInt32(), 23)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> MantissaOf(Vector256<float> x) => ((x.AsInt32() & Vector256.Create(0x007FFFFF)) | Vector256.Create(0x3F000000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> ExponentOf(Vector256<float> x) => Vector256.ConvertToSingle(Vector256.ShiftRightLogical(x.AsInt32(), 23) - Vector256.Create(126));
}
