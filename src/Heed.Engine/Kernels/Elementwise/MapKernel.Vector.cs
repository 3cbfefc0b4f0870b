using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class MapKernel
{
    /// <summary>y[i] = f(x[i]) for 0 ≤ i &lt; n.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Row<F, L>(F f, float* x, float* y, int n) where F : struct, IMap where L : struct, ILanes<L>
    {
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(f.Lane(L.Load(x + i)), y + i);
        if (i < n) Rest<F, L>(f, x + i, y + i, n - i);
    }

    // A method of its own, so that the loop above gets the compiler's whole budget for inlining (see ILaneWork).
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Rest<F, L>(F f, float* x, float* y, int n) where F : struct, IMap where L : struct, ILanes<L> => L.StorePart(f.Lane(L.LoadPart(x, n, 1f)), y, n);

    /// <summary>y[i] = f(a[i], b[i]) for 0 ≤ i &lt; n.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Row<F, L>(F f, float* a, float* b, float* y, int n) where F : struct, IMap2 where L : struct, ILanes<L>
    {
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(f.Lane(L.Load(a + i), L.Load(b + i)), y + i);
        if (i < n) Rest<F, L>(f, a + i, b + i, y + i, n - i);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Rest<F, L>(F f, float* a, float* b, float* y, int n) where F : struct, IMap2 where L : struct, ILanes<L> =>
        L.StorePart(f.Lane(L.LoadPart(a, n, 1f), L.LoadPart(b, n, 1f)), y, n);

    private struct OneWork<F> : ILaneWork where F : struct, IMap
    {
        public F Function;
        public float* X;
        public float* Y;
        public long Length;

        public readonly WorkCost Cost => WorkCost.Pass($"{ElementKernel.NameOf<F>()} {Length:N0}", 2.0 * Length);

        [MethodImpl(MethodImplOptions.NoInlining)]
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

        public readonly WorkCost Cost => WorkCost.Pass($"{ElementKernel.NameOf<F>()} {Length:N0}", 3.0 * Length);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            long from = (long)part * LaneParts.Grain;
            Row<F, L>(Function, A + from, B + from, Y + from, (int)Math.Min(LaneParts.Grain, Length - from));
        }
    }
}
