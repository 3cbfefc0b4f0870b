using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class CrossEntropyKernel
{
    private static void Run(RowWork work)
    {
        work.Each = LaneParts.RowsPerPart(work.Classes);
        if (work.WantsGradient)
        {
            if (work.Weights == null) work.TotalWeight = work.Classes;
            else
                for (int c = 0; c < work.Classes; c++) work.TotalWeight += work.Weights[c];
        }

        LaneParts.Run(work, LaneParts.Count(work.Rows, work.Each));
    }

    private struct RowWork : ILaneWork
    {
        public float* Logits;
        public int* Targets;
        public float* Weights;
        public float* Losses;
        public float* LogSums;
        public float* Scale;
        public int ScaleStep;
        public double TotalWeight;
        public int IgnoreIndex;
        public float Smoothing;
        public int Rows;
        public int Classes;
        public int Each;
        public bool WantsLoss;
        public bool WantsGradient;

        public readonly WorkCost Cost => WorkCost.Pass($"CrossEntropy {Rows}×{Classes}", (WantsGradient ? 2.0 : 1.0) * Rows * Classes);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int n = part * Each; n < to; n++)
            {
                float* z = Logits + ((long)n * Classes);
                if (WantsLoss)
                {
                    bool ignored = Targets[n] == IgnoreIndex;
                    (LogSums[2 * n], LogSums[(2 * n) + 1]) = ignored ? default : Fold.LogSumOfExp<L>(z, 1f, Classes);
                    Losses[n] = ignored ? 0f : Loss<L>(z, Targets[n], LogSums[2 * n], LogSums[(2 * n) + 1]);
                }

                if (WantsGradient) RowGradient<L>(z, Targets[n], LogSums[2 * n], LogSums[(2 * n) + 1], Scale[n * ScaleStep]);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly float Loss<L>(float* z, int y, float max, float log) where L : struct, ILanes<L>
        {
            float loss = (1f - Smoothing) * (Weights == null ? 1f : Weights[y]) * (log - (z[y] - max));
            if (Smoothing == 0f) return loss;
            L sum = L.Zero, m = L.Broadcast(max), all = L.Broadcast(log);
            int c = 0;
            for (; c <= Classes - Lanes.Count; c += Lanes.Count)
            {
                L d = all - (L.Load(z + c) - m);
                sum = Weights == null ? sum + d : L.Fma(d, L.Load(Weights + c), sum);
            }

            if (c < Classes)
            {
                L d = L.LoadPart(z + c, Classes - c, 0f) - m;
                d = L.Select(Tail<L>(Classes - c), all - d, L.Zero);
                sum = Weights == null ? sum + d : L.Fma(d, L.LoadPart(Weights + c, Classes - c, 0f), sum);
            }

            return loss + (Smoothing / Classes * L.Sum(sum));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void RowGradient<L>(float* z, int y, float max, float log, float scale) where L : struct, ILanes<L>
        {
            if (y == IgnoreIndex)
            {
                new Span<float>(z, Classes).Clear();
                return;
            }

            float onTarget = (1f - Smoothing) * (Weights == null ? 1f : Weights[y]), share = Smoothing / Classes;
            float p = ExpOf<L>(z[y] - max - log);
            float whole = onTarget + (float)(share * TotalWeight);
            // The target's own element, before the loop overwrites it: subtracting last keeps the digits of p − 1.
            float own = scale * ((p * whole) - (share * (Weights == null ? 1f : Weights[y])) - onTarget);
            L m = L.Broadcast(max), all = L.Broadcast(log), factor = L.Broadcast(scale * whole), off = L.Broadcast(-scale * share);
            int c = 0;
            for (; c <= Classes - Lanes.Count; c += Lanes.Count)
            {
                L mass = MathFunctions.Exp(L.Load(z + c) - m - all);
                L.Store(L.Fma(mass, factor, Weights == null ? off : off * L.Load(Weights + c)), z + c);
            }

            if (c < Classes)
            {
                int rest = Classes - c;
                L mass = MathFunctions.Exp(L.LoadPart(z + c, rest, 0f) - m - all);
                L.StorePart(L.Fma(mass, factor, Weights == null ? off : off * L.LoadPart(Weights + c, rest, 0f)), z + c, rest);
            }

            z[y] = own;
        }

        // A mask of the first count lanes.
        private static L Tail<L>(int count) where L : struct, ILanes<L>
        {
            float one = 1f;
            float* ones = stackalloc float[Lanes.Count];
            new Span<float>(ones, Lanes.Count).Fill(one);
            return L.EqualTo(L.LoadPart(ones, count, 0f), L.Broadcast(one));
        }

        private static float ExpOf<L>(float x) where L : struct, ILanes<L> => L.First(MathFunctions.Exp(L.Broadcast(x)));
    }
}
