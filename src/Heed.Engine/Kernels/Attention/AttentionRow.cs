using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>The passes over one row of a page's scores, over the lanes [left, right).</summary>
/// <remarks>One pass a method, never inlined: the compiler stops inlining where a method has many locals, and an exponential alone brings
/// some hundred.</remarks>
internal static unsafe class AttentionRow
{
    private const int Page = AttentionProblem.Page;

    /// <summary>The first of the lanes that hold the key <paramref name="low"/> of a page.</summary>
    public static int Left(int low) => low & ~(Lanes.Count - 1);

    /// <summary>The end of the lanes that hold the keys before <paramref name="high"/>.</summary>
    public static int Right(int high) => (high + Lanes.Count - 1) & ~(Lanes.Count - 1);

    /// <summary>The greatest entry. A NaN may or may not stay.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float Greatest<L>(float* row, int left, int right) where L : struct, ILanes<L>
    {
        L most = L.Load(row + left);
        for (int j = left + Lanes.Count; j < right; j += Lanes.Count) most = L.Max(most, L.Load(row + j));
        return L.MaxAcross(most);
    }

    /// <summary>Scores become weights e^(score·factor − most); returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float Weights<L>(float* row, int left, int right, float factor, float most) where L : struct, ILanes<L>
    {
        L f = L.Broadcast(factor), m = L.Broadcast(most), total = L.Zero;
        for (int j = left; j < right; j += Lanes.Count)
        {
            L weight = MathFunctions.Exp((L.Load(row + j) * f) - m);
            L.Store(weight, row + j);
            total += weight;
        }

        return L.Sum(total);
    }

    /// <summary>Scores become weights p = e^(score·factor − most), products dP the slopes p·(dP − delta).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Slopes<L>(float* weights, float* slopes, int left, int right, float factor, float most, float delta) where L : struct, ILanes<L>
    {
        L f = L.Broadcast(factor), m = L.Broadcast(most), d = L.Broadcast(delta);
        for (int j = left; j < right; j += Lanes.Count)
        {
            L p = MathFunctions.Exp((L.Load(weights + j) * f) - m);
            L.Store(p * (L.Load(slopes + j) - d), slopes + j);
            L.Store(p, weights + j);
        }
    }

    /// <summary>As <see cref="Slopes"/>, where some scores are −∞: of a hidden pair nothing enters, not even a NaN of its value, its
    /// gradient or its row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SlopesOfSeen<L>(float* weights, float* slopes, int left, int right, float factor, float most, float delta) where L : struct, ILanes<L>
    {
        L f = L.Broadcast(factor), m = L.Broadcast(most), d = L.Broadcast(delta), hidden = L.Broadcast(float.NegativeInfinity);
        for (int j = left; j < right; j += Lanes.Count)
        {
            L score = L.Load(weights + j), no = L.EqualTo(score, hidden), p = MathFunctions.Exp((score * f) - m);
            L.Store(L.Select(no, L.Zero, p * (L.Load(slopes + j) - d)), slopes + j);
            L.Store(L.Select(no, L.Zero, p), weights + j);
        }
    }

    /// <summary>row *= other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<L>(float* row, float* other, int left, int right) where L : struct, ILanes<L>
    {
        for (int j = left; j < right; j += Lanes.Count) L.Store(L.Load(row + j) * L.Load(other + j), row + j);
    }

    /// <summary>row *= factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Scale<L>(float* row, int left, int right, float factor) where L : struct, ILanes<L>
    {
        L f = L.Broadcast(factor);
        for (int j = left; j < right; j += Lanes.Count) L.Store(L.Load(row + j) * f, row + j);
    }

    /// <summary>to[j] += from[j] for j in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Add<L>(float* from, float* to, int low, int high) where L : struct, ILanes<L>
    {
        int j = low;
        for (; j <= high - Lanes.Count; j += Lanes.Count) L.Store(L.Load(to + j) + L.Load(from + j), to + j);
        if (j < high) L.StorePart(L.LoadPart(to + j, high - j, 0f) + L.LoadPart(from + j, high - j, 0f), to + j, high - j);
    }

    /// <summary>Zeroes the entries of a page's row that no lane in [<paramref name="left"/>, <paramref name="right"/>) holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ClearOutside<L>(float* row, int left, int right) where L : struct, ILanes<L>
    {
        for (int j = 0; j < left; j += Lanes.Count) L.Store(L.Zero, row + j);
        for (int j = right; j < Page; j += Lanes.Count) L.Store(L.Zero, row + j);
    }

    /// <summary>Whether some entry is a NaN, where the others are not above −∞.</summary>
    public static bool HasNaN<L>(float* row, int left, int right) where L : struct, ILanes<L>
    {
        L total = L.Zero;
        for (int j = left; j < right; j += Lanes.Count) total += L.Load(row + j);
        return float.IsNaN(L.Sum(total));
    }

    /// <summary>eˣ of one number, by the polynomial of all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float Exp<L>(float x) where L : struct, ILanes<L> => L.First(MathFunctions.Exp(L.Broadcast(x)));

    /// <summary>Logarithms of whole lanes in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Log<L>(float* row, int count) where L : struct, ILanes<L>
    {
        for (int j = 0; j < count; j += Lanes.Count) L.Store(MathFunctions.Log(L.Load(row + j)), row + j);
    }
}
