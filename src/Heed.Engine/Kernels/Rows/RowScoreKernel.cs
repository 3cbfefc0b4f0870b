using System.Runtime.CompilerServices;

namespace Heed.Engine.Kernels;

/// <summary>What <see cref="RowScoreKernel"/> computes of a vector and a row.</summary>
internal enum RowScore
{
    /// <summary>Σ qᵢ·xᵢ.</summary>
    Dot,

    /// <summary>Σ (qᵢ − xᵢ)².</summary>
    SquaredDistance,

    /// <summary>Σ |qᵢ − xᵢ|.</summary>
    AbsoluteDistance,
}

/// <summary>One vector against the rows of a table, in float32; rows of float16 are widened exactly.</summary>
/// <remarks>
/// A row's number depends on the row alone: not on the rows beside it, the threads or the vector width. A term of a sum is
/// rounded at most D/16 + 16 times, so a sum is off by at most (D/16 + 16)·2⁻²³ of the sum of its terms' sizes.
/// </remarks>
internal static unsafe class RowScoreKernel
{
    /// <summary>Numbers of a float16 row that are widened at once, a multiple of four times the lanes.</summary>
    private const int Widened = 1024;

    /// <summary>Scores every row.  query: [D]; rows: [N, D] → scores: [N].</summary>
    public static void Invoke(RowScore kind, ReadOnlySpan<float> query, ReadOnlySpan<float> rows, Span<float> scores)
    {
        Check(query.Length, rows.Length, scores.Length);
        fixed (float* q = query, x = rows, y = scores) Run(new Work(kind, q, x, null, y, query.Length, scores.Length));
    }

    /// <summary>Scores every row of float16.  query: [D]; rows: [N, D] → scores: [N].</summary>
    public static void Invoke(RowScore kind, ReadOnlySpan<float> query, ReadOnlySpan<Half> rows, Span<float> scores)
    {
        Check(query.Length, rows.Length, scores.Length);
        fixed (float* q = query, y = scores)
        fixed (Half* x = rows) Run(new Work(kind, q, null, (ushort*)x, y, query.Length, scores.Length));
    }

    private static void Check(int width, int values, int rows)
    {
        KernelThrow.UnlessLength("rows", values, (long)width * rows);
    }

    private static void Run(Work work)
    {
        if (work.Rows > 0) LaneParts.Run(work, LaneParts.Count(work.Rows, work.Each));
    }

    private readonly struct Work(RowScore kind, float* query, float* rows, ushort* halves, float* scores, int width, int count) : ILaneWork
    {
        public int Rows => count;

        public int Each => LaneParts.RowsPerPart(width);

        [MethodImpl(MethodImplOptions.NoInlining)]
        public void Part<L>(int part) where L : struct, ILanes<L>
        {
            int to = Math.Min(count, (part + 1) * Each);
            float* buffer = stackalloc float[Widened];
            for (int n = part * Each; n < to; n++)
            {
                if (halves == null) scores[n] = Score<L>(query, rows + ((long)n * width), width);
                else scores[n] = Widening<L>(halves + ((long)n * width), buffer);
            }
        }

        private float Widening<L>(ushort* row, float* buffer) where L : struct, ILanes<L>
        {
            float sum = 0;
            for (int at = 0; at < width; at += Widened)
            {
                int some = Math.Min(Widened, width - at);
                HalfFormats.FromFloat16(row + at, buffer, some);
                sum += Score<L>(query + at, buffer, some);
            }

            return sum;
        }

        private float Score<L>(float* q, float* x, int n) where L : struct, ILanes<L> => kind switch
        {
            RowScore.Dot => Fold.Dot<L>(q, x, n),
            RowScore.SquaredDistance => SquaredDistance<L>(q, x, n),
            _ => AbsoluteDistance<L>(q, x, n),
        };

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static float SquaredDistance<L>(float* q, float* x, int n) where L : struct, ILanes<L>
        {
            L sum = L.Zero;
            for (int i = 0; i < n; i += Lanes.Count)
            {
                L d = n - i < Lanes.Count ? L.LoadPart(q + i, n - i, 0f) - L.LoadPart(x + i, n - i, 0f) : L.Load(q + i) - L.Load(x + i);
                sum = L.Fma(d, d, sum);
            }

            return L.Sum(sum);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static float AbsoluteDistance<L>(float* q, float* x, int n) where L : struct, ILanes<L>
        {
            L sum = L.Zero;
            for (int i = 0; i < n; i += Lanes.Count)
            {
                L d = n - i < Lanes.Count ? L.LoadPart(q + i, n - i, 0f) - L.LoadPart(x + i, n - i, 0f) : L.Load(q + i) - L.Load(x + i);
                sum += L.Abs(d);
            }

            return L.Sum(sum);
        }
    }
}
