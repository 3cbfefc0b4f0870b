using System.Numerics;
using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

/// <summary>Arithmetic element by element. Results may overwrite operands.</summary>
internal static class ElementKernel
{
    /// <summary>y = a + b.</summary>
    public static void Add(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => MapKernel.Invoke(default(AddFunction), a, b, y);

    /// <summary>y = a − b.</summary>
    public static void Subtract(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => MapKernel.Invoke(default(SubtractFunction), a, b, y);

    /// <summary>y = a·b.</summary>
    public static void Multiply(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => MapKernel.Invoke(default(MultiplyFunction), a, b, y);

    /// <summary>y = a/b.</summary>
    public static void Divide(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => MapKernel.Invoke(default(DivideFunction), a, b, y);

    /// <summary>y = factor·x.</summary>
    public static void Scale(ReadOnlySpan<float> x, float factor, Span<float> y) => MapKernel.Invoke(new AffineFunction(factor, 0f), x, y);

    /// <summary>y = factor·x + offset.</summary>
    public static void Affine(ReadOnlySpan<float> x, float factor, float offset, Span<float> y) => MapKernel.Invoke(new AffineFunction(factor, offset), x, y);

    /// <summary>y += factor·x.</summary>
    public static void AddScaled(ReadOnlySpan<float> x, float factor, Span<float> y) => MapKernel.Invoke(new AddScaledFunction(factor), y, x, y);

    /// <summary>y += a·b.</summary>
    public static unsafe void AddProduct(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(b), b.Length, a.Length);
        KernelThrow.UnlessLength(nameof(y), y.Length, a.Length);
        fixed (float* pa = a, pb = b, py = y)
            LaneParts.Run(new AddProductWork { A = pa, B = pb, Y = py, Length = a.Length }, LaneParts.Count(a.Length));
    }

    /// <summary>y = eˣ.</summary>
    public static void Exp(ReadOnlySpan<float> x, Span<float> y) => MapKernel.Invoke(default(ExpFunction), x, y);

    /// <summary>y = ln x.</summary>
    public static void Log(ReadOnlySpan<float> x, Span<float> y) => MapKernel.Invoke(default(LogFunction), x, y);

    /// <summary>y = √x.</summary>
    public static void Sqrt(ReadOnlySpan<float> x, Span<float> y) => MapKernel.Invoke(default(SqrtFunction), x, y);

    /// <summary>A function's name in a profile: that of its type, without "Function".</summary>
    internal static string NameOf<F>()
    {
        Type type = typeof(F);
        string own = Plain(type.Name);
        return type.IsGenericType ? $"{Plain(type.GenericTypeArguments[0].Name)} {own.ToLowerInvariant()}" : own;

        static string Plain(string name) => name.Split('`')[0].Replace("Function", "", StringComparison.Ordinal);
    }

    private unsafe struct AddProductWork : ILaneWork
    {
        public float* A;
        public float* B;
        public float* Y;
        public long Length;

        public readonly WorkCost Cost => WorkCost.Pass($"Add product {Length:N0}", 4.0 * Length);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            long i = (long)part * LaneParts.Grain, to = Math.Min(Length, i + LaneParts.Grain);
            for (; i <= to - Lanes.Count; i += Lanes.Count) L.Store(L.Fma(L.Load(A + i), L.Load(B + i), L.Load(Y + i)), Y + i);
            int rest = (int)(to - i);
            if (rest > 0) L.StorePart(L.Fma(L.LoadPart(A + i, rest, 0f), L.LoadPart(B + i, rest, 0f), L.LoadPart(Y + i, rest, 0f)), Y + i, rest);
        }
    }
}

/// <summary>a + b.</summary>
internal readonly struct AddFunction : IMap2
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L a, L b) where L : struct, ILanes<L> => a + b;

    public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => a + b;
}

/// <summary>a − b.</summary>
internal readonly struct SubtractFunction : IMap2
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L a, L b) where L : struct, ILanes<L> => a - b;

    public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => a - b;
}

/// <summary>a·b.</summary>
internal readonly struct MultiplyFunction : IMap2
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L a, L b) where L : struct, ILanes<L> => a * b;

    public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => a * b;
}

/// <summary>a/b.</summary>
internal readonly struct DivideFunction : IMap2
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L a, L b) where L : struct, ILanes<L> => a / b;

    public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => a / b;
}

/// <summary>a &gt; b ? a : b.</summary>
internal readonly struct MaxFunction : IMap2
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L a, L b) where L : struct, ILanes<L> => L.Max(a, b);

    public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => a > b ? a : b;
}

/// <summary>a + factor·b.</summary>
internal readonly struct AddScaledFunction(float factor) : IMap2
{
    private readonly float _factor = factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L a, L b) where L : struct, ILanes<L> => L.Fma(L.Broadcast(_factor), b, a);

    public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => a + (T.CreateTruncating(_factor) * b);
}

/// <summary>factor·x + offset.</summary>
internal readonly struct AffineFunction(float factor, float offset) : IMap
{
    private readonly float _factor = factor;
    private readonly float _offset = offset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L x) where L : struct, ILanes<L> => L.Fma(L.Broadcast(_factor), x, L.Broadcast(_offset));

    public T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => (T.CreateTruncating(_factor) * x) + T.CreateTruncating(_offset);
}

/// <summary>eˣ.</summary>
internal readonly struct ExpFunction : IMap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L x) where L : struct, ILanes<L> => MathFunctions.Exp(x);

    public T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => T.Exp(x);
}

/// <summary>ln x.</summary>
internal readonly struct LogFunction : IMap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L x) where L : struct, ILanes<L> => MathFunctions.Log(x);

    public T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => T.Log(x);
}

/// <summary>√x.</summary>
internal readonly struct SqrtFunction : IMap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public L Lane<L>(L x) where L : struct, ILanes<L> => L.Sqrt(x);

    public T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => T.Sqrt(x);
}
