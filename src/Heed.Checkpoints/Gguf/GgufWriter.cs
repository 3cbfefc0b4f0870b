using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Heed.Checkpoints.Gguf;

/// <summary>One tensor to be written.</summary>
/// <param name="Tensor">Its name in the file, shape and values.</param>
/// <param name="Type">How it is stored; its rows are whole blocks.</param>
internal readonly record struct GgufEntry(RawTensor Tensor, GgufType Type);

/// <summary>Writes GGUF files, version 3.</summary>
internal static class GgufWriter
{
    private const int Alignment = 32;
    private const int ValuesAtOnce = 1 << 18;

    /// <summary>Writes a whole file, atomically; tensors are read and stored in parts.</summary>
    /// <param name="path">The file; an old one is replaced at the end.</param>
    /// <param name="metadata">Keys and values in their order.</param>
    /// <param name="tensors">Tensors in their order.</param>
    /// <param name="progress">Receives the values written so far; may be null.</param>
    /// <param name="cancellationToken">Stops between parts; the old file stays.</param>
    /// <exception cref="ArgumentException">A row does not fill whole blocks of its type.</exception>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public static void Write(
        string path, IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufEntry> tensors,
            IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        foreach ((RawTensor tensor, GgufType type) in tensors)
        {
            if (tensor.Sizes.Length == 0 || tensor.Sizes[^1] % type.BlockValues() != 0)
                throw new ArgumentException($"Tensor {tensor} does not fill whole blocks of {type.BlockValues()} values of {type}.",
                    nameof(tensors));
        }

        DurableFile.Write(path, stream =>
        {
            byte[] header = Header(metadata, tensors);
            stream.Write(header);
            Pad(stream, header.Length);
            long written = 0;
            foreach (GgufEntry entry in tensors) Write(stream, entry, ref written, progress, cancellationToken);
        });
    }

    /// <summary>Bytes of a tensor in the file, without padding.</summary>
    public static long BytesOf(GgufEntry entry) => entry.Tensor.ElementCount / entry.Type.BlockValues() * entry.Type.BlockBytes();

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Pad(Stream stream, long written) => stream.Write(new byte[Aligned(written) - written]);

    private static byte[] Header(IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufEntry> tensors)
    {
        using MemoryStream stream = new();
        stream.Write("GGUF"u8);
        U32(stream, 3);
        U64(stream, (ulong)tensors.Count);
        U64(stream, (ulong)metadata.Count);
        foreach ((string key, GgufValue value) in metadata)
        {
            Text(stream, key);
            U32(stream, (uint)value.Type);
            Value(stream, value);
        }

        long offset = 0;
        foreach (GgufEntry entry in tensors)
        {
            Text(stream, entry.Tensor.Name);
            U32(stream, (uint)entry.Tensor.Sizes.Length);
            for (int d = entry.Tensor.Sizes.Length - 1; d >= 0; d--) U64(stream, (ulong)entry.Tensor.Sizes[d]);
            U32(stream, (uint)entry.Type);
            U64(stream, (ulong)offset);
            offset += Aligned(BytesOf(entry));
        }

        return stream.ToArray();
    }

    private static void Write(Stream stream, GgufEntry entry, ref long written, IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        (int values, int bytes) = (entry.Type.BlockValues(), entry.Type.BlockBytes());
        float[] numbers = ArrayPool<float>.Shared.Rent(ValuesAtOnce);
        byte[] blocks = ArrayPool<byte>.Shared.Rent(ValuesAtOnce / values * bytes);
        try
        {
            long count = entry.Tensor.ElementCount;
            for (long at = 0; at < count;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int part = (int)Math.Min(ValuesAtOnce, count - at);
                Span<byte> stored = blocks.AsSpan(0, part / values * bytes);
                entry.Tensor.ReadFloats(at, numbers.AsSpan(0, part));
                GgufBlocks.Quantize(entry.Type, numbers.AsSpan(0, part), stored);
                stream.Write(stored);
                at += part;
                written += part;
                progress?.Report(written);
            }

            Pad(stream, BytesOf(entry));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(numbers);
            ArrayPool<byte>.Shared.Return(blocks);
        }
    }

    private static void U32(MemoryStream stream, uint value)
    {
        Span<byte> b = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(b, value);
        stream.Write(b);
    }

    private static void U64(MemoryStream stream, ulong value)
    {
        Span<byte> b = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(b, value);
        stream.Write(b);
    }

    private static void Text(MemoryStream stream, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        U64(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    // Only the types that are written here: strings, truth values, 32-bit numbers, and arrays of them.
    private static void Value(MemoryStream stream, GgufValue value)
    {
        switch (value.Value)
        {
            case string text:
                Text(stream, text);
                break;
            case bool flag:
                stream.WriteByte(flag ? (byte)1 : (byte)0);
                break;
            case decimal whole when value.Type == GgufValueType.U32:
                U32(stream, (uint)whole);
                break;
            case double number when value.Type == GgufValueType.F32:
                U32(stream, BitConverter.SingleToUInt32Bits((float)number));
                break;
            case string[] texts:
                Begin(GgufValueType.String, texts.Length);
                foreach (string text in texts) Text(stream, text);
                break;
            case long[] wholes:
                Begin(GgufValueType.I32, wholes.Length);
                foreach (long whole in wholes) U32(stream, (uint)(int)whole);
                break;
            case double[] numbers:
                Begin(GgufValueType.F32, numbers.Length);
                foreach (double number in numbers) U32(stream, BitConverter.SingleToUInt32Bits((float)number));
                break;
            default:
                throw new ArgumentException($"{value} cannot be written.", nameof(value));
        }

        void Begin(GgufValueType element, int count)
        {
            U32(stream, (uint)element);
            U64(stream, (ulong)count);
        }
    }
}
