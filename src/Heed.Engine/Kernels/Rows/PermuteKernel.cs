using Heed.Engine.Runtime;
using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>Copies a tensor with its axes in another order.</summary>
internal static unsafe class PermuteKernel
{
    private const int Tile = 32;

    /// <summary>The shape after permutation: axis i of the result is axis <c>axes[i]</c> of <paramref name="x"/>.</summary>
    /// <exception cref="ShapeException"><paramref name="axes"/> is no permutation of the axes.</exception>
    public static Shape Shape(Shape x, ReadOnlySpan<int> axes, string site)
    {
        Span<int> sizes = stackalloc int[axes.Length];
        int seen = 0;
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = axes[i] < 0 ? axes[i] + x.Rank : axes[i];
            if ((uint)axis >= (uint)x.Rank || (seen & (1 << axis)) != 0) throw new ShapeException($"{site}: axes {string.Join(", ", axes.ToArray())} are no order of the {x.Rank} axes of {x}.");
            seen |= 1 << axis;
            sizes[i] = x[axis];
        }

        if (axes.Length != x.Rank) throw new ShapeException($"{site}: {axes.Length} axes were given for {x}, which has {x.Rank}.");
        return new Shape(sizes);
    }

    /// <summary>y = x with its axes reordered.  y: of <see cref="Shape"/>.</summary>
    public static void Invoke(ReadOnlySpan<float> x, Shape shape, ReadOnlySpan<int> axes, Span<float> y)
    {
        KernelThrow.UnlessLength(nameof(x), x.Length, shape.Count);
        KernelThrow.UnlessLength(nameof(y), y.Length, shape.Count);
        if (x.Length == 0) return;
        Work work = default;
        work.Plan(shape, axes);
        fixed (float* px = x, py = y)
        {
            work.X = px;
            work.Y = py;
            int parts = work.Parts;
            if (parts == 1) work.Part(0);
            else ComputeContext.Run(work, parts);
        }
    }

    /// <summary>The definition.</summary>
    public static void Scalar<T>(ReadOnlySpan<T> x, Shape shape, ReadOnlySpan<int> axes, Span<T> y)
    {
        for (int i = 0; i < y.Length; i++)
        {
            int rest = i, at = 0;
            for (int a = axes.Length - 1; a >= 0; a--)
            {
                int axis = axes[a] < 0 ? axes[a] + shape.Rank : axes[a], step = 1;
                for (int k = axis + 1; k < shape.Rank; k++) step *= shape[k];
                at += rest % shape[axis] * step;
                rest /= shape[axis];
            }

            y[i] = x[at];
        }
    }

    /// <summary>Axes of the result, innermost first, merged where the source runs on evenly; planes of (one axis, last axis) are copied in
    /// tiles.</summary>
    private struct Work : IWork
    {
        public float* X;
        public float* Y;
        public int Parts;
        private int _rank;
        private int _plane;      // the axis along which the source is contiguous; 0 where it is the innermost of the result
        private int _tiles;
        private int _items;      // rows, or tiles of rows, to be copied
        private int _group;      // items of one part
        private fixed int _size[Tensors.Shape.MaximumRank];
        private fixed int _step[Tensors.Shape.MaximumRank];
        private fixed int _target[Tensors.Shape.MaximumRank];

        public void Plan(Shape shape, ReadOnlySpan<int> axes)
        {
            for (int a = axes.Length - 1; a >= 0; a--)
            {
                int axis = axes[a] < 0 ? axes[a] + shape.Rank : axes[a], step = 1;
                if (shape[axis] == 1) continue;
                for (int k = axis + 1; k < shape.Rank; k++) step *= shape[k];
                int last = _rank - 1;
                if (_rank > 0 && step == _step[last] * _size[last])
                {
                    _size[last] *= shape[axis];
                    continue;
                }

                (_size[_rank], _step[_rank]) = (shape[axis], step);
                _rank++;
            }

            if (_rank == 0) (_size[_rank++], _step[0]) = (1, 1);
            for (int i = 0, target = 1; i < _rank; i++)
            {
                _target[i] = target;
                target *= _size[i];
                if (_step[i] == 1) _plane = i;
            }

            int planes = 1;
            for (int i = 1; i < _rank; i++)
                if (i != _plane) planes *= _size[i];
            _tiles = _plane == 0 ? 1 : (_size[_plane] + Tile - 1) / Tile;
            _items = planes * _tiles;
            _group = LaneParts.RowsPerPart((long)_size[0] * (_plane == 0 ? 1 : Math.Min(Tile, _size[_plane])));
            Parts = LaneParts.Count(_items, _group);
        }

        public readonly void Part(int part)
        {
            int end = Math.Min(_items, (part + 1) * _group);
            for (int item = part * _group; item < end; item++) Item(item);
        }

        private readonly void Item(int item)
        {
            int tile = item % _tiles, rest = item / _tiles, from = 0, to = 0;
            for (int i = 1; i < _rank; i++)
            {
                if (i == _plane) continue;
                int index = rest % _size[i];
                rest /= _size[i];
                from += index * _step[i];
                to += index * _target[i];
            }

            if (_plane == 0)
            {
                new ReadOnlySpan<float>(X + from, _size[0]).CopyTo(new Span<float>(Y + to, _size[0]));
                return;
            }

            // Rows of the plane run along the source's contiguous axis; columns along the result's.
            int first = tile * Tile, last = Math.Min(_size[_plane], first + Tile), step = _step[0], row = _target[_plane];
            for (int column = 0; column < _size[0]; column += Tile)
            {
                int stop = Math.Min(_size[0], column + Tile);
                for (int r = first; r < last; r++)
                {
                    float* source = X + from + r;
                    float* target = Y + to + ((long)r * row);
                    for (int c = column; c < stop; c++) target[c] = source[(long)c * step];
                }
            }
        }
    }
}
