using System.Numerics;
using System.Runtime.CompilerServices;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>
/// y = a ∘ b where sizes of 1 and missing leading axes repeat (NumPy's rule). Each element is one operation on its own, so every vector
/// width and thread count gives the same bits.
/// </summary>
internal static unsafe class BroadcastKernel
{
    /// <summary>The shape of a ∘ b.</summary>
    /// <exception cref="ShapeException">Two sizes differ and neither is 1.</exception>
    public static Shape Shape(Shape a, Shape b, string site)
    {
        if (a == b) return a;
        int rank = Math.Max(a.Rank, b.Rank);
        Span<int> sizes = stackalloc int[rank];
        for (int i = 0; i < rank; i++)
        {
            int m = i < rank - a.Rank ? 1 : a[i - (rank - a.Rank)], n = i < rank - b.Rank ? 1 : b[i - (rank - b.Rank)];
            if (m != n && m != 1 && n != 1) throw new ShapeException($"{site}: {a} and {b} do not broadcast: axis {i - rank} has {m} and {n}; they must be equal, or one of them 1.");
            sizes[i] = m == 1 ? n : m;
        }

        return new Shape(sizes);
    }

    /// <summary>y = a ∘ b; <paramref name="yShape"/> is <see cref="Shape"/> of the two. y may overwrite an operand of its own
    /// shape.</summary>
    public static void Invoke<F>(F f, ReadOnlySpan<float> a, Shape aShape, ReadOnlySpan<float> b, Shape bShape, Span<float> y, Shape yShape) where F : struct, IMap2
    {
        KernelThrow.UnlessLength(nameof(a), a.Length, aShape.Count);
        KernelThrow.UnlessLength(nameof(b), b.Length, bShape.Count);
        KernelThrow.UnlessLength(nameof(y), y.Length, yShape.Count);
        if (y.Length == 0) return;
        if (Lanes.Width == LaneWidth.None)
        {
            Scalar(f, a, aShape, b, bShape, y, yShape);
            return;
        }

        Work<F> work = default;
        work.Plan(aShape, bShape, yShape);
        work.Function = f;
        work.Rows = y.Length / work.Inner;
        work.RowsPerPart = LaneParts.RowsPerPart(work.Inner);
        work.Pieces = LaneParts.Count(work.Inner);
        fixed (float* pa = a, pb = b, py = y)
        {
            work.A = pa;
            work.B = pb;
            work.Y = py;
            LaneParts.Run(work, LaneParts.Count(work.Rows, work.RowsPerPart) * work.Pieces);
        }
    }

    /// <summary>The definition.</summary>
    public static void Scalar<F, T>(F f, ReadOnlySpan<T> a, Shape aShape, ReadOnlySpan<T> b, Shape bShape, Span<T> y, Shape yShape) where F : struct, IMap2 where T : IFloatingPointIeee754<T>
    {
        for (int i = 0; i < y.Length; i++) y[i] = f.Scalar(a[Source(i, aShape, yShape)], b[Source(i, bShape, yShape)]);
    }

    /// <summary>Index in an operand of element <paramref name="index"/> of the result.</summary>
    private static int Source(int index, Shape from, Shape to)
    {
        int at = 0, step = 1;
        for (int axis = -1; axis >= -to.Rank; axis--)
        {
            int i = index % to[axis];
            index /= to[axis];
            if (axis < -from.Rank) continue;
            if (from[axis] != 1) at += i * step;
            step *= from[axis];
        }

        return at;
    }

    /// <summary>Axes innermost first, merged where both operands run on evenly; the first is the row.</summary>
    private struct Work<F> : ILaneWork where F : struct, IMap2
    {
        public F Function;
        public float* A;
        public float* B;
        public float* Y;
        public int Rows;
        public int RowsPerPart;
        public int Pieces;
        private int _rank;
        private fixed int _size[Tensors.Shape.MaximumRank];
        private fixed int _stepA[Tensors.Shape.MaximumRank];
        private fixed int _stepB[Tensors.Shape.MaximumRank];

        public readonly int Inner => _size[0];

        public void Plan(Shape a, Shape b, Shape y)
        {
            int stepA = 1, stepB = 1;
            for (int axis = -1; axis >= -y.Rank; axis--)
            {
                int size = y[axis];
                if (size == 1) continue;
                int sizeA = axis < -a.Rank ? 1 : a[axis], sizeB = axis < -b.Rank ? 1 : b[axis];
                int sa = sizeA == 1 ? 0 : stepA, sb = sizeB == 1 ? 0 : stepB, last = _rank - 1;
                stepA *= sizeA;
                stepB *= sizeB;
                if (_rank > 0 && sa == _stepA[last] * _size[last] && sb == _stepB[last] * _size[last])
                {
                    _size[last] *= size;
                    continue;
                }

                (_size[_rank], _stepA[_rank], _stepB[_rank]) = (size, sa, sb);
                _rank++;
            }

            if (_rank > 0) return;
            (_size[0], _stepA[0], _stepB[0]) = (1, 1, 1);
            _rank = 1;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        public readonly void Part<L>(int part) where L : struct, ILanes<L>
        {
            int first = part / Pieces * RowsPerPart, end = Math.Min(Rows, first + RowsPerPart);
            int start = part % Pieces * LaneParts.Grain, count = Math.Min(LaneParts.Grain, Inner - start);
            for (int row = first; row < end; row++)
            {
                int rest = row, atA = start * _stepA[0], atB = start * _stepB[0];
                for (int axis = 1; axis < _rank; axis++)
                {
                    int i = rest % _size[axis];
                    rest /= _size[axis];
                    atA += i * _stepA[axis];
                    atB += i * _stepB[axis];
                }

                Row<L>(A + atA, B + atB, Y + ((long)row * Inner) + start, count);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void Row<L>(float* a, float* b, float* y, int count) where L : struct, ILanes<L>
        {
            int i = 0;
            if (_stepA[0] != 0 && _stepB[0] != 0)
            {
                for (; i <= count - Lanes.Count; i += Lanes.Count) L.Store(Function.Lane(L.Load(a + i), L.Load(b + i)), y + i);
            }
            else if (_stepB[0] == 0)
            {
                L same = L.Broadcast(*b);
                for (; i <= count - Lanes.Count; i += Lanes.Count) L.Store(Function.Lane(L.Load(a + i), same), y + i);
            }
            else
            {
                L same = L.Broadcast(*a);
                for (; i <= count - Lanes.Count; i += Lanes.Count) L.Store(Function.Lane(same, L.Load(b + i)), y + i);
            }

            if (i < count) L.StorePart(Function.Lane(Rest<L>(a, _stepA[0], i, count), Rest<L>(b, _stepB[0], i, count)), y + i, count - i);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static L Rest<L>(float* x, int step, int i, int count) where L : struct, ILanes<L> => step == 0 ? L.Broadcast(*x) : L.LoadPart(x + i, count - i, 1f);
    }
}
