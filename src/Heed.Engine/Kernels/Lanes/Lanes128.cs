using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Heed.Engine.Kernels;

/// <summary>The sixteen lanes as four Vector128s: ARM, WebAssembly and old x86.</summary>
internal unsafe struct Lanes128 : ILanes<Lanes128>
{
    private Vector128<float> _a;
    private Vector128<float> _b;
    private Vector128<float> _c;
    private Vector128<float> _d;

    public static Lanes128 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new() { _a = Vector128<float>.Zero, _b = Vector128<float>.Zero, _c = Vector128<float>.Zero, _d = Vector128<float>.Zero };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float x)
    {
        Vector128<float> v = Vector128.Create(x);
        return new() { _a = v, _b = v, _c = v, _d = v };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* p) => new() { _a = Vector128.Load(p), _b = Vector128.Load(p + 4), _c = Vector128.Load(p + 8), _d = Vector128.Load(p + 12) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 v, float* p)
    {
        v._a.Store(p);
        v._b.Store(p + 4);
        v._c.Store(p + 8);
        v._d.Store(p + 12);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Lanes128 LoadPart(float* p, int count, float fill)
    {
        Vector512<float> buffer = Vector512.Create(fill);
        float* floats = (float*)&buffer;
        for (int i = 0; i < count; i++) floats[i] = p[i];
        return Load(floats);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StorePart(Lanes128 v, float* p, int count)
    {
        Vector512<float> buffer;
        float* floats = (float*)&buffer;
        Store(v, floats);
        for (int i = 0; i < count; i++) p[i] = floats[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 a, Lanes128 b) => new() { _a = a._a + b._a, _b = a._b + b._b, _c = a._c + b._c, _d = a._d + b._d };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 a, Lanes128 b) => new() { _a = a._a - b._a, _b = a._b - b._b, _c = a._c - b._c, _d = a._d - b._d };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 a, Lanes128 b) => new() { _a = a._a * b._a, _b = a._b * b._b, _c = a._c * b._c, _d = a._d * b._d };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 a, Lanes128 b) => new() { _a = a._a / b._a, _b = a._b / b._b, _c = a._c / b._c, _d = a._d / b._d };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 a) => new() { _a = -a._a, _b = -a._b, _c = -a._c, _d = -a._d };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Fma(Lanes128 a, Lanes128 b, Lanes128 c) => Lanes.HasFma
        ? new() { _a = Vector128.FusedMultiplyAdd(a._a, b._a, c._a), _b = Vector128.FusedMultiplyAdd(a._b, b._b, c._b), _c = Vector128.FusedMultiplyAdd(a._c, b._c, c._c), _d = Vector128.FusedMultiplyAdd(a._d, b._d, c._d) }
        : new() { _a = (a._a * b._a) + c._a, _b = (a._b * b._b) + c._b, _c = (a._c * b._c) + c._c, _d = (a._d * b._d) + c._d };

    // x86's instruction is exactly a > b ? a : b; other targets treat NaN and signed zeros differently.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) => X86Base.IsSupported
        ? new() { _a = Vector128.MaxNative(a._a, b._a), _b = Vector128.MaxNative(a._b, b._b), _c = Vector128.MaxNative(a._c, b._c), _d = Vector128.MaxNative(a._d, b._d) }
        : Select(new() { _a = Vector128.GreaterThan(a._a, b._a), _b = Vector128.GreaterThan(a._b, b._b), _c = Vector128.GreaterThan(a._c, b._c), _d = Vector128.GreaterThan(a._d, b._d) }, a, b);

    // x86's instruction is exactly a < b ? a : b; other targets treat NaN and signed zeros differently.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Min(Lanes128 a, Lanes128 b) => X86Base.IsSupported
        ? new() { _a = Vector128.MinNative(a._a, b._a), _b = Vector128.MinNative(a._b, b._b), _c = Vector128.MinNative(a._c, b._c), _d = Vector128.MinNative(a._d, b._d) }
        : Select(new() { _a = Vector128.LessThan(a._a, b._a), _b = Vector128.LessThan(a._b, b._b), _c = Vector128.LessThan(a._c, b._c), _d = Vector128.LessThan(a._d, b._d) }, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Sqrt(Lanes128 a) => new() { _a = Vector128.Sqrt(a._a), _b = Vector128.Sqrt(a._b), _c = Vector128.Sqrt(a._c), _d = Vector128.Sqrt(a._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Abs(Lanes128 a) => new() { _a = Vector128.Abs(a._a), _b = Vector128.Abs(a._b), _c = Vector128.Abs(a._c), _d = Vector128.Abs(a._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Floor(Lanes128 a) => new() { _a = Vector128.Floor(a._a), _b = Vector128.Floor(a._b), _c = Vector128.Floor(a._c), _d = Vector128.Floor(a._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Round(Lanes128 a) => new() { _a = Vector128.Round(a._a), _b = Vector128.Round(a._b), _c = Vector128.Round(a._c), _d = Vector128.Round(a._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 GreaterThan(Lanes128 a, Lanes128 b) =>
        new() { _a = Vector128.GreaterThan(a._a, b._a), _b = Vector128.GreaterThan(a._b, b._b), _c = Vector128.GreaterThan(a._c, b._c), _d = Vector128.GreaterThan(a._d, b._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 GreaterThanOrEqual(Lanes128 a, Lanes128 b) =>
        new() { _a = Vector128.GreaterThanOrEqual(a._a, b._a), _b = Vector128.GreaterThanOrEqual(a._b, b._b), _c = Vector128.GreaterThanOrEqual(a._c, b._c), _d = Vector128.GreaterThanOrEqual(a._d, b._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 EqualTo(Lanes128 a, Lanes128 b) =>
        new() { _a = Vector128.Equals(a._a, b._a), _b = Vector128.Equals(a._b, b._b), _c = Vector128.Equals(a._c, b._c), _d = Vector128.Equals(a._d, b._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Select(Lanes128 mask, Lanes128 a, Lanes128 b) =>
        new() { _a = Vector128.ConditionalSelect(mask._a, a._a, b._a), _b = Vector128.ConditionalSelect(mask._b, a._b, b._b), _c = Vector128.ConditionalSelect(mask._c, a._c, b._c), _d = Vector128.ConditionalSelect(mask._d, a._d, b._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddToExponent(Lanes128 a, Lanes128 b) =>
        new() { _a = AddToExponent(a._a, b._a), _b = AddToExponent(a._b, b._b), _c = AddToExponent(a._c, b._c), _d = AddToExponent(a._d, b._d) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Lanes128 Mantissa, Lanes128 Exponent) Split(Lanes128 x) =>
        (new() { _a = MantissaOf(x._a), _b = MantissaOf(x._b), _c = MantissaOf(x._c), _d = MantissaOf(x._d) }, new() { _a = ExponentOf(x._a), _b = ExponentOf(x._b), _c = ExponentOf(x._c), _d = ExponentOf(x._d) });

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 FromInt32(int* p) =>
        new() { _a = Vector128.ConvertToSingle(Vector128.Load(p)), _b = Vector128.ConvertToSingle(Vector128.Load(p + 4)), _c = Vector128.ConvertToSingle(Vector128.Load(p + 8)), _d = Vector128.ConvertToSingle(Vector128.Load(p + 12)) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 v) => SumOf((v._a + v._c) + (v._b + v._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Lanes128 v) => MaxOf(MaxOf(MaxOf(v._a, v._c), MaxOf(v._b, v._d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Lanes128 v) => v._a.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float SumOf(Vector128<float> v)
    {
        Vector128<float> pairs = v + Vector128.Shuffle(v, Vector128.Create(2, 3, 0, 1));
        return pairs.ToScalar() + pairs.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float MaxOf(Vector128<float> v)
    {
        Vector128<float> pairs = MaxOf(v, Vector128.Shuffle(v, Vector128.Create(2, 3, 0, 1)));
        return MaxOf(pairs, Vector128.Shuffle(pairs, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<float> MaxOf(Vector128<float> a, Vector128<float> b) =>
        X86Base.IsSupported ? Vector128.MaxNative(a, b) : Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> AddToExponent(Vector128<float> a, Vector128<float> b) => (a.AsInt32() + Vector128.ShiftLeft(b.AsInt32(), 23)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> MantissaOf(Vector128<float> x) => ((x.AsInt32() & Vector128.Create(0x007FFFFF)) | Vector128.Create(0x3F000000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ExponentOf(Vector128<float> x) => Vector128.ConvertToSingle(Vector128.ShiftRightLogical(x.AsInt32(), 23) - Vector128.Create(126));
}
