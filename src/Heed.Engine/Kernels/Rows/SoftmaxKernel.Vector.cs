using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class SoftmaxKernel
{
    /// <summary>One row of softmax; y may overwrite x.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Row<L>(float* x, float* y, int n) where L : struct, ILanes<L>
    {
        float max = Fold.Max<L>(x, n);
        if (float.IsNegativeInfinity(max))
        {
            // Nothing to attend to (or the only numbers are NaN, which the sum shows).
            float sum = Fold.Sum<L>(x, n);
            new Span<float>(y, n).Fill(float.IsNaN(sum) ? sum : 0f);
            return;
        }

        L m = L.Broadcast(max), total = L.Zero;
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count)
        {
            L e = MathFunctions.Exp(L.Load(x + i) - m);
            total += e;
            L.Store(e, y + i);
        }

        if (i < n)
        {
            L e = MathFunctions.Exp(L.LoadPart(x + i, n - i, float.NegativeInfinity) - m);
            total += e;
            L.StorePart(e, y + i, n - i);
        }

        L share = L.Broadcast(1f / L.Sum(total));
        for (i = 0; i <= n - Lanes.Count; i += Lanes.Count) L.Store(L.Load(y + i) * share, y + i);
        if (i < n) L.StorePart(L.LoadPart(y + i, n - i, 0f) * share, y + i, n - i);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LogRow<L>(float* x, float* y, int n) where L : struct, ILanes<L>
    {
        float max = Fold.Max<L>(x, n);
        if (float.IsNegativeInfinity(max))
        {
            float sum = Fold.Sum<L>(x, n);
            new Span<float>(y, n).Fill(float.IsNaN(sum) ? sum : max);
            return;
        }

        // x − max is exact or nearly so; taking the two parts off one after the other keeps small probabilities' digits.
        L m = L.Broadcast(max), log = MathFunctions.Log(L.Broadcast(Fold.SumOfExp<L>(x, 1f, max, n)));
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(L.Load(x + i) - m - log, y + i);
        if (i < n) L.StorePart(L.LoadPart(x + i, n - i, 0f) - m - log, y + i, n - i);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void GradientRow<L>(float* y, float* dy, float* dx, int n) where L : struct, ILanes<L>
    {
        L dot = L.Broadcast(Fold.Dot<L>(y, dy, n));
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(L.Load(y + i) * (L.Load(dy + i) - dot), dx + i);
        if (i < n) L.StorePart(L.LoadPart(y + i, n - i, 0f) * (L.LoadPart(dy + i, n - i, 0f) - dot), dx + i, n - i);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LogGradientRow<L>(float* y, float* dy, float* dx, int n) where L : struct, ILanes<L>
    {
        if (float.IsNegativeInfinity(Fold.Max<L>(y, n)))
        {
            new Span<float>(dx, n).Clear();
            return;
        }

        L sum = L.Broadcast(-Fold.Sum<L>(dy, n));
        int i = 0;
        for (; i <= n - Lanes.Count; i += Lanes.Count) L.Store(L.Fma(MathFunctions.Exp(L.Load(y + i)), sum, L.Load(dy + i)), dx + i);
        if (i < n) L.StorePart(L.Fma(MathFunctions.Exp(L.LoadPart(y + i, n - i, 0f)), sum, L.LoadPart(dy + i, n - i, 0f)), dx + i, n - i);
    }

    private struct RowWork : ILaneWork
    {
        public Kind Kind;
        public float* X;
        public float* Dy;
        public float* Y;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"{Kind} {Rows}×{Width}", (Dy == null ? 2.0 : 3.0) * Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int n = part * Each; n < to; n++)
            {
                long at = (long)n * Width;
                switch (Kind)
                {
                    case Kind.Softmax: Row<L>(X + at, Y + at, Width); break;
                    case Kind.LogSoftmax: LogRow<L>(X + at, Y + at, Width); break;
                    case Kind.SoftmaxGradient: GradientRow<L>(X + at, Dy + at, Y + at, Width); break;
                    default: LogGradientRow<L>(X + at, Dy + at, Y + at, Width); break;
                }
            }
        }
    }
}
