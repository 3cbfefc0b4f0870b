namespace Heed.Checkpoints;

/// <summary>A tensor whose bytes lie in one piece in an open file.</summary>
internal sealed class FileTensor(string name, DType dtype, long[] shape, ModelFile file, long offset) : RawTensor(name, dtype, shape)
{
    protected override void ReadCore(long start, Span<byte> destination) => file.Read(offset + start, destination);
}
