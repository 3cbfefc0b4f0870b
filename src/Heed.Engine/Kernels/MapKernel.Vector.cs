using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

internal static unsafe partial class MapKernel
{
    /// <summary>y[i] = f(x[i]) for 0 ≤ i &lt; n.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<F, L>(F f, float* x, float* y, int n) where F : struct, IMap where L : struct, ILanes<L>
    {
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(f.Lane(L.Load(x + i)), y + i);
        if (i < n) L.StorePart(f.Lane(L.LoadPart(x + i, n - i, 1f)), y + i, n - i);
    }

    /// <summary>y[i] = f(a[i·aStep], b[i·bStep]) for 0 ≤ i &lt; n, steps 0 or 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Row<F, L>(F f, float* a, int aStep, float* b, int bStep, float* y, int n) where F : struct, IMap2 where L : struct, ILanes<L>
    {
        if (n == 0) return;
        int i = 0;
        if (aStep == 1 && bStep == 1)
        {
            for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(f.Lane(L.Load(a + i), L.Load(b + i)), y + i);
            if (i < n) L.StorePart(f.Lane(L.LoadPart(a + i, n - i, 1f), L.LoadPart(b + i, n - i, 1f)), y + i, n - i);
        }
        else if (aStep == 1)
        {
            L same = L.Broadcast(*b);
            for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(f.Lane(L.Load(a + i), same), y + i);
            if (i < n) L.StorePart(f.Lane(L.LoadPart(a + i, n - i, 1f), same), y + i, n - i);
        }
        else if (bStep == 1)
        {
            L same = L.Broadcast(*a);
            for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(f.Lane(same, L.Load(b + i)), y + i);
            if (i < n) L.StorePart(f.Lane(same, L.LoadPart(b + i, n - i, 1f)), y + i, n - i);
        }
        else
        {
            L same = f.Lane(L.Broadcast(*a), L.Broadcast(*b));
            for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(same, y + i);
            if (i < n) L.StorePart(same, y + i, n - i);
        }
    }

    private struct OneWork<F> : ILaneWork where F : struct, IMap
    {
        public F Function;
        public float* X;
        public float* Y;
        public long Length;

        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            long from = (long)part * LaneParts.Grain;
            Row<F, L>(Function, X + from, Y + from, (int)Math.Min(LaneParts.Grain, Length - from));
        }
    }

    private struct TwoWork<F> : ILaneWork where F : struct, IMap2
    {
        public F Function;
        public float* A;
        public float* B;
        public float* Y;
        public long Length;

        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            long from = (long)part * LaneParts.Grain;
            Row<F, L>(Function, A + from, 1, B + from, 1, Y + from, (int)Math.Min(LaneParts.Grain, Length - from));
        }
    }
}
