namespace Heed.Checkpoints.Gguf;

/// <summary>A matrix that a GGUF file stores in blocks, as it is stored: rows of whole blocks, one after another.</summary>
/// <param name="type">The blocks.</param>
/// <param name="read">Fills a buffer with stored bytes from an offset on.</param>
internal sealed class StoredBlocks(GgufType type, Action<long, Span<byte>> read)
{
    /// <summary>The blocks.</summary>
    public GgufType Type => type;

    /// <summary>True where the stored rows are the columns of the tensor that offers them.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>Fills a buffer with stored bytes from an offset on.</summary>
    public void Read(long start, Span<byte> destination) => read(start, destination);
}
