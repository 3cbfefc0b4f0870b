using Microsoft.Win32.SafeHandles;

namespace Heed.Checkpoints;

/// <summary>Bounded reads at an offset of an open file. No memory map: a mapped file that shrinks kills the process.</summary>
internal static class FileRange
{
    /// <summary>Fills <paramref name="destination"/> from byte <paramref name="offset"/> of the file.</summary>
    /// <exception cref="StorageException">The file ended early, was closed or cannot be read.</exception>
    public static void Read(SafeFileHandle handle, string file, long offset, Span<byte> destination)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int read = RandomAccess.Read(handle, destination, offset);
                if (read == 0) throw new StorageException($"{file}: ended at byte {offset} though it was longer when it was opened; another program changed it. Load it again.");
                destination = destination[read..];
                offset += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{file}: byte {offset}: cannot be read: {e.Message}", e);
        }
    }
}

/// <summary>A tensor whose bytes lie in one piece in an open file.</summary>
internal sealed class FileTensor(string name, DType dtype, long[] shape, SafeFileHandle handle, string file, long offset) : RawTensor(name, dtype, shape)
{
    protected override void ReadCore(long start, Span<byte> destination) => FileRange.Read(handle, file, offset + start, destination);
}
