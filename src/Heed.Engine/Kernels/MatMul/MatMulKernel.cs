using System.Numerics;
using System.Runtime.Intrinsics;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>C (+)= op(A)·op(B) in float32, at the processor's limit, and always with the same bits.</summary>
/// <remarks>
/// Each c[m, n] is one chain of fused multiply-adds in ascending k, from 0 or from C. So its bits depend neither on M, nor on the row's
/// place in the batch, nor on layout, packing, vector width or threads: a decoded token equals its row of a prefill.
/// </remarks>
internal static partial class MatMulKernel
{
    /// <summary>C[M, N] (+)= op(A)[M, K] · op(B)[K, N], then the epilogue.</summary>
    /// <param name="a">op(A): [M, K] row by row, or transposed.</param>
    /// <param name="aLayout">How A lies.</param>
    /// <param name="b">op(B): [K, N] row by row, or transposed (a weight stored [N, K]).</param>
    /// <param name="bLayout">How B lies.</param>
    /// <param name="c">[M, N], overwritten, or added to where <paramref name="accumulate"/>; must not overlap A or B.</param>
    /// <param name="M">Rows of C.</param>
    /// <param name="N">Columns of C.</param>
    /// <param name="K">Length of the reduction; 0 leaves zeros, or C.</param>
    /// <param name="accumulate">Whether the chains start from C.</param>
    /// <param name="epilogue">What follows the reduction, element by element.</param>
    /// <exception cref="ArgumentException">A span is too short for its shape.</exception>
    public static void Invoke(
        ReadOnlySpan<float> a, MatrixLayout aLayout, ReadOnlySpan<float> b, MatrixLayout bLayout, Span<float> c, int M, int N, int K,
        bool accumulate = false, Epilogue epilogue = default)
    {
        if (Vector512.IsHardwareAccelerated) Invoke<MatMulTile512>(a, aLayout, b, bLayout, c, M, N, K, accumulate, epilogue);
        else if (Vector256.IsHardwareAccelerated) Invoke<MatMulTile256>(a, aLayout, b, bLayout, c, M, N, K, accumulate, epilogue);
        else Invoke<MatMulTile128>(a, aLayout, b, bLayout, c, M, N, K, accumulate, epilogue);
    }

    /// <summary>The same at a chosen width.</summary>
    public static unsafe void Invoke<TTile>(
        ReadOnlySpan<float> a, MatrixLayout aLayout, ReadOnlySpan<float> b, MatrixLayout bLayout, Span<float> c, int M, int N, int K,
        bool accumulate = false, Epilogue epilogue = default)
        where TTile : struct, IMatMulTile
    {
        CheckSizes(M, N, K);
        int aStride = aLayout.Check(M, K, a.Length, nameof(a));
        int bStride = bLayout.Check(K, N, b.Length, nameof(b));
        MatrixLayout.RowMajor.Check(M, N, c.Length, nameof(c));
        epilogue.Check(N);
        fixed (float* pa = a, pb = b, pc = c, bias = epilogue.Bias)
        {
            var operands = new MatMulOperands
            {
                A = pa,
                ARow = aLayout.IsTransposed ? 1 : aStride,
                AStep = aLayout.IsTransposed ? aStride : 1,
                B = pb,
                BStride = bStride,
                Source = bLayout.IsTransposed ? MatMulSource.Columns : MatMulSource.Rows,
                C = pc,
                CStride = N,
                M = M,
                N = N,
                K = K,
                Accumulate = accumulate,
                Epilogue = epilogue.Pin(bias),
            };
            Multiply<TTile>(in operands);
        }
    }

    /// <summary>C[i] (+)= op(A[i]) · op(B[i]) for <paramref name="count"/> products of one shape, their operands a fixed distance
    /// apart.</summary>
    /// <remarks>Small products are shared out whole, large ones one after the other with all threads each. A distance of 0 repeats an
    /// operand.</remarks>
    /// <exception cref="ArgumentException">A span is too short for its shape.</exception>
    public static void Batch(
        int count, ReadOnlySpan<float> a, MatrixLayout aLayout, int aDistance, ReadOnlySpan<float> b, MatrixLayout bLayout, int bDistance,
        Span<float> c, int cDistance, int M, int N, int K, bool accumulate = false)
    {
        if (Vector512.IsHardwareAccelerated) Batch<MatMulTile512>(count, a, aLayout, aDistance, b, bLayout, bDistance, c, cDistance, M, N, K, accumulate);
        else if (Vector256.IsHardwareAccelerated) Batch<MatMulTile256>(count, a, aLayout, aDistance, b, bLayout, bDistance, c, cDistance, M, N, K, accumulate);
        else Batch<MatMulTile128>(count, a, aLayout, aDistance, b, bLayout, bDistance, c, cDistance, M, N, K, accumulate);
    }

    /// <summary>The same at a chosen width.</summary>
    public static unsafe void Batch<TTile>(
        int count, ReadOnlySpan<float> a, MatrixLayout aLayout, int aDistance, ReadOnlySpan<float> b, MatrixLayout bLayout, int bDistance,
        Span<float> c, int cDistance, int M, int N, int K, bool accumulate = false)
        where TTile : struct, IMatMulTile
    {
        CheckSizes(M, N, K);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(aDistance);
        ArgumentOutOfRangeException.ThrowIfNegative(bDistance);
        if (cDistance < (long)M * N) throw new ArgumentOutOfRangeException(nameof(cDistance), cDistance, $"Results of [{M}, {N}] would overlap.");
        if (count == 0) return;
        int last = count - 1;
        int aStride = aLayout.Check(M, K, LastLength(a.Length, last, aDistance), nameof(a));
        int bStride = bLayout.Check(K, N, LastLength(b.Length, last, bDistance), nameof(b));
        MatrixLayout.RowMajor.Check(M, N, LastLength(c.Length, last, cDistance), nameof(c));
        fixed (float* pa = a, pb = b, pc = c)
        {
            var operands = new MatMulOperands
            {
                A = pa,
                ARow = aLayout.IsTransposed ? 1 : aStride,
                AStep = aLayout.IsTransposed ? aStride : 1,
                B = pb,
                BStride = bStride,
                Source = bLayout.IsTransposed ? MatMulSource.Columns : MatMulSource.Rows,
                C = pc,
                CStride = N,
                M = M,
                N = N,
                K = K,
                Accumulate = accumulate,
            };
            var batch = new BatchWork<TTile>(operands, count, aDistance, bDistance, cDistance);
            if (batch.IsLarge)
            {
                for (int i = 0; i < count; i++) batch.Product(i);
            }
            else
            {
                ComputeContext.Run(batch, batch.Parts);
            }
        }
    }

    /// <summary>The definition: one chain of fused multiply-adds for each element of C. a: [M, K], b: [K, N], c: [M, N], each as its layout
    /// says.</summary>
    public static void Scalar<T>(
        ReadOnlySpan<T> a, MatrixLayout aLayout, ReadOnlySpan<T> b, MatrixLayout bLayout, Span<T> c, int M, int N, int K, bool accumulate = false)
        where T : IFloatingPointIeee754<T>
    {
        int aStride = aLayout.Check(M, K, a.Length, nameof(a));
        int bStride = bLayout.Check(K, N, b.Length, nameof(b));
        for (int m = 0; m < M; m++)
        {
            for (int n = 0; n < N; n++)
            {
                T sum = accumulate ? c[(m * N) + n] : T.Zero;
                for (int k = 0; k < K; k++)
                {
                    T x = a[aLayout.IsTransposed ? (k * aStride) + m : (m * aStride) + k];
                    T y = b[bLayout.IsTransposed ? (n * bStride) + k : (k * bStride) + n];
                    sum = T.FusedMultiplyAdd(x, y, sum);
                }

                c[(m * N) + n] = sum;
            }
        }
    }

    private static void CheckSizes(int M, int N, int K)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(M);
        ArgumentOutOfRangeException.ThrowIfNegative(N);
        ArgumentOutOfRangeException.ThrowIfNegative(K);
    }

    private static int LastLength(int length, int last, int distance) => (int)Math.Max(0, length - ((long)last * distance));

    private readonly unsafe struct BatchWork<TTile>(MatMulOperands first, int count, nint aDistance, nint bDistance, nint cDistance) : IWork
        where TTile : struct, IMatMulTile
    {
        // Multiply-adds worth a part of their own: some ten microseconds.
        private const long PartSize = 1 << 19;

        private long Size => Math.Max(1, (long)first.M * first.N * Math.Max(1, first.K));

        /// <summary>Whether one product is worth all threads.</summary>
        public bool IsLarge => Size > 16 * PartSize;

        public int Parts => (int)((count + PerPart - 1) / PerPart);

        public WorkCost Cost => new(
            $"{count} products {first.M}×{first.K}→{first.N}", 2.0 * count * first.M * first.K * first.N,
            sizeof(float) * (double)count * (((double)first.M * first.K) + ((double)first.K * first.N) + ((double)first.M * first.N)));

        private long PerPart => Math.Clamp(PartSize / Size, 1, count);

        public void Part(int part)
        {
            long end = Math.Min(count, (part + 1) * PerPart);
            for (long i = part * PerPart; i < end; i++) Product((int)i);
        }

        public void Product(int i)
        {
            MatMulOperands one = first;
            one.A += i * aDistance;
            one.B = (float*)one.B + (i * bDistance);
            one.C += i * cDistance;
            Multiply<TTile>(in one);
        }
    }
}
