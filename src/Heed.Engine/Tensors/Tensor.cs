using System.Globalization;
using System.Numerics.Tensors;
using System.Text;
using Heed.Engine.Runtime;

namespace Heed.Engine.Tensors;

/// <summary>
/// A dense float32 array of any rank up to <see cref="Shape.MaximumRank"/>, row-major and contiguous. Spans go in and come out;
/// <see cref="Reshape"/> and <see cref="Rows"/> are views on the same memory, everything else copies.
/// </summary>
/// <remarks>
/// A tensor belongs to the <see cref="TensorScope"/> in which it was born and dies with it; without a scope the garbage collector
/// cares for it. Using a tensor that died throws <see cref="ObjectDisposedException"/>. The arithmetic is in <c>Heed.Engine.Kernels</c>.
/// </remarks>
public sealed class Tensor : IDisposable
{
    private readonly int _offset;
    private TensorStorage? _storage;
    private int _references = 1;
    private bool _ownerReleased;

    private Tensor(Shape shape, TensorStorage storage, int offset)
    {
        Shape = shape;
        _storage = storage;
        _offset = offset;
        TensorScope.Current?.Add(this);
    }

    /// <summary>The sizes.</summary>
    public Shape Shape { get; }

    /// <summary>Number of elements.</summary>
    public int Count => Shape.Count;

    /// <summary>The elements, row-major; writable.</summary>
    /// <exception cref="ObjectDisposedException">The tensor died with its scope.</exception>
    public Span<float> Span
    {
        get
        {
            ThrowIfDisposed();
            return _storage!.Span(_offset, Shape.Count);
        }
    }

    internal TensorScope? Scope { get; set; }

    internal int ScopeIndex { get; set; }

    internal bool IsDisposed => _storage is null;

    /// <summary>One element.</summary>
    /// <param name="indices">One index an axis, each from 0 to size − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside its axis, or their number is not the rank.</exception>
    public float this[params ReadOnlySpan<int> indices]
    {
        get => Span[Position(indices)];
        set => Span[Position(indices)] = value;
    }

    /// <summary>A tensor whose content is undefined until it is written.</summary>
    public static Tensor Uninitialized(Shape shape) => new(shape, ComputeContext.Current.TensorPool.Rent(shape.Count), 0);

    /// <inheritdoc cref="Uninitialized(Shape)"/>
    public static Tensor Uninitialized(params ReadOnlySpan<int> sizes) => Uninitialized(new Shape(sizes));

    /// <summary>A tensor of zeros.</summary>
    public static Tensor Zeros(Shape shape) => Full(shape, 0);

    /// <inheritdoc cref="Zeros(Shape)"/>
    public static Tensor Zeros(params ReadOnlySpan<int> sizes) => Full(new Shape(sizes), 0);

    /// <summary>A tensor that holds one value everywhere.</summary>
    public static Tensor Full(Shape shape, float value)
    {
        Tensor tensor = Uninitialized(shape);
        tensor.Span.Fill(value);
        return tensor;
    }

    /// <summary>A scalar (rank 0).</summary>
    public static Tensor Scalar(float value) => Full(new Shape(), value);

    /// <summary>A tensor with a copy of <paramref name="values"/>, row-major.</summary>
    /// <exception cref="ShapeException">The number of values is not that of the shape.</exception>
    public static Tensor Create(ReadOnlySpan<float> values, Shape shape)
    {
        if (values.Length != shape.Count) throw new ShapeException($"Tensor.Create: {values.Length} values do not fill the shape {shape}, which has {shape.Count} elements.");
        Tensor tensor = Uninitialized(shape);
        values.CopyTo(tensor.Span);
        return tensor;
    }

    /// <inheritdoc cref="Create(ReadOnlySpan{float}, Shape)"/>
    public static Tensor Create(ReadOnlySpan<float> values, params ReadOnlySpan<int> sizes) => Create(values, new Shape(sizes));

    /// <summary>A copy of a <c>System.Numerics.Tensors</c> span of any strides.</summary>
    public static Tensor From(in ReadOnlyTensorSpan<float> source)
    {
        int[] sizes = new int[source.Rank];
        for (int i = 0; i < sizes.Length; i++) sizes[i] = checked((int)source.Lengths[i]);
        Tensor tensor = Uninitialized(new Shape(sizes));
        source.FlattenTo(tensor.Span);
        return tensor;
    }

    /// <summary>This memory as a <c>System.Numerics.Tensors</c> span, without a copy.</summary>
    public TensorSpan<float> AsTensorSpan()
    {
        nint[] lengths = new nint[Shape.Rank];
        for (int i = 0; i < lengths.Length; i++) lengths[i] = Shape[i];
        return new TensorSpan<float>(Span, lengths);
    }

    /// <summary>The same elements under another shape: a view, no copy. One size may be −1: it is computed from the others.</summary>
    /// <exception cref="ShapeException">The number of elements differs.</exception>
    public Tensor Reshape(params ReadOnlySpan<int> sizes)
    {
        int[] wanted = sizes.ToArray();
        int open = Array.IndexOf(wanted, -1);
        if (open >= 0)
        {
            long rest = 1;
            for (int i = 0; i < wanted.Length; i++)
                if (i != open) rest *= wanted[i];
            if (rest <= 0 || Count % rest != 0) throw new ShapeException($"Tensor.Reshape: {Shape} cannot be divided into [{string.Join(", ", wanted)}].");
            wanted[open] = (int)(Count / rest);
        }

        Shape shape = new(wanted);
        if (shape.Count != Count) throw new ShapeException($"Tensor.Reshape: {Shape} has {Count} elements and {shape} has {shape.Count}; they must be equal.");
        return View(shape, 0);
    }

    /// <summary>Rows <paramref name="start"/> … <paramref name="start"/> + <paramref name="count"/> − 1 of the first axis: a view, no
    /// copy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all there.</exception>
    public Tensor Rows(int start, int count)
    {
        if (Shape.Rank == 0) throw new ShapeException("Tensor.Rows", "this", Shape, "[R, ...]");
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)start + count, Shape[0], nameof(count));
        int[] sizes = Shape.ToArray();
        sizes[0] = count;
        int row = Shape[0] == 0 ? 0 : Count / Shape[0];
        return View(new Shape(sizes), start * row);
    }

    /// <summary>A copy in memory of its own.</summary>
    public Tensor Clone() => Create(Span, Shape);

    /// <summary>The elements as an array, row-major.</summary>
    public float[] ToArray() => Span.ToArray();

    /// <summary>The only element of a tensor with one.</summary>
    /// <exception cref="ShapeException">There is not exactly one element.</exception>
    public float ToScalar() => Count == 1 ? Span[0] : throw new ShapeException("Tensor.ToScalar", "this", Shape, "one element");

    /// <summary>Lets go of the memory; views and recorded operations that still need it keep it. Calling it twice does nothing.</summary>
    public void Dispose()
    {
        if (_ownerReleased) return;
        _ownerReleased = true;
        Scope?.Remove(this);
        Release();
    }

    /// <summary>Shape and values, corners only where there are many: <c>Tensor [2, 3] {{1, 2, 3}, {4, 5, 6}}</c>.</summary>
    public override string ToString()
    {
        if (IsDisposed) return $"Tensor {Shape} (disposed)";
        StringBuilder text = new($"Tensor {Shape} ");
        Append(text, 0, 0, Count);
        return text.ToString();
    }

    internal Tensor View(Shape shape, int offset)
    {
        ThrowIfDisposed();
        _storage!.Retain();
        return new Tensor(shape, _storage, _offset + offset);
    }

    /// <summary>Takes the tensor out of its scope: whoever calls this disposes it.</summary>
    public Tensor LeaveScope()
    {
        Scope?.Remove(this);
        return this;
    }

    /// <summary>True where no view and no other tensor reads the same memory.</summary>
    internal bool IsSoleOwner => _storage is { References: 1 } && _references == 1;

    internal Tensor Retain()
    {
        ThrowIfDisposed();
        Interlocked.Increment(ref _references);
        return this;
    }

    internal void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0) return;
        TensorStorage? storage = _storage;
        _storage = null;
        storage?.Release();
    }

    internal void ThrowIfDisposed()
    {
        if (_storage is null) throw new ObjectDisposedException(nameof(Tensor), $"The tensor {Shape} died with its scope; Keep it there if it is needed later.");
    }

    private int Position(ReadOnlySpan<int> indices)
    {
        if (indices.Length != Shape.Rank) throw new ArgumentOutOfRangeException(nameof(indices), $"{indices.Length} indices were given for the shape {Shape}.");
        int at = 0;
        for (int i = 0; i < indices.Length; i++)
        {
            if ((uint)indices[i] >= (uint)Shape[i]) throw new ArgumentOutOfRangeException(nameof(indices), $"Index {indices[i]} is outside axis {i} of {Shape}.");
            at = (at * Shape[i]) + indices[i];
        }

        return at;
    }

    private void Append(StringBuilder text, int axis, int start, int count)
    {
        const int Edge = 3;
        if (axis == Shape.Rank)
        {
            text.Append(Span[start].ToString("G6", CultureInfo.InvariantCulture));
            return;
        }

        int size = Shape[axis];
        int step = size == 0 ? 0 : count / size;
        text.Append('{');
        for (int i = 0; i < size; i++)
        {
            if (i > 0) text.Append(", ");
            if (size > 2 * Edge && i == Edge)
            {
                text.Append("…, ");
                i = size - Edge;
            }

            Append(text, axis + 1, start + (i * step), step);
        }

        text.Append('}');
    }
}
