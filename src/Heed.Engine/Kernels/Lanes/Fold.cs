using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>Sums and maxima over one row: four accumulators of sixteen lanes and one tree, an order that follows from the length
/// alone.</summary>
internal static unsafe class Fold
{
    private const int Block = 4 * Lanes.Count;

    /// <summary>Σ x[i].</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Sum<L>(float* x, int n) where L : struct, ILanes<L>
    {
        L s0 = L.Zero, s1 = L.Zero, s2 = L.Zero, s3 = L.Zero;
        int i = 0;
        for (; i <= n - Block; i += Block)
        {
            s0 += L.Load(x + i);
            s1 += L.Load(x + i + 16);
            s2 += L.Load(x + i + 32);
            s3 += L.Load(x + i + 48);
        }

        for (; i <= n - Lanes.Count; i += Lanes.Count) s0 += L.Load(x + i);
        if (i < n) s0 += L.LoadPart(x + i, n - i, 0f);
        return L.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Σ (x[i] − centre)².</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float SumOfSquares<L>(float* x, float centre, int n) where L : struct, ILanes<L>
    {
        L s0 = L.Zero, s1 = L.Zero, s2 = L.Zero, s3 = L.Zero, c = L.Broadcast(centre);
        int i = 0;
        for (; i <= n - Block; i += Block)
        {
            s0 = AddSquare(L.Load(x + i) - c, s0);
            s1 = AddSquare(L.Load(x + i + 16) - c, s1);
            s2 = AddSquare(L.Load(x + i + 32) - c, s2);
            s3 = AddSquare(L.Load(x + i + 48) - c, s3);
        }

        for (; i <= n - Lanes.Count; i += Lanes.Count) s0 = AddSquare(L.Load(x + i) - c, s0);
        if (i < n) s0 = AddSquare(L.LoadPart(x + i, n - i, centre) - c, s0);
        return L.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Σ (x[i] − centre) and Σ (x[i] − centre)².</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static (float Sum, float Squares) Deviations<L>(float* x, float centre, int n) where L : struct, ILanes<L>
    {
        L s0 = L.Zero, s1 = L.Zero, d0 = L.Zero, d1 = L.Zero, c = L.Broadcast(centre);
        int i = 0;
        for (; i <= n - (2 * Lanes.Count); i += 2 * Lanes.Count)
        {
            L a = L.Load(x + i) - c, b = L.Load(x + i + Lanes.Count) - c;
            (d0, d1) = (d0 + a, d1 + b);
            (s0, s1) = (L.Fma(a, a, s0), L.Fma(b, b, s1));
        }

        for (; i < n; i += Lanes.Count)
        {
            L a = (n - i < Lanes.Count ? L.LoadPart(x + i, n - i, centre) : L.Load(x + i)) - c;
            d0 += a;
            s0 = L.Fma(a, a, s0);
        }

        return (L.Sum(d0 + d1), L.Sum(s0 + s1));
    }

    /// <summary>Σ a[i]·b[i].</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Dot<L>(float* a, float* b, int n) where L : struct, ILanes<L>
    {
        L s0 = L.Zero, s1 = L.Zero, s2 = L.Zero, s3 = L.Zero;
        int i = 0;
        for (; i <= n - Block; i += Block)
        {
            s0 = L.Fma(L.Load(a + i), L.Load(b + i), s0);
            s1 = L.Fma(L.Load(a + i + 16), L.Load(b + i + 16), s1);
            s2 = L.Fma(L.Load(a + i + 32), L.Load(b + i + 32), s2);
            s3 = L.Fma(L.Load(a + i + 48), L.Load(b + i + 48), s3);
        }

        for (; i <= n - Lanes.Count; i += Lanes.Count) s0 = L.Fma(L.Load(a + i), L.Load(b + i), s0);
        if (i < n) s0 = L.Fma(L.LoadPart(a + i, n - i, 0f), L.LoadPart(b + i, n - i, 0f), s0);
        return L.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>The greatest x[i]; −∞ of nothing. A NaN may or may not stay.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float Max<L>(float* x, int n) where L : struct, ILanes<L>
    {
        L lowest = L.Broadcast(float.NegativeInfinity);
        L m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
        int i = 0;
        for (; i <= n - Block; i += Block)
        {
            m0 = L.Max(m0, L.Load(x + i));
            m1 = L.Max(m1, L.Load(x + i + 16));
            m2 = L.Max(m2, L.Load(x + i + 32));
            m3 = L.Max(m3, L.Load(x + i + 48));
        }

        for (; i <= n - Lanes.Count; i += Lanes.Count) m0 = L.Max(m0, L.Load(x + i));
        if (i < n) m0 = L.Max(m0, L.LoadPart(x + i, n - i, float.NegativeInfinity));
        return L.MaxAcross(L.Max(L.Max(m0, m1), L.Max(m2, m3)));
    }

    /// <summary>Whether an x[i] is NaN.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool HasNaN<L>(float* x, int n) where L : struct, ILanes<L>
    {
        L one = L.Broadcast(1f), equal = one;
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count)
        {
            L v = L.Load(x + i);
            equal = L.Select(L.EqualTo(v, v), equal, L.Zero);
        }

        if (i < n)
        {
            L v = L.LoadPart(x + i, n - i, 0f);
            equal = L.Select(L.EqualTo(v, v), equal, L.Zero);
        }

        return L.Sum(equal) < Lanes.Count;
    }

    /// <summary>Σ exp(factor·x[i] − shift).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static float SumOfExp<L>(float* x, float factor, float shift, int n) where L : struct, ILanes<L>
    {
        L sum = L.Zero, f = L.Broadcast(factor), s = L.Broadcast(-shift);
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count) sum += MathFunctions.Exp(L.Fma(L.Load(x + i), f, s));
        if (i < n) sum += MathFunctions.Exp(L.Fma(L.LoadPart(x + i, n - i, float.NegativeInfinity), f, s));
        return L.Sum(sum);
    }

    /// <summary>max = the greatest factor·x[i] and ln Σ exp(factor·x[i] − max), for factor &gt; 0: kept apart, their sum's rounding spoils
    /// no small loss. −∞ and 0 where nothing is above −∞.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static (float Max, float Log) LogSumOfExp<L>(float* x, float factor, int n) where L : struct, ILanes<L>
    {
        float max = Max<L>(x, n) * factor;
        return float.IsNegativeInfinity(max) ? (max, 0f) : (max, L.First(MathFunctions.Log(L.Broadcast(SumOfExp<L>(x, factor, max, n)))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static L AddSquare<L>(L d, L sum) where L : struct, ILanes<L> => L.Fma(d, d, sum);
}
