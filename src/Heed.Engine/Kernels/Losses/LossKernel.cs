using System.Numerics;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>Losses element by element: binary cross-entropy with logits and the squared error. Their mean is a reduction of the
/// caller's.</summary>
internal static class LossKernel
{
    /// <summary>losses = max(z, 0) − z·t + ln(1 + e^−|z|).  All: [n].</summary>
    public static void BinaryCrossEntropy(ReadOnlySpan<float> logits, ReadOnlySpan<float> targets, Span<float> losses) => MapKernel.Invoke(default(BinaryFunction), logits, targets, losses);

    /// <summary>dz = scale·(sigmoid(z) − t); dz may overwrite the logits.</summary>
    public static void BinaryCrossEntropyGradient(ReadOnlySpan<float> logits, ReadOnlySpan<float> targets, float scale, Span<float> dz) =>
        MapKernel.Invoke(new BinaryGradientFunction(scale), logits, targets, dz);

    /// <summary>losses = (a − b)².  All: [n].</summary>
    public static void SquaredError(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> losses) => MapKernel.Invoke(default(SquareFunction), a, b, losses);

    /// <summary>da = 2·scale·(a − b); da may overwrite a.</summary>
    public static void SquaredErrorGradient(ReadOnlySpan<float> a, ReadOnlySpan<float> b, float scale, Span<float> da) => MapKernel.Invoke(new SquareGradientFunction(scale), a, b, da);

    internal readonly struct BinaryFunction : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public L Lane<L>(L z, L t) where L : struct, ILanes<L> => L.Fma(-z, t, L.Max(L.Zero, z)) + MathFunctions.LogOnePlus(MathFunctions.Exp(-L.Abs(z)));

        public T Scalar<T>(T z, T t) where T : IFloatingPointIeee754<T> => T.Max(z, T.Zero) - (z * t) + T.LogP1(T.Exp(-T.Abs(z)));
    }

    internal readonly struct BinaryGradientFunction(float scale) : IMap2
    {
        private readonly float _scale = scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public L Lane<L>(L z, L t) where L : struct, ILanes<L> => L.Broadcast(_scale) * (MathFunctions.Sigmoid(z) - t);

        public T Scalar<T>(T z, T t) where T : IFloatingPointIeee754<T> => T.CreateTruncating(_scale) * (ScalarMath.Sigmoid(z) - t);
    }

    internal readonly struct SquareFunction : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public L Lane<L>(L a, L b) where L : struct, ILanes<L> => (a - b) * (a - b);

        public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => (a - b) * (a - b);
    }

    internal readonly struct SquareGradientFunction(float scale) : IMap2
    {
        private readonly float _twice = 2 * scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public L Lane<L>(L a, L b) where L : struct, ILanes<L> => L.Broadcast(_twice) * (a - b);

        public T Scalar<T>(T a, T b) where T : IFloatingPointIeee754<T> => T.CreateTruncating(_twice) * (a - b);
    }
}
