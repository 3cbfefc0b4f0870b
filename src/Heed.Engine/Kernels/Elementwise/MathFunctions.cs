using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>exp, log, tanh, erf and sigmoid as polynomials over lanes: the same bits at each width and on each system, whatever its
/// mathematics library.</summary>
/// <remarks>Errors against float64: see MathFunctionsTests.</remarks>
internal static class MathFunctions
{
    /// <summary>eˣ within 1 ulp; below 2⁻¹²⁶ (x &lt; −87.33) exactly 0, from x = 88.722839 on (the first whose power is beyond float32)
    /// infinity; NaN stays.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static L Exp<L>(L x) where L : struct, ILanes<L>
    {
        // x = n·ln 2 + r, |r| ≤ ln 2 / 2. Adding 1.5·2²³ rounds to the integer n and leaves it in the low bits.
        L shift = L.Broadcast(12582912f);
        L shifted = L.Fma(x, L.Broadcast(1.44269504f), shift);
        L n = shifted - shift;
        L r = L.Fma(n, L.Broadcast(-0.693359375f), x);            // ln 2 in two parts; the first has few bits, so n times it is exact
        r = L.Fma(n, L.Broadcast(2.12194440e-4f), r);
        L p = L.Broadcast(1.98527617612853646e-4f);
        p = L.Fma(p, r, L.Broadcast(1.39304355252534151e-3f));
        p = L.Fma(p, r, L.Broadcast(8.33336077630519867e-3f));
        p = L.Fma(p, r, L.Broadcast(4.16664853692054749e-2f));
        p = L.Fma(p, r, L.Broadcast(1.66666671633720398e-1f));
        p = L.Fma(p, r, L.Broadcast(0.5f));
        p = L.Fma(r * r, p, r) + L.Broadcast(1f);
        L result = L.AddToExponent(p, shifted);
        result = L.Select(L.GreaterThan(L.Broadcast(-87.3365f), x), L.Zero, result);
        // At 88.722839 itself the exponent would run over into the bits of a NaN.
        return L.Select(L.GreaterThan(L.Broadcast(88.722839f), x), result, x + L.Broadcast(float.PositiveInfinity));
    }

    /// <summary>1/(1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L Sigmoid<L>(L x) where L : struct, ILanes<L>
    {
        L one = L.Broadcast(1f);
        return one / (one + Exp(-x));
    }

    /// <summary>sigmoid(x) and its slope sigmoid·(1 − sigmoid), which keeps its digits where the sigmoid is near 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (L Value, L Slope) SigmoidWithSlope<L>(L x) where L : struct, ILanes<L>
    {
        L one = L.Broadcast(1f);
        L t = Exp(-L.Abs(x));
        L r = one / (one + t);
        L small = t * r;
        return (L.Select(L.GreaterThan(L.Zero, x), small, r), small * r);
    }

    /// <summary>tanh x by a rational function of x² on [−7.9, 7.9], ±1 beyond; NaN stays.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static L Tanh<L>(L x) where L : struct, ILanes<L>
    {
        L c = L.Max(L.Broadcast(-7.99881172180175781f), L.Min(L.Broadcast(7.99881172180175781f), x));
        L s = c * c;
        L p = L.Broadcast(-2.76076847742355e-16f);
        p = L.Fma(p, s, L.Broadcast(2.00018790482477e-13f));
        p = L.Fma(p, s, L.Broadcast(-8.60467152213735e-11f));
        p = L.Fma(p, s, L.Broadcast(5.12229709037114e-08f));
        p = L.Fma(p, s, L.Broadcast(1.48572235717979e-05f));
        p = L.Fma(p, s, L.Broadcast(6.37261928875436e-04f));
        p = L.Fma(p, s, L.Broadcast(4.89352455891786e-03f));
        L q = L.Broadcast(1.19825839466702e-06f);
        q = L.Fma(q, s, L.Broadcast(1.18534705686654e-04f));
        q = L.Fma(q, s, L.Broadcast(2.26843463243900e-03f));
        q = L.Fma(q, s, L.Broadcast(4.89352518554385e-03f));
        return L.Select(L.GreaterThan(L.Broadcast(0.0004f), L.Abs(x)), x, c * p / q);
    }

    /// <summary>erf x by a rational function of x² on [−3.83, 3.83], ±1 beyond; NaN stays.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static L Erf<L>(L x) where L : struct, ILanes<L>
    {
        L c = L.Max(L.Broadcast(-3.832506856900711f), L.Min(L.Broadcast(3.832506856900711f), x));
        L s = c * c;
        L p = L.Broadcast(0.00022905065861350646f);
        p = L.Fma(p, s, L.Broadcast(0.0034082910107109506f));
        p = L.Fma(p, s, L.Broadcast(0.050955695062380861f));
        p = L.Fma(p, s, L.Broadcast(0.18520832239976145f));
        p = L.Fma(p, s, L.Broadcast(1.128379143519084f));
        L q = L.Broadcast(-1.1791602954361697e-7f);
        q = L.Fma(q, s, L.Broadcast(0.000023547966471313185f));
        q = L.Fma(q, s, L.Broadcast(0.0010179625278914885f));
        q = L.Fma(q, s, L.Broadcast(0.014070470171167667f));
        q = L.Fma(q, s, L.Broadcast(0.11098505178285362f));
        q = L.Fma(q, s, L.Broadcast(0.49746925110067538f));
        q = L.Fma(q, s, L.Broadcast(1f));
        return c * p / q;
    }

    /// <summary>ln x; −∞ at 0, NaN below, +∞ at infinity.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static L Log<L>(L x) where L : struct, ILanes<L>
    {
        L one = L.Broadcast(1f);
        L tiny = L.GreaterThan(L.Broadcast(1.17549435e-38f), x);                   // subnormal: scale by 2²³ first
        (L m, L e) = L.Split(L.Select(tiny, x * L.Broadcast(8388608f), x));
        e = L.Select(tiny, e - L.Broadcast(23f), e);
        L low = L.GreaterThan(L.Broadcast(0.707106781186547524f), m);              // mantissa to [√½, √2)
        e = L.Select(low, e - one, e);
        L r = L.Select(low, m + m, m) - one;
        L s = r * r;
        L p = L.Broadcast(7.0376836292e-2f);
        p = L.Fma(p, r, L.Broadcast(-1.1514610310e-1f));
        p = L.Fma(p, r, L.Broadcast(1.1676998740e-1f));
        p = L.Fma(p, r, L.Broadcast(-1.2420140846e-1f));
        p = L.Fma(p, r, L.Broadcast(1.4249322787e-1f));
        p = L.Fma(p, r, L.Broadcast(-1.6668057665e-1f));
        p = L.Fma(p, r, L.Broadcast(2.0000714765e-1f));
        p = L.Fma(p, r, L.Broadcast(-2.4999993993e-1f));
        p = L.Fma(p, r, L.Broadcast(3.3333331174e-1f));
        L y = p * r * s;
        y = L.Fma(e, L.Broadcast(-2.12194440e-4f), y);
        y = L.Fma(s, L.Broadcast(-0.5f), y);
        L result = L.Fma(e, L.Broadcast(0.693359375f), r + y);
        result = L.Select(L.GreaterThanOrEqual(L.Broadcast(float.MaxValue), x), result, x);          // ∞ and NaN stay
        result = L.Select(L.EqualTo(x, L.Zero), L.Broadcast(float.NegativeInfinity), result);
        return L.Select(L.GreaterThan(L.Zero, x), L.Broadcast(float.NaN), result);
    }

    /// <summary>ln(1 + x) for x ≥ 0, exact also where 1 + x rounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static L LogOnePlus<L>(L x) where L : struct, ILanes<L>
    {
        L one = L.Broadcast(1f);
        L u = one + x;
        return Log(u) + ((x - (u - one)) / u);
    }
}
