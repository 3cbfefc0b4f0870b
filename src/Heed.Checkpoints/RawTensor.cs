using System.Buffers;
using System.Runtime.InteropServices;

namespace Heed.Checkpoints;

/// <summary>
/// A named tensor as it is stored: dtype, shape and bytes (row-major, little-endian), read lazily and in parts, so that a folder is copied
/// byte for byte and a large file needs little memory. Reading is safe from several threads.
/// </summary>
public abstract class RawTensor
{
    /// <summary>Largest rank accepted: PyTorch's own limit.</summary>
    public const int MaximumRank = 64;

    /// <summary>Largest size of one dimension accepted: 2⁴⁸ elements.</summary>
    public const long MaximumDimension = 1L << 48;

    private const int ChunkBytes = 1 << 20;

    /// <summary>Describes a tensor; the derived class supplies the bytes.</summary>
    /// <exception cref="ArgumentException">The shape is negative, too large or of too high a rank.</exception>
    protected RawTensor(string name, DType dtype, long[] shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(shape);
        if (!dtype.TryMeasure(shape, out long elements, out long bytes))
            throw new ArgumentException($"Tensor '{name}': the shape [{string.Join(", ", shape)}] is not possible for {dtype.Name()}.", nameof(shape));
        (Name, DType, Sizes, ElementCount, ByteLength) = (name, dtype, shape, elements, bytes);
    }

    /// <summary>The key in the checkpoint.</summary>
    public string Name { get; }

    /// <summary>How the elements are stored.</summary>
    public DType DType { get; }

    /// <summary>The sizes, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => Sizes;

    internal long[] Sizes { get; }

    /// <summary>The product of <see cref="Shape"/>, in elements.</summary>
    public long ElementCount { get; }

    /// <summary>The size of the stored data, in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>The blocks of a GGUF file behind these numbers; null where there are none.</summary>
    internal virtual Gguf.StoredBlocks? Blocks => null;

    /// <summary>A tensor over bytes in memory, which are not copied.</summary>
    /// <exception cref="ArgumentException">The bytes do not fill the shape exactly.</exception>
    public static RawTensor FromBytes(string name, DType dtype, long[] shape, ReadOnlyMemory<byte> bytes) => new MemoryTensor(name, dtype, shape, bytes);

    /// <summary>A float32 tensor over numbers in memory, which are not copied.</summary>
    /// <exception cref="ArgumentException">The numbers do not fill the shape exactly.</exception>
    public static RawTensor FromFloats(string name, long[] shape, ReadOnlyMemory<float> values) => new FloatTensor(name, shape, values);

    /// <summary>Reads stored bytes.</summary>
    /// <param name="start">First byte, from 0.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the tensor.</exception>
    /// <exception cref="HeedException">The file cannot be read or was changed.</exception>
    public void ReadBytes(long start, Span<byte> destination)
    {
        if (start < 0 || start > ByteLength - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(start), $"Tensor '{Name}' has {ByteLength} bytes; {destination.Length} from {start} were asked.");
        if (!destination.IsEmpty) ReadCore(start, destination);
    }

    /// <summary>Reads the whole tensor as float32.</summary>
    /// <param name="destination">[<see cref="ElementCount"/>].</param>
    /// <inheritdoc cref="ReadFloats(long, Span{float})" path="/exception"/>
    public void ReadFloats(Span<float> destination)
    {
        if (destination.Length != ElementCount)
            throw new ArgumentException($"Tensor '{Name}' has {ElementCount} elements; the destination holds {destination.Length}.", nameof(destination));
        ReadFloats(0, destination);
    }

    /// <summary>Reads elements as float32: exact from float16, bfloat16 and 8-bit floats, rounded to nearest from float64 and
    /// integers.</summary>
    /// <param name="start">First element, from 0.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the tensor.</exception>
    /// <exception cref="InputException">The stored type has no conversion (floats of less than 8 bits, complex numbers).</exception>
    /// <exception cref="HeedException">The file cannot be read or was changed.</exception>
    public void ReadFloats(long start, Span<float> destination)
    {
        if (start < 0 || start > ElementCount - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(start), $"Tensor '{Name}' has {ElementCount} elements; {destination.Length} from {start} were asked.");
        if (DType == DType.F32)
        {
            ReadBytes(start * 4, MemoryMarshal.AsBytes(destination));
            return;
        }

        if (!FloatConversion.CanRead(DType))
            throw new InputException($"Tensor '{Name}' is stored as {DType.Name()}, which cannot be read as float32; convert the checkpoint to F32, F16 or BF16 first.");
        int width = DType.Bits() / 8;
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(ChunkBytes, Math.Max(1, (long)destination.Length * width)));
        try
        {
            int most = buffer.Length / width;
            while (!destination.IsEmpty)
            {
                int count = Math.Min(most, destination.Length);
                Span<byte> bytes = buffer.AsSpan(0, count * width);
                ReadBytes(start * width, bytes);
                FloatConversion.ToFloats(DType, bytes, destination[..count]);
                destination = destination[count..];
                start += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>True if another tensor is stored in the same type and shape with the same bytes.</summary>
    internal bool HasEqualData(RawTensor other)
    {
        if (DType != other.DType || !Sizes.AsSpan().SequenceEqual(other.Sizes)) return false;
        byte[] left = new byte[(int)Math.Min(ChunkBytes, ByteLength)], right = new byte[left.Length];
        for (long at = 0; at < ByteLength; at += ChunkBytes)
        {
            int count = (int)Math.Min(ChunkBytes, ByteLength - at);
            ReadBytes(at, left.AsSpan(0, count));
            other.ReadBytes(at, right.AsSpan(0, count));
            if (!left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count))) return false;
        }

        return true;
    }

    /// <summary>The stored bytes, in one array.</summary>
    /// <exception cref="BudgetException">The tensor is larger than one array can be.</exception>
    public byte[] ToBytes()
    {
        if (ByteLength > Array.MaxLength) throw new BudgetException($"Tensor '{Name}' has {Printable.Bytes(ByteLength)}, more than one array holds; read it in parts.");
        byte[] bytes = new byte[ByteLength];
        ReadBytes(0, bytes);
        return bytes;
    }

    /// <summary>All elements as float32, in one array.</summary>
    /// <exception cref="BudgetException">The tensor is larger than one array can be.</exception>
    public float[] ToFloats()
    {
        if (ElementCount > Array.MaxLength) throw new BudgetException($"Tensor '{Name}' has {ElementCount} elements, more than one array holds; read it in parts.");
        float[] values = new float[ElementCount];
        ReadFloats(0, values);
        return values;
    }

    /// <summary>Writes the stored bytes to a stream, in chunks of at most 1 MiB.</summary>
    /// <exception cref="HeedException">The source file cannot be read or was changed.</exception>
    public void CopyTo(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(ChunkBytes, Math.Max(1, ByteLength)));
        try
        {
            for (long at = 0; at < ByteLength;)
            {
                int count = (int)Math.Min(buffer.Length, ByteLength - at);
                ReadBytes(at, buffer.AsSpan(0, count));
                stream.Write(buffer, 0, count);
                at += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The same data under another name.</summary>
    public RawTensor Rename(string name) => name == Name ? this : new RenamedTensor(name, this);

    /// <summary>
    /// The same numbers stored as another float type, converted while they are read: float32 to float16 or bfloat16 rounds to nearest, ties
    /// to even. A tensor of this type already, or one that holds no floats (integers, masks), is returned as it is.
    /// </summary>
    /// <param name="dtype">F32, F16 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> is another type.</exception>
    public RawTensor As(DType dtype)
    {
        if (dtype is not (DType.F32 or DType.F16 or DType.BF16)) throw new ArgumentException($"{dtype.Name()} is not a target of conversion; use F32, F16 or BF16.", nameof(dtype));
        return dtype == DType || !DType.IsFloat() ? this : new ConvertedTensor(this, dtype);
    }

    /// <summary>Name, type and shape, as in <c>wte.weight F32 [50257, 768]</c>.</summary>
    public override string ToString() => $"{Name} {DType.Name()} [{string.Join(", ", Shape)}]";

    /// <summary>Fills <paramref name="destination"/>, not empty, from byte <paramref name="start"/> on; the range is already
    /// checked.</summary>
    protected abstract void ReadCore(long start, Span<byte> destination);

    private sealed class MemoryTensor : RawTensor
    {
        private readonly ReadOnlyMemory<byte> _bytes;

        public MemoryTensor(string name, DType dtype, long[] shape, ReadOnlyMemory<byte> bytes)
            : base(name, dtype, shape)
        {
            if (bytes.Length != ByteLength) throw new ArgumentException($"Tensor {this} needs {ByteLength} bytes; {bytes.Length} were given.", nameof(bytes));
            _bytes = bytes;
        }

        protected override void ReadCore(long start, Span<byte> destination) => _bytes.Span.Slice((int)start, destination.Length).CopyTo(destination);
    }

    private sealed class FloatTensor : RawTensor
    {
        private readonly ReadOnlyMemory<float> _values;

        public FloatTensor(string name, long[] shape, ReadOnlyMemory<float> values)
            : base(name, DType.F32, shape)
        {
            if (values.Length != ElementCount) throw new ArgumentException($"Tensor {this} needs {ElementCount} elements; {values.Length} were given.", nameof(values));
            _values = values;
        }

        // By elements, not by one cast of the whole: more than 2 GiB of floats does not fit a span of bytes.
        protected override void ReadCore(long start, Span<byte> destination)
        {
            int first = (int)(start / 4), last = (int)((start + destination.Length + 3) / 4);
            MemoryMarshal.AsBytes(_values.Span[first..last]).Slice((int)(start % 4), destination.Length).CopyTo(destination);
        }
    }

    private sealed class RenamedTensor(string name, RawTensor inner) : RawTensor(name, inner.DType, inner.Sizes)
    {
        internal override Gguf.StoredBlocks? Blocks => inner.Blocks;

        protected override void ReadCore(long start, Span<byte> destination) => inner.ReadCore(start, destination);
    }

    private sealed class ConvertedTensor(RawTensor inner, DType dtype) : RawTensor(inner.Name, dtype, inner.Sizes)
    {
        protected override void ReadCore(long start, Span<byte> destination)
        {
            int width = DType.Bits() / 8;
            int skip = (int)(start % width);
            long element = start / width;
            float[] floats = ArrayPool<float>.Shared.Rent(Math.Min(ChunkBytes / 4, (destination.Length / width) + 2));
            byte[] bytes = ArrayPool<byte>.Shared.Rent(floats.Length * width);
            try
            {
                while (!destination.IsEmpty)
                {
                    int count = (int)Math.Min(floats.Length, ((long)destination.Length + skip + width - 1) / width);
                    inner.ReadFloats(element, floats.AsSpan(0, count));
                    FloatConversion.FromFloats(DType, floats.AsSpan(0, count), bytes.AsSpan(0, count * width));
                    int taken = Math.Min((count * width) - skip, destination.Length);
                    bytes.AsSpan(skip, taken).CopyTo(destination);
                    destination = destination[taken..];
                    element += count;
                    skip = 0;
                }
            }
            finally
            {
                ArrayPool<float>.Shared.Return(floats);
                ArrayPool<byte>.Shared.Return(bytes);
            }
        }
    }
}
