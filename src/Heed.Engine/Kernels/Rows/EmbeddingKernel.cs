using System.Numerics;
using System.Runtime.CompilerServices;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>Rows of a table by index, and the gradient that adds them back.</summary>
internal static unsafe class EmbeddingKernel
{
    private const int Strip = 64;   // columns of one part of the gradient: every part walks all tokens, in their order

    /// <summary>y[n] = table[ids[n]].  table: [V, D], ids: [N], y: [N, D].</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside 0 … V−1.</exception>
    public static void Invoke(ReadOnlySpan<float> table, ReadOnlySpan<int> ids, int width, Span<float> y)
    {
        Check(table.Length, ids, width, y.Length);
        if (width == 0) return;
        int each = LaneParts.RowsPerPart(width);
        fixed (float* pt = table, py = y)
        fixed (int* pi = ids)
            ComputeContext.Run(new GatherWork { Table = pt, Ids = pi, Y = py, Rows = ids.Length, Width = width, Each = each }, LaneParts.Count(ids.Length, each));
    }

    /// <summary>dtable[ids[n]] += dy[n], by n ascending; rows of <paramref name="skip"/> add nothing (−1: none).</summary>
    public static void AddGradient(ReadOnlySpan<float> dy, ReadOnlySpan<int> ids, int width, Span<float> dtable, int skip = -1)
    {
        Check(dtable.Length, ids, width, dy.Length);
        if (width == 0) return;
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(dy, ids, width, dtable, skip);
            return;
        }

        fixed (float* pdy = dy, pt = dtable)
        fixed (int* pi = ids)
            LaneParts.Run(new AddWork { Dy = pdy, Ids = pi, Table = pt, Rows = ids.Length, Width = width, Skip = skip }, LaneParts.Count(width, Strip));
    }

    /// <summary>The definition of the gradient.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> dy, ReadOnlySpan<int> ids, int width, Span<T> dtable, int skip) where T : IFloatingPointIeee754<T>
    {
        for (int n = 0; n < ids.Length; n++)
        {
            if (ids[n] == skip) continue;
            for (int d = 0; d < width; d++) dtable[(ids[n] * width) + d] += dy[(n * width) + d];
        }
    }

    private static void Check(int table, ReadOnlySpan<int> ids, int width, int rows)
    {
        KernelThrow.UnlessLength("rows", rows, (long)ids.Length * width);
        if (width == 0) return;
        int entries = table / width;
        KernelThrow.UnlessLength("table", table, (long)entries * width);
        for (int n = 0; n < ids.Length; n++) KernelThrow.UnlessIndex(nameof(ids), n, ids[n], entries);
    }

    private struct GatherWork : IWork
    {
        public float* Table;
        public int* Ids;
        public float* Y;
        public int Rows;
        public int Width;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"Gather {Rows}×{Width}", 2.0 * Rows * Width);

        public readonly void Part(int part)
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int n = part * Each; n < to; n++)
                new ReadOnlySpan<float>(Table + ((long)Ids[n] * Width), Width).CopyTo(new Span<float>(Y + ((long)n * Width), Width));
        }
    }

    private struct AddWork : ILaneWork
    {
        public float* Dy;
        public int* Ids;
        public float* Table;
        public int Rows;
        public int Width;
        public int Skip;

        public readonly WorkCost Cost => WorkCost.Pass($"Scatter {Rows}×{Width}", 3.0 * Rows * Width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int from = part * Strip, to = Math.Min(Width, from + Strip);
            for (int n = 0; n < Rows; n++)
            {
                if (Ids[n] == Skip) continue;
                float* dy = Dy + ((long)n * Width);
                float* row = Table + ((long)Ids[n] * Width);
                int d = from;
                for (; d <= to - Lanes.Count; d += Lanes.Count) L.Store(L.Load(row + d) + L.Load(dy + d), row + d);
                for (; d < to; d++) row[d] += dy[d];
            }
        }
    }
}
