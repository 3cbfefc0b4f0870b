using System.Buffers;

namespace Heed.Checkpoints.Gguf;

/// <summary>The tensors of a file under Hugging Face's names, in its layout: rows of LLaMA's queries and keys in its order, GPT-2's
/// matrices
/// input-major.</summary>
internal static class GgufWeights
{
    private const string FrequencyFactors = "rope_freqs.weight";

    /// <summary>All tensors that belong to the model; others keep their names.</summary>
    public static IReadOnlyList<RawTensor> Of(GgufFile file)
    {
        GgufMetadata metadata = new(file);
        string architecture = metadata.Architecture;
        if (!GgufNames.IsKnown(architecture)) return file.Tensors;
        List<RawTensor> tensors = [];
        foreach (GgufTensor tensor in file.Tensors)
        {
            if (tensor.Name == FrequencyFactors) continue; // a part of the configuration
            string? name = GgufNames.ToHub(architecture, tensor.Name);
            tensors.Add(name is null ? tensor : Laid(metadata, tensor).Rename(name));
        }

        return tensors;
    }

    /// <summary>The factors that divide the frequencies of the rotation; null if there are none.</summary>
    public static float[]? FrequencyFactorsOf(GgufFile file) => file.TryGet(FrequencyFactors, out GgufTensor? tensor) ? tensor.ToFloats()
        : null;

    /// <summary>The number of values of a row of a matrix, or of a vector: the file may state further dimensions of 1.</summary>
    private static RawTensor Laid(GgufMetadata metadata, GgufTensor tensor)
    {
        bool isVector = tensor.Name.EndsWith(".bias", StringComparison.Ordinal)
            || tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal);
        RawTensor shaped = tensor;
        int rank = isVector ? 1 : 2;
        if (tensor.Sizes.Length > rank && tensor.Sizes.AsSpan(0, tensor.Sizes.Length - rank).IndexOfAnyExcept(1L) < 0)
            shaped = new ReshapedTensor(tensor, tensor.Sizes[^rank..]);
        bool queries = tensor.Name.Contains("attn_q.", StringComparison.Ordinal),
            keys = tensor.Name.Contains("attn_k.", StringComparison.Ordinal);
        if (metadata.Architecture == "llama" && (queries || keys))
        {
            int heads = metadata.Size(metadata.Key("attention.head_count"), int.MaxValue);
            if (keys) heads = metadata.Whole(metadata.Key("attention.head_count_kv"), 1, int.MaxValue) ?? heads;
            if (shaped.Sizes.Length == 0 || shaped.Sizes[0] % (2L * heads) != 0)
            {
                throw new InvalidFileException(metadata.File.Path, $"tensor '{tensor.Name}'",
                    $"has the shape [{string.Join(", ", shaped.Sizes)}], which {heads} heads of an even width do not divide. Write "
                        + $"the file again");
            }

            return new RotatedRowsTensor(shaped, heads);
        }

        return metadata.Architecture == "gpt2" && shaped.Sizes.Length == 2 && tensor.Name.StartsWith("blk.", StringComparison.Ordinal)
            ? new TransposedTensor(shaped) : shaped;
    }

    /// <summary>The same values in another shape.</summary>
    private sealed class ReshapedTensor(RawTensor inner, long[] shape) : RawTensor(inner.Name, inner.DType, shape)
    {
        internal override StoredBlocks? Blocks => inner.Blocks;

        protected override void ReadCore(long start, Span<byte> destination) => inner.ReadBytes(start, destination);
    }
}

/// <summary>
/// Rows of queries or keys: row i + j·half of a head here is row 2i + j of the file, whose rotation pairs neighbours.
/// </summary>
/// <param name="inner">[H·K, …].</param>
/// <param name="heads">H.</param>
/// <param name="inverse">True for the way into a file.</param>
internal sealed class RotatedRowsTensor(RawTensor inner, int heads, bool inverse = false) : RawTensor(inner.Name, inner.DType, inner.Sizes)
{
    internal override StoredBlocks? Blocks => inner.Blocks is not { IsTransposed: false } blocks ? null
        : new StoredBlocks(blocks.Type, (start, destination) => Read(
            start, destination, ElementCount / Sizes[0] / blocks.Type.BlockValues() * blocks.Type.BlockBytes(), blocks.Read));

    protected override void ReadCore(long start, Span<byte> destination)
        => Read(start, destination, ByteLength / Math.Max(1, Sizes[0]), inner.ReadBytes);

    private void Read(long start, Span<byte> destination, long rowBytes, Action<long, Span<byte>> read)
    {
        long width = Sizes[0] / heads, half = width / 2;
        while (!destination.IsEmpty)
        {
            long row = start / rowBytes, within = start % rowBytes, head = row / width, at = row % width;
            long source = inverse ? (at % 2 * half) + (at / 2) : (at % half * 2) + (at / half);
            int count = (int)Math.Min(rowBytes - within, destination.Length);
            read((((head * width) + source) * rowBytes) + within, destination[..count]);
            destination = destination[count..];
            start += count;
        }
    }
}

/// <summary>A matrix transposed.</summary>
internal sealed class TransposedTensor(RawTensor inner)
    : GatheredTensor(inner.Name, inner.DType, [inner.Sizes[1], inner.Sizes[0]])
{
    internal override StoredBlocks? Blocks => inner.Blocks is { } blocks
        ? new StoredBlocks(blocks.Type, blocks.Read) { IsTransposed = !blocks.IsTransposed } : null;

    protected override byte[] Gather()
    {
        if (ByteLength > Array.MaxLength)
            throw new BudgetException($"Tensor '{Name}' has {Printable.Bytes(ByteLength)}, more than one array holds.");
        int width = DType.Bits() / 8, rows = (int)Sizes[1], columns = (int)Sizes[0];
        byte[] source = ArrayPool<byte>.Shared.Rent(Math.Max(1, columns * width)), target = new byte[ByteLength];
        for (int row = 0; row < rows; row++)
        {
            Span<byte> values = source.AsSpan(0, columns * width);
            inner.ReadBytes((long)row * columns * width, values);
            for (int column = 0; column < columns; column++)
                values.Slice(column * width, width).CopyTo(target.AsSpan(((column * rows) + row) * width));
        }

        ArrayPool<byte>.Shared.Return(source);
        return target;
    }
}
