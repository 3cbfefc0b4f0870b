using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>A function of one number, over lanes and as the scalar definition.</summary>
internal interface IMap
{
    L Lane<L>(L x) where L : struct, ILanes<L>;

    T Scalar<T>(T x) where T : IFloatingPointIeee754<T>;
}

/// <summary>A function of two numbers, over lanes and as the scalar definition.</summary>
internal interface IMap2
{
    L Lane<L>(L a, L b) where L : struct, ILanes<L>;

    T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T>;
}

/// <summary>Applies a function to each element. The result may overwrite an operand.</summary>
internal static unsafe partial class MapKernel
{
    /// <summary>y[i] = f(x[i]).</summary>
    public static void Invoke<F>(F f, ReadOnlySpan<float> x, Span<float> y) where F : struct, IMap
    {
        KernelThrow.UnlessLength(nameof(y), y.Length, x.Length);
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(f, x, y);
            return;
        }

        fixed (float* px = x, py = y)
            LaneParts.Run(new OneWork<F> { Function = f, X = px, Y = py, Length = x.Length }, LaneParts.Count(x.Length));
    }

    /// <summary>y[i] = f(a[i], b[i]).</summary>
    public static void Invoke<F>(F f, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) where F : struct, IMap2
    {
        KernelThrow.UnlessLength(nameof(b), b.Length, a.Length);
        KernelThrow.UnlessLength(nameof(y), y.Length, a.Length);
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(f, a, b, y);
            return;
        }

        fixed (float* pa = a, pb = b, py = y)
            LaneParts.Run(new TwoWork<F> { Function = f, A = pa, B = pb, Y = py, Length = a.Length }, LaneParts.Count(a.Length));
    }

    /// <summary>The definition of y[i] = f(x[i]).</summary>
    public static void Scalar<F, T>(F f, ReadOnlySpan<T> x, Span<T> y) where F : struct, IMap where T : IFloatingPointIeee754<T>
    {
        for (int i = 0; i < x.Length; i++) y[i] = f.Scalar(x[i]);
    }

    /// <summary>The definition of y[i] = f(a[i], b[i]).</summary>
    public static void Scalar<F, T>(F f, ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where F : struct, IMap2 where T : IFloatingPointIeee754<T>
    {
        for (int i = 0; i < a.Length; i++) y[i] = f.Scalar(a[i], b[i]);
    }
}
