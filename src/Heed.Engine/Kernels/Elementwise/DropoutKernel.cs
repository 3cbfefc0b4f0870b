using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>y = x/(1 − p) where kept, 0 where dropped. Whether an element is kept follows from generator and index alone, so the same call
/// on dy is the gradient.</summary>
/// <remarks>Srivastava et al. 2014.</remarks>
internal static unsafe class DropoutKernel
{
    /// <summary>x, y: [n], elements with the indices first, first + 1, … of the generator; y may overwrite x.</summary>
    /// <param name="x">Values, or the gradient of the result.</param>
    /// <param name="probability">p of dropping, 0 ≤ p &lt; 1.</param>
    /// <param name="random">Seed and stream: the stream names site and step.</param>
    /// <param name="first">Index of the first element.</param>
    /// <param name="y">The result.</param>
    public static void Invoke(ReadOnlySpan<float> x, float probability, CounterRandom random, ulong first, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(y), y.Length, x.Length);
        fixed (float* px = x, py = y)
        {
            Work work = new() { X = px, Y = py, Random = random, First = first, Threshold = Threshold(probability), Factor = 1f / (1f - probability), Rows = LaneParts.Count(x.Length), Width = LaneParts.Grain, Length = x.Length, Each = 1 };
            ComputeContext.Run(work, work.Rows);
        }
    }

    /// <summary>The same over rows whose places in the generator are given: element (n, d) has the index rowIndices[n]·D + d, so that a
    /// token keeps its mask in whatever batch it stands.</summary>
    public static void InvokeRows(ReadOnlySpan<float> x, int width, float probability, CounterRandom random, ReadOnlySpan<long> rowIndices, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(x), x.Length, (long)rowIndices.Length * width);
        KernelThrow.UnlessLength(nameof(y), y.Length, x.Length);
        int each = LaneParts.RowsPerPart(width);
        fixed (float* px = x, py = y)
        fixed (long* pi = rowIndices)
        {
            Work work = new() { X = px, Y = py, Random = random, Indices = pi, Threshold = Threshold(probability), Factor = 1f / (1f - probability), Rows = rowIndices.Length, Width = width, Length = x.Length, Each = each };
            ComputeContext.Run(work, LaneParts.Count(rowIndices.Length, each));
        }
    }

    private static uint Threshold(float probability)
    {
        if (!(probability >= 0f && probability < 1f)) throw new ArgumentOutOfRangeException(nameof(probability), probability, "The probability of dropping lies in [0, 1).");
        return (uint)(probability * 4294967296.0);
    }

    private struct Work : IWork
    {
        public float* X;
        public float* Y;
        public CounterRandom Random;
        public ulong First;
        public long* Indices;
        public uint Threshold;
        public float Factor;
        public int Rows;
        public int Width;
        public long Length;
        public int Each;

        public readonly WorkCost Cost => WorkCost.Pass($"Dropout {Length:N0}", 2.0 * Length);

        public readonly void Part(int part)
        {
            int to = Math.Min(Rows, (part + 1) * Each);
            for (int row = part * Each; row < to; row++)
            {
                long at = (long)row * Width;
                ulong index = Indices == null ? First + (ulong)at : (ulong)(Indices[row] * Width);
                Run(X + at, Y + at, index, (int)Math.Min(Width, Length - at));
            }
        }

        private readonly void Run(float* x, float* y, ulong index, int n)
        {
            int i = 0;
            for (; i < n && ((index + (ulong)i) & 3) != 0; i++) y[i] = Random.Bits(index + (ulong)i) >= Threshold ? x[i] * Factor : 0f;
            for (; i <= n - 4; i += 4)
            {
                (uint a, uint b, uint c, uint d) = Random.Block((index + (ulong)i) >> 2);
                y[i] = a >= Threshold ? x[i] * Factor : 0f;
                y[i + 1] = b >= Threshold ? x[i + 1] * Factor : 0f;
                y[i + 2] = c >= Threshold ? x[i + 2] * Factor : 0f;
                y[i + 3] = d >= Threshold ? x[i + 3] * Factor : 0f;
            }

            for (; i < n; i++) y[i] = Random.Bits(index + (ulong)i) >= Threshold ? x[i] * Factor : 0f;
        }
    }
}
