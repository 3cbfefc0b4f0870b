using Heed.Engine.Tensors;

namespace Heed.Engine.Kernels;

/// <summary>A shape seen around one of its axes: [Outer, Size, Inner].</summary>
internal readonly record struct Axis(int Outer, int Size, int Inner)
{
    /// <summary>Number of the axis, 0 … rank − 1, for a number that may count from the last.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public static int Number(Shape shape, int axis)
    {
        int at = axis < 0 ? axis + shape.Rank : axis;
        if ((uint)at >= (uint)shape.Rank) throw new ArgumentOutOfRangeException(nameof(axis), axis, $"{shape} has the axes 0 to {shape.Rank - 1}, or −{shape.Rank} to −1.");
        return at;
    }

    /// <summary>The sizes around an axis.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public static Axis Of(Shape shape, int axis)
    {
        int at = Number(shape, axis), outer = 1, inner = 1;
        for (int i = 0; i < at; i++) outer *= shape[i];
        for (int i = at + 1; i < shape.Rank; i++) inner *= shape[i];
        return new Axis(outer, shape[at], inner);
    }

    /// <summary>The shape without an axis, or with size 1 there.</summary>
    public static Shape Without(Shape shape, int axis, bool keep)
    {
        int at = Number(shape, axis), n = 0;
        Span<int> sizes = stackalloc int[shape.Rank];
        for (int i = 0; i < shape.Rank; i++)
        {
            if (i != at) sizes[n++] = shape[i];
            else if (keep) sizes[n++] = 1;
        }

        return new Shape(sizes[..n]);
    }

    /// <summary>The shape with another size of one axis.</summary>
    public static Shape With(Shape shape, int axis, int size)
    {
        int[] sizes = shape.ToArray();
        sizes[Number(shape, axis)] = size;
        return new Shape(sizes);
    }

    /// <summary>y[outer, inner] = Σ over the axis of x.</summary>
    public void Sum(ReadOnlySpan<float> x, Span<float> y)
    {
        if (Inner == 1)
        {
            ReductionKernel.SumLast(x, Size, y);
            return;
        }

        for (int o = 0; o < Outer; o++) ReductionKernel.SumRows(x.Slice(o * Size * Inner, Size * Inner), Inner, y.Slice(o * Inner, Inner));
    }

    /// <summary>y[outer, inner] = max over the axis of x, and its first place on the axis.</summary>
    public void Max(ReadOnlySpan<float> x, Span<float> y, Span<int> places)
    {
        if (Size == 0 && y.Length > 0) throw new ArgumentException("The maximum over an axis of size 0 is not defined.", nameof(x));
        if (Inner == 1)
        {
            ReductionKernel.MaxLast(x, Size, y, places);
            return;
        }

        for (int o = 0; o < Outer; o++)
            ReductionKernel.MaxRows(x.Slice(o * Size * Inner, Size * Inner), Inner, y.Slice(o * Inner, Inner), places.Slice(o * Inner, Inner));
    }
}
