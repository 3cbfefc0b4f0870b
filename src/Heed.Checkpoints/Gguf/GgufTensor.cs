using System.Buffers;
using System.Runtime.InteropServices;

namespace Heed.Checkpoints.Gguf;

/// <summary>A tensor of a GGUF file. Plain numbers are read as they are stored; blocks are read as float32, turned into numbers block by
/// block while they are read.</summary>
/// <param name="name">The file's name for it.</param>
/// <param name="type">How it is stored.</param>
/// <param name="sizes">The sizes, outermost first.</param>
/// <param name="file">The open file.</param>
/// <param name="offset">First byte in the file.</param>
internal sealed class GgufTensor(string name, GgufType type, long[] sizes, ModelFile file, long offset)
    : RawTensor(name, type.Plain() ?? DType.F32, sizes)
{
    private const int BlocksAtOnce = 256;

    /// <summary>How it is stored.</summary>
    public GgufType StoredType => type;

    /// <summary>Bytes in the file.</summary>
    public long StoredBytes => ElementCount / type.BlockValues() * type.BlockBytes();

    /// <summary>Reads stored bytes, blocks as they are.</summary>
    public void ReadStored(long start, Span<byte> destination) => file.Read(offset + start, destination);

    internal override StoredBlocks? Blocks => type.Plain() is null ? new StoredBlocks(type, ReadStored) : null;

    protected override void ReadCore(long start, Span<byte> destination)
    {
        if (type.Plain() is not null)
        {
            file.Read(offset + start, destination);
            return;
        }

        (int values, int bytes) = (type.BlockValues(), type.BlockBytes());
        long block = start / (4L * values);
        int skip = (int)(start % (4L * values));
        byte[] stored = ArrayPool<byte>.Shared.Rent(BlocksAtOnce * bytes);
        float[] numbers = ArrayPool<float>.Shared.Rent(BlocksAtOnce * values);
        try
        {
            while (!destination.IsEmpty)
            {
                int count = (int)Math.Min(BlocksAtOnce, ((long)destination.Length + skip + (4 * values) - 1) / (4 * values));
                file.Read(offset + (block * bytes), stored.AsSpan(0, count * bytes));
                Span<float> read = numbers.AsSpan(0, count * values);
                GgufBlocks.Dequantize(type, stored.AsSpan(0, count * bytes), read);
                ReadOnlySpan<byte> ready = MemoryMarshal.AsBytes(read)[skip..];
                int taken = Math.Min(ready.Length, destination.Length);
                ready[..taken].CopyTo(destination);
                destination = destination[taken..];
                block += count;
                skip = 0;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
            ArrayPool<float>.Shared.Return(numbers);
        }
    }
}
