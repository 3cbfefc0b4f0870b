using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;

namespace Heed.Engine.Kernels;

internal static unsafe partial class ReductionKernel
{
    private struct TreeWork : ILaneWork
    {
        /// <summary>Elements of one sum.</summary>
        public const int Block = 4096;

        /// <summary>Sums of one part.</summary>
        public const int Blocks = 8;

        public float* A;
        public float* B;
        public float* Sums;
        public int Length;

        public readonly WorkCost Cost => WorkCost.Pass(B == null ? "Sum" : "Dot", (B == null ? 1.0 : 2.0) * Length);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int blocks = LaneParts.Count(Length, Block), to = Math.Min(blocks, (part + 1) * Blocks);
            for (int block = part * Blocks; block < to; block++)
            {
                int from = block * Block, n = Math.Min(Block, Length - from);
                Sums[block] = B == null ? Fold.Sum<L>(A + from, n) : Fold.Dot<L>(A + from, B + from, n);
            }
        }
    }

    private struct LastWork : ILaneWork
    {
        public LastKind Kind;
        public float* X;
        public float* Y;
        public int* At;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"{Kind} over {Rows}×{Width}", (double)Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int n = part * Each; n < to; n++)
            {
                float* x = X + ((long)n * Width);
                Y[n] = Kind == LastKind.Sum ? Fold.Sum<L>(x, Width) : Fold.HasNaN<L>(x, Width) ? float.NaN : Fold.Max<L>(x, Width);
                // Of spans, IndexOf takes a NaN for equal to another.
                if (At != null) At[n] = new ReadOnlySpan<float>(x, Width).IndexOf(Y[n]);
            }
        }
    }

    private struct RowsWork : ILaneWork
    {
        public float* X;
        public float* Strips;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"Sum of rows {Rows}×{Width}", (double)Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(Rows, (part + 1) * Each), padded = RowBlocks.Padded(Width);
            float* strip = Strips + ((long)part * padded);
            new Span<float>(strip, padded).Clear();
            for (int n = part * Each; n < to; n++)
            {
                float* x = X + ((long)n * Width);
                int d = 0;
                for (; d <= Width - Lanes.Count; d += Lanes.Count) L.Store(L.Load(strip + d) + L.Load(x + d), strip + d);
                if (d < Width) L.Store(L.Load(strip + d) + L.LoadPart(x + d, Width - d, 0f), strip + d);
            }
        }
    }
}
