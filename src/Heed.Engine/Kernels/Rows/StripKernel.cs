using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>Copies or adds a strip of each row: what slices, concatenations and their gradients are made of.</summary>
internal static unsafe class StripKernel
{
    /// <summary>y[r, yAt … yAt + count − 1] = x[r, xAt … xAt + count − 1].  x: [R, xWidth], y: [R, yWidth].</summary>
    public static void Copy(ReadOnlySpan<float> x, int xWidth, int xAt, Span<float> y, int yWidth, int yAt, int count) => Run(x, xWidth, xAt, y, yWidth, yAt, count, adds: false);

    /// <summary>As <see cref="Copy"/>, but adds to what is there.</summary>
    public static void Add(ReadOnlySpan<float> x, int xWidth, int xAt, Span<float> y, int yWidth, int yAt, int count) => Run(x, xWidth, xAt, y, yWidth, yAt, count, adds: true);

    private static void Run(ReadOnlySpan<float> x, int xWidth, int xAt, Span<float> y, int yWidth, int yAt, int count, bool adds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(xAt);
        ArgumentOutOfRangeException.ThrowIfNegative(yAt);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)xAt + count, xWidth);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)yAt + count, yWidth);
        if (count <= 0 || x.Length == 0 || y.Length == 0) return;
        int rows = x.Length / xWidth;
        KernelThrow.UnlessLength(nameof(x), x.Length, (long)rows * xWidth);
        KernelThrow.UnlessLength(nameof(y), y.Length, (long)rows * yWidth);
        int each = LaneParts.RowsPerPart(count);
        fixed (float* px = x, py = y)
        {
            Work work = new() { X = px + xAt, Y = py + yAt, XWidth = xWidth, YWidth = yWidth, Count = count, Rows = rows, Each = each, Adds = adds };
            ComputeContext.Run(work, LaneParts.Count(rows, each));
        }
    }

    private struct Work : IWork
    {
        public float* X;
        public float* Y;
        public long XWidth;
        public long YWidth;
        public int Count;
        public int Rows;
        public int Each;
        public bool Adds;

        public readonly WorkCost Cost
            => WorkCost.Pass($"{(Adds ? "Add" : "Copy")} strips {Rows}×{Count}", (Adds ? 3.0 : 2.0) * Rows * Count);

        public readonly void Part(int part)
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int r = part * Each; r < to; r++)
            {
                ReadOnlySpan<float> x = new(X + (r * XWidth), Count);
                Span<float> y = new(Y + (r * YWidth), Count);
                if (Adds) AddKernel.InPlace(y, x);
                else x.CopyTo(y);
            }
        }
    }
}
