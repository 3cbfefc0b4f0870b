using System.Buffers;
using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>Sums over rows, cut into blocks of rows by the number of rows alone: each block adds into a strip of its own, then the strips
/// are added in order.</summary>
internal static unsafe class RowBlocks
{
    /// <summary>Rows of one block.</summary>
    public static int Size(int rows) => Math.Max(32, (rows + 127) / 128);

    /// <summary>Blocks that cover <paramref name="rows"/>.</summary>
    public static int Count(int rows) => LaneParts.Count(rows, Size(rows));

    /// <summary>Columns of a strip: <paramref name="width"/> rounded up to full lanes, so that strips need no tails.</summary>
    public static int Padded(int width) => (width + Lanes.Count - 1) / Lanes.Count * Lanes.Count;

    /// <summary>Strips for every block, <paramref name="kinds"/> of them each, to be handed back by <see cref="Return"/>. Not
    /// cleared.</summary>
    public static float[] Rent(int rows, int width, int kinds) => ArrayPool<float>.Shared.Rent(Math.Max(1, checked(Count(rows) * kinds * Padded(width))));

    /// <summary>At least <paramref name="count"/> floats, to be handed back by <see cref="Return"/>. Not cleared.</summary>
    public static float[] RentFloats(int count) => ArrayPool<float>.Shared.Rent(Math.Max(1, count));

    public static void Return(float[] strips) => ArrayPool<float>.Shared.Return(strips);

    /// <summary>total[d] = Σ over the blocks of strips[block, kind, d], in order.</summary>
    public static void Add(float[] strips, int blocks, int kinds, int kind, int width, Span<float> total)
    {
        if (total.IsEmpty) return;
        int padded = Padded(width);
        fixed (float* ps = strips, pt = total)
        {
            LaneParts.Run(
                new AddWork { Strips = ps + ((long)kind * padded), Stride = (long)kinds * padded, Blocks = blocks, Total = pt, Width = width },
                LaneParts.Count(width, AddWork.Columns));
        }
    }

    private struct AddWork : ILaneWork
    {
        public const int Columns = 256;

        public float* Strips;
        public long Stride;
        public int Blocks;
        public float* Total;
        public int Width;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int from = part * Columns, to = Math.Min(Width, from + Columns);
            for (int d = from; d < to; d += Lanes.Count)
            {
                L sum = L.Zero;
                for (int b = 0; b < Blocks; b++) sum += L.Load(Strips + (b * Stride) + d);
                if (d + Lanes.Count <= to) L.Store(sum, Total + d);
                else L.StorePart(sum, Total + d, to - d);
            }
        }
    }
}
