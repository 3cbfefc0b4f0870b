using Heed.Engine.Tensors;

namespace Heed.Inspection;

/// <summary>Numbers of a shape that never change: what a model computed under a name, or what an operation of inspection
/// found.</summary>
public sealed class ValueArray
{
    private readonly ReadOnlyMemory<float> _values;

    /// <summary>Takes over an array that nobody changes any more.</summary>
    internal ValueArray(ReadOnlyMemory<float> values, Shape shape)
    {
        if (values.Length != shape.Count) throw new ShapeException("ValueArray", nameof(values), new Shape(values.Length),
            shape.ToString());
        (_values, Shape) = (values, shape);
    }

    internal ValueArray(float[] values, params ReadOnlySpan<int> sizes)
        : this(values, new Shape(sizes))
    {
    }

    /// <summary>The sizes.</summary>
    public Shape Shape { get; }

    /// <summary>Number of values.</summary>
    public int Count => _values.Length;

    /// <summary>All values, the last axis fastest.</summary>
    public ReadOnlySpan<float> Span => _values.Span;

    /// <summary>One value.</summary>
    /// <param name="indices">One per axis, from 0.</param>
    /// <exception cref="ArgumentException">There is not one index per axis.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside its axis.</exception>
    public float this[params ReadOnlySpan<int> indices]
        => indices.Length == Shape.Rank
            ? _values.Span[Offset(indices)]
            : throw new ArgumentException($"{indices.Length} indices were given for the shape {Shape}.", nameof(indices));

    /// <summary>Copies values.</summary>
    /// <param name="values">The last axis fastest.</param>
    /// <param name="shape">As many values.</param>
    /// <exception cref="ShapeException">The number of values is another one.</exception>
    public static ValueArray Create(ReadOnlySpan<float> values, Shape shape) => new(values.ToArray(), shape);

    /// <summary>The part at the first indices, without a copy: of [H, T, S] at a head its [T, S].</summary>
    /// <param name="indices">Up to one per axis.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside its axis.</exception>
    public ValueArray At(params ReadOnlySpan<int> indices)
    {
        if (indices.Length > Shape.Rank) throw new ArgumentException($"{indices.Length} indices were given for the shape {Shape}.",
            nameof(indices));
        Shape rest = new(Shape.ToArray().AsSpan(indices.Length));
        return new ValueArray(_values.Slice(Offset(indices), rest.Count), rest);
    }

    /// <summary>A copy of all values.</summary>
    public float[] ToArray() => _values.ToArray();

    /// <summary>The values as an array that nobody may change: the one that holds them where it holds nothing else.</summary>
    internal float[] Shared => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(_values, out ArraySegment<float> part)
        && part.Count == part.Array!.Length ? part.Array : ToArray();

    /// <summary>A copy as a tensor of the engine.</summary>
    public Tensor ToTensor() => Tensor.Create(Span, Shape);

    /// <inheritdoc/>
    public override string ToString() => $"ValueArray {Shape}";

    /// <summary>The same values under another shape.</summary>
    internal ValueArray Reshape(params ReadOnlySpan<int> sizes) => new(_values, new Shape(sizes));

    private int Offset(ReadOnlySpan<int> indices)
    {
        int offset = 0, rest = Count;
        for (int axis = 0; axis < indices.Length; axis++)
        {
            int size = Shape[axis], index = indices[axis];
            if ((uint)index >= (uint)size)
                throw new ArgumentOutOfRangeException(nameof(indices), index, $"Axis {axis} of {Shape} has the indices 0 to {size - 1}.");
            rest /= size;
            offset += index * rest;
        }

        return offset;
    }
}
