using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class RmsNormKernel
{
    private struct ForwardWork : ILaneWork
    {
        public float* X;
        public float* Gain;
        public float* Y;
        public float* Rstd;
        public float Epsilon;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"RmsNorm {Rows}×{Width}", 2.0 * Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int n = part * Each; n < to; n++)
            {
                float* x = X + ((long)n * Width);
                float rstd = (float)(1 / Math.Sqrt((Fold.SumOfSquares<L>(x, 0f, Width) / (double)Width) + Epsilon));
                Rstd[n] = rstd;
                NormRow.Forward<L>(x, 0f, rstd, Gain, null, Y + ((long)n * Width), Width);
            }
        }
    }

    private struct BackwardWork : ILaneWork
    {
        public float* X;
        public float* Gain;
        public float* Rstd;
        public float* Dy;
        public float* Dx;
        public float* Strips;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"RmsNorm {Rows}×{Width} gradient", 3.0 * Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each), padded = RowBlocks.Padded(Width);
            float* gains = Strips + ((long)part * padded);
            new Span<float>(gains, padded).Clear();
            for (int n = part * Each; n < to; n++)
            {
                long at = (long)n * Width;
                (_, float dot) = NormRow.Sums<L>(X + at, 0f, Rstd[n], Gain, Dy + at, gains, null, Width);
                NormRow.Backward<L>(X + at, 0f, Rstd[n], Gain, Dy + at, 0f, dot / Width, Dx + at, Width);
            }
        }
    }
}
