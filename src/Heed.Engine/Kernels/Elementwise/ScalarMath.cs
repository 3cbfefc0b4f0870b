using System.Numerics;

namespace Heed.Engine.Kernels;

/// <summary>Definitions over float and double that the scalar kernels share: what the polynomials of <see cref="MathFunctions"/> are
/// measured against.</summary>
internal static class ScalarMath
{
    /// <summary>The float64 constant <paramref name="value"/> as <typeparamref name="T"/>.</summary>
    public static T Of<T>(double value) where T : IFloatingPointIeee754<T> => T.CreateTruncating(value);

    /// <summary>1/(1 + e⁻ˣ).</summary>
    public static T Sigmoid<T>(T x) where T : IFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));

    /// <summary>erf x = 2/√π · e^(−x²) · Σₙ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)), all terms of one sign, in float64; ±1 beyond |x| = 6.</summary>
    public static T Erf<T>(T x) where T : IFloatingPointIeee754<T>
    {
        double v = double.CreateTruncating(x);
        if (double.IsNaN(v)) return x;
        if (Math.Abs(v) >= 6) return Of<T>(Math.Sign(v));
        double term = v, sum = v;
        for (int n = 1; n < 200 && Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * v * v / ((2 * n) + 1);
            sum += term;
        }

        return Of<T>(2 / Math.Sqrt(Math.PI) * Math.Exp(-v * v) * sum);
    }

    /// <summary>The standard normal distribution Φ(x) = (1 + erf(x/√2))/2.</summary>
    public static T NormalCumulative<T>(T x) where T : IFloatingPointIeee754<T> =>
        Of<T>(0.5) * (T.One + Erf(x * Of<T>(Math.Sqrt(0.5))));

    /// <summary>The standard normal density φ(x) = e^(−x²/2)/√(2π).</summary>
    public static T NormalDensity<T>(T x) where T : IFloatingPointIeee754<T> =>
        Of<T>(1 / Math.Sqrt(2 * Math.PI)) * T.Exp(Of<T>(-0.5) * x * x);
}
