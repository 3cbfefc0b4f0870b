using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>The register-blocked product under every step of attention: C (+)= A·B, each entry one FMA chain over the depth in ascending
/// order, whatever the blocking.</summary>
/// <remarks>The micro-kernels are never inlined: a caller has too many locals then, and their accumulators lie in memory, at a quarter of
/// the speed.</remarks>
internal static unsafe class AttentionTile
{
    /// <summary>Rows that share the loads of B.</summary>
    public const int Rows = 6;

    /// <summary>C[i, j] (+)= Σₖ A[i, k]·B[k, j] for i &lt; <paramref name="rows"/>, j &lt; <paramref name="columns"/> (a multiple of
    /// 16).</summary>
    /// <param name="a">Entry (i, k) at i·<paramref name="aRow"/> + k·<paramref name="aDepth"/>.</param>
    /// <param name="accumulate">Whether the chains start from C rather than from 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<L>(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int rows, int columns, int depth, bool accumulate)
        where L : struct, ILanes<L>
    {
        while (rows >= Rows)
        {
            int j = 0;
            if (typeof(L) == typeof(Lanes512))
                for (; j + 32 <= columns; j += 32) SixByTwo<L>(a, aRow, aDepth, b + j, bRow, c + j, cRow, depth, accumulate);
            for (; j < columns; j += 16) Six<L>(a, aRow, aDepth, b + j, bRow, c + j, cRow, depth, accumulate);
            a += Rows * aRow;
            c += Rows * cRow;
            rows -= Rows;
        }

        if (rows >= 4)
        {
            for (int j = 0; j < columns; j += 16) Four<L>(a, aRow, aDepth, b + j, bRow, c + j, cRow, depth, accumulate);
            a += 4 * aRow;
            c += 4 * cRow;
            rows -= 4;
        }

        for (; rows > 0; rows--)
        {
            int j = 0;
            for (; j + 64 <= columns; j += 64) OneByFour<L>(a, aDepth, b + j, bRow, c + j, depth, accumulate);
            for (; j < columns; j += 16) One<L>(a, aDepth, b + j, bRow, c + j, depth, accumulate);
            a += aRow;
            c += cRow;
        }
    }

    /// <summary>The same chains without the links in which <paramref name="a"/> is 0: what it hides stays hidden even where B holds
    /// infinities or NaNs.</summary>
    /// <remarks>Where B is finite these links change no bit, so only the rare block that is not takes this slow way.</remarks>
    public static void AddNonzero<L>(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int rows, int columns, int depth)
        where L : struct, ILanes<L>
    {
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < depth; k++)
            {
                float x = a[(i * aRow) + (k * aDepth)];
                if (x == 0f) continue;
                float* from = b + (k * bRow), to = c + (i * cRow);
                for (int j = 0; j < columns; j += Lanes.Count) L.Store(L.Fma(L.Broadcast(x), L.Load(from + j), L.Load(to + j)), to + j);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Six<L>(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int depth, bool accumulate)
        where L : struct, ILanes<L>
    {
        L c0 = L.Zero, c1 = L.Zero, c2 = L.Zero, c3 = L.Zero, c4 = L.Zero, c5 = L.Zero;
        if (accumulate)
        {
            c0 = L.Load(c);
            c1 = L.Load(c + cRow);
            c2 = L.Load(c + (2 * cRow));
            c3 = L.Load(c + (3 * cRow));
            c4 = L.Load(c + (4 * cRow));
            c5 = L.Load(c + (5 * cRow));
        }

        float* a3 = a + (3 * aRow);
        nint twice = 2 * aRow;
        for (int k = depth; k > 0; k--)
        {
            L row = L.Load(b);
            c0 = L.Fma(L.Broadcast(a[0]), row, c0);
            c1 = L.Fma(L.Broadcast(a[aRow]), row, c1);
            c2 = L.Fma(L.Broadcast(a[twice]), row, c2);
            c3 = L.Fma(L.Broadcast(a3[0]), row, c3);
            c4 = L.Fma(L.Broadcast(a3[aRow]), row, c4);
            c5 = L.Fma(L.Broadcast(a3[twice]), row, c5);
            b += bRow;
            a += aDepth;
            a3 += aDepth;
        }

        L.Store(c0, c);
        L.Store(c1, c + cRow);
        L.Store(c2, c + (2 * cRow));
        L.Store(c3, c + (3 * cRow));
        L.Store(c4, c + (4 * cRow));
        L.Store(c5, c + (5 * cRow));
    }

    // Six rows by 32 columns: twelve accumulators hide the latency of a 512-bit FMA, as six of two Vector256 do.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void SixByTwo<L>(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int depth, bool accumulate)
        where L : struct, ILanes<L>
    {
        L c0 = L.Zero, c1 = L.Zero, c2 = L.Zero, c3 = L.Zero, c4 = L.Zero, c5 = L.Zero;
        L d0 = L.Zero, d1 = L.Zero, d2 = L.Zero, d3 = L.Zero, d4 = L.Zero, d5 = L.Zero;
        if (accumulate)
        {
            c0 = L.Load(c);
            d0 = L.Load(c + 16);
            c1 = L.Load(c + cRow);
            d1 = L.Load(c + cRow + 16);
            c2 = L.Load(c + (2 * cRow));
            d2 = L.Load(c + (2 * cRow) + 16);
            c3 = L.Load(c + (3 * cRow));
            d3 = L.Load(c + (3 * cRow) + 16);
            c4 = L.Load(c + (4 * cRow));
            d4 = L.Load(c + (4 * cRow) + 16);
            c5 = L.Load(c + (5 * cRow));
            d5 = L.Load(c + (5 * cRow) + 16);
        }

        float* a3 = a + (3 * aRow);
        nint twice = 2 * aRow;
        for (int k = depth; k > 0; k--)
        {
            L left = L.Load(b);
            L right = L.Load(b + 16);
            L x = L.Broadcast(a[0]);
            c0 = L.Fma(x, left, c0);
            d0 = L.Fma(x, right, d0);
            x = L.Broadcast(a[aRow]);
            c1 = L.Fma(x, left, c1);
            d1 = L.Fma(x, right, d1);
            x = L.Broadcast(a[twice]);
            c2 = L.Fma(x, left, c2);
            d2 = L.Fma(x, right, d2);
            x = L.Broadcast(a3[0]);
            c3 = L.Fma(x, left, c3);
            d3 = L.Fma(x, right, d3);
            x = L.Broadcast(a3[aRow]);
            c4 = L.Fma(x, left, c4);
            d4 = L.Fma(x, right, d4);
            x = L.Broadcast(a3[twice]);
            c5 = L.Fma(x, left, c5);
            d5 = L.Fma(x, right, d5);
            b += bRow;
            a += aDepth;
            a3 += aDepth;
        }

        L.Store(c0, c);
        L.Store(d0, c + 16);
        L.Store(c1, c + cRow);
        L.Store(d1, c + cRow + 16);
        L.Store(c2, c + (2 * cRow));
        L.Store(d2, c + (2 * cRow) + 16);
        L.Store(c3, c + (3 * cRow));
        L.Store(d3, c + (3 * cRow) + 16);
        L.Store(c4, c + (4 * cRow));
        L.Store(d4, c + (4 * cRow) + 16);
        L.Store(c5, c + (5 * cRow));
        L.Store(d5, c + (5 * cRow) + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Four<L>(float* a, nint aRow, nint aDepth, float* b, nint bRow, float* c, nint cRow, int depth, bool accumulate)
        where L : struct, ILanes<L>
    {
        L c0 = L.Zero, c1 = L.Zero, c2 = L.Zero, c3 = L.Zero;
        if (accumulate)
        {
            c0 = L.Load(c);
            c1 = L.Load(c + cRow);
            c2 = L.Load(c + (2 * cRow));
            c3 = L.Load(c + (3 * cRow));
        }

        float* a2 = a + (2 * aRow);
        for (int k = depth; k > 0; k--)
        {
            L row = L.Load(b);
            c0 = L.Fma(L.Broadcast(a[0]), row, c0);
            c1 = L.Fma(L.Broadcast(a[aRow]), row, c1);
            c2 = L.Fma(L.Broadcast(a2[0]), row, c2);
            c3 = L.Fma(L.Broadcast(a2[aRow]), row, c3);
            b += bRow;
            a += aDepth;
            a2 += aDepth;
        }

        L.Store(c0, c);
        L.Store(c1, c + cRow);
        L.Store(c2, c + (2 * cRow));
        L.Store(c3, c + (3 * cRow));
    }

    // A single row (decode): 64 columns side by side keep enough chains in flight.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void OneByFour<L>(float* a, nint aDepth, float* b, nint bRow, float* c, int depth, bool accumulate)
        where L : struct, ILanes<L>
    {
        L c0 = L.Zero, c1 = L.Zero, c2 = L.Zero, c3 = L.Zero;
        if (accumulate)
        {
            c0 = L.Load(c);
            c1 = L.Load(c + 16);
            c2 = L.Load(c + 32);
            c3 = L.Load(c + 48);
        }

        for (int k = depth; k > 0; k--)
        {
            L x = L.Broadcast(a[0]);
            c0 = L.Fma(x, L.Load(b), c0);
            c1 = L.Fma(x, L.Load(b + 16), c1);
            c2 = L.Fma(x, L.Load(b + 32), c2);
            c3 = L.Fma(x, L.Load(b + 48), c3);
            b += bRow;
            a += aDepth;
        }

        L.Store(c0, c);
        L.Store(c1, c + 16);
        L.Store(c2, c + 32);
        L.Store(c3, c + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void One<L>(float* a, nint aDepth, float* b, nint bRow, float* c, int depth, bool accumulate)
        where L : struct, ILanes<L>
    {
        L c0 = accumulate ? L.Load(c) : L.Zero;
        for (int k = depth; k > 0; k--)
        {
            c0 = L.Fma(L.Broadcast(a[0]), L.Load(b), c0);
            b += bRow;
            a += aDepth;
        }

        L.Store(c0, c);
    }
}
