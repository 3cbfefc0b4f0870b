using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class LayerNormKernel
{
    private struct ForwardWork : ILaneWork
    {
        public float* X;
        public float* Gain;
        public float* Bias;
        public float* Y;
        public float* Mean;
        public float* Rstd;
        public float Epsilon;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"LayerNorm {Rows}×{Width}", 2.0 * Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int n = part * Each; n < to; n++)
            {
                float* x = X + ((long)n * Width);
                // The second pass corrects the first one's mean and its own squares (Chan, Golub and LeVeque 1983): an error of these two
                // would shift or scale a whole row, and post-norm stacks carry it on.
                float first = Fold.Sum<L>(x, Width) / Width;
                (float rest, float squares) = Fold.Deviations<L>(x, first, Width);
                float mean = (float)(first + ((double)rest / Width));
                float rstd = (float)(1 / Math.Sqrt(Math.Max(0, (squares - ((double)rest * rest / Width)) / Width) + Epsilon));
                Mean[n] = mean;
                Rstd[n] = rstd;
                NormRow.Forward<L>(x, mean, rstd, Gain, Bias, Y + ((long)n * Width), Width);
            }
        }
    }

    private struct BackwardWork : ILaneWork
    {
        public float* X;
        public float* Gain;
        public float* Mean;
        public float* Rstd;
        public float* Dy;
        public float* Dx;
        public float* Strips;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"LayerNorm {Rows}×{Width} gradient", 3.0 * Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each), padded = RowBlocks.Padded(Width);
            float* gains = Strips + (2L * part * padded);
            float* biases = gains + padded;
            new Span<float>(gains, 2 * padded).Clear();
            for (int n = part * Each; n < to; n++)
            {
                long at = (long)n * Width;
                (float sum, float dot) = NormRow.Sums<L>(X + at, Mean[n], Rstd[n], Gain, Dy + at, gains, biases, Width);
                NormRow.Backward<L>(X + at, Mean[n], Rstd[n], Gain, Dy + at, sum / Width, dot / Width, Dx + at, Width);
            }
        }
    }
}
