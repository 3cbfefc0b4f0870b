using System.Numerics;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>An activation and its derivative, over lanes and as the scalar definition.</summary>
internal interface IActivation
{
    static abstract L Lane<L>(L x) where L : struct, ILanes<L>;

    static abstract L LaneDerivative<L>(L x) where L : struct, ILanes<L>;

    static abstract T Scalar<T>(T x) where T : IFloatingPointIeee754<T>;

    static abstract T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T>;
}

/// <summary>max(x, 0); its derivative at 0 is 0.</summary>
internal readonly struct ReluFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => L.Max(L.Zero, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L> => L.Select(L.GreaterThan(x, L.Zero), L.Broadcast(1f), L.Zero);

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => T.Zero > x ? T.Zero : x;

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T> => x > T.Zero ? T.One : T.Zero;
}

/// <summary>x·Φ(x), by erf.</summary>
/// <remarks>Hendrycks and Gimpel 2016, arXiv:1606.08415 §2.</remarks>
internal readonly struct GeluFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => x * Cumulative(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L>
    {
        L density = L.Broadcast(0.39894228f) * MathFunctions.Exp(L.Broadcast(-0.5f) * x * x);
        return L.Fma(x, density, Cumulative(x));
    }

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => x * ScalarMath.NormalCumulative(x);

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T> => ScalarMath.NormalCumulative(x) + (x * ScalarMath.NormalDensity(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static L Cumulative<L>(L x) where L : struct, ILanes<L>
    {
        L half = L.Broadcast(0.5f);
        return L.Fma(half, MathFunctions.Erf(x * L.Broadcast(0.70710678f)), half);
    }
}

/// <summary>x/2·(1 + tanh u) with u = √(2/π)·(x + 0.044715·x³), computed as x·sigmoid(2u), which is the same.</summary>
/// <remarks>Hugging Face names it gelu_new and gelu_pytorch_tanh.</remarks>
internal readonly struct GeluTanhFunction : IActivation
{
    private const double Root = 0.79788456080286536;   // √(2/π)
    private const double Cubic = 0.044715;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => x * MathFunctions.Sigmoid(Twice(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L>
    {
        // Beyond ±16 the sigmoid is 0 or 1 and the second term 0; without the bounds it would be 0·∞.
        x = L.Max(L.Broadcast(-16f), L.Min(L.Broadcast(16f), x));
        (L s, L slope) = MathFunctions.SigmoidWithSlope(Twice(x));
        L inner = L.Fma(x * x, L.Broadcast((float)(6 * Root * Cubic)), L.Broadcast((float)(2 * Root)));
        return L.Fma(x * inner, slope, s);
    }

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => ScalarMath.Of<T>(0.5) * x * (T.One + T.Tanh(Inner(x)));

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T>
    {
        x = T.Clamp(x, ScalarMath.Of<T>(-16), ScalarMath.Of<T>(16));   // beyond, the second term is 0, not 0·∞
        T t = T.Tanh(Inner(x));
        T slope = ScalarMath.Of<T>(Root) * (T.One + (ScalarMath.Of<T>(3 * Cubic) * x * x));
        return (ScalarMath.Of<T>(0.5) * (T.One + t)) + (ScalarMath.Of<T>(0.5) * x * (T.One - (t * t)) * slope);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static L Twice<L>(L x) where L : struct, ILanes<L> =>
        x * L.Fma(x * x, L.Broadcast((float)(2 * Root * Cubic)), L.Broadcast((float)(2 * Root)));

    private static T Inner<T>(T x) where T : IFloatingPointIeee754<T> =>
        ScalarMath.Of<T>(Root) * (x + (ScalarMath.Of<T>(Cubic) * x * x * x));
}

/// <summary>x·sigmoid(1.702·x).</summary>
internal readonly struct QuickGeluFunction : IActivation
{
    private const double Slope = 1.702;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => x * MathFunctions.Sigmoid(L.Broadcast((float)Slope) * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L>
    {
        L inner = L.Max(L.Broadcast(-100f), L.Min(L.Broadcast(100f), L.Broadcast((float)Slope) * x));   // beyond, the second term is 0, not 0·∞
        (L s, L slope) = MathFunctions.SigmoidWithSlope(inner);
        return L.Fma(inner, slope, s);
    }

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => x * ScalarMath.Sigmoid(ScalarMath.Of<T>(Slope) * x);

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T>
    {
        T inner = T.Clamp(ScalarMath.Of<T>(Slope) * x, ScalarMath.Of<T>(-100), ScalarMath.Of<T>(100));   // beyond, the second term is 0, not 0·∞
        T s = ScalarMath.Sigmoid(inner);
        return s + (inner * s * (T.One - s));
    }
}

/// <summary>x·sigmoid(x), also named swish.</summary>
internal readonly struct SiluFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => x * MathFunctions.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L>
    {
        (L s, L slope) = MathFunctions.SigmoidWithSlope(x);
        return L.Fma(x, slope, s);
    }

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => x * ScalarMath.Sigmoid(x);

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T>
    {
        T s = ScalarMath.Sigmoid(x);
        return s + (x * s * (T.One - s));
    }
}

/// <summary>tanh x.</summary>
internal readonly struct TanhFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => MathFunctions.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L>
    {
        L t = MathFunctions.Tanh(x);
        return L.Fma(-t, t, L.Broadcast(1f));
    }

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => T.Tanh(x);

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T>
    {
        T t = T.Tanh(x);
        return T.One - (t * t);
    }
}

/// <summary>1/(1 + e⁻ˣ).</summary>
internal readonly struct SigmoidFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => MathFunctions.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L> => MathFunctions.SigmoidWithSlope(x).Slope;

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => ScalarMath.Sigmoid(x);

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T>
    {
        T s = ScalarMath.Sigmoid(x);
        return s * (T.One - s);
    }
}

/// <summary>x itself.</summary>
internal readonly struct IdentityFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Lane<L>(L x) where L : struct, ILanes<L> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LaneDerivative<L>(L x) where L : struct, ILanes<L> => L.Broadcast(1f);

    public static T Scalar<T>(T x) where T : IFloatingPointIeee754<T> => x;

    public static T ScalarDerivative<T>(T x) where T : IFloatingPointIeee754<T> => T.One;
}
