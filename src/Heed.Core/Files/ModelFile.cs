namespace Heed;

/// <summary>One open file of <see cref="IModelFiles"/>. Reads at an offset are safe from several threads.</summary>
public abstract class ModelFile : IDisposable
{
    /// <summary>Path or address, for errors.</summary>
    public abstract string Path { get; }

    /// <summary>Length when it was opened, in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from byte <paramref name="offset"/> on.</summary>
    /// <exception cref="StorageException">The file ended early, was closed or cannot be read.</exception>
    public abstract void Read(long offset, Span<byte> destination);

    /// <summary>As <see cref="Read"/>, without blocking a thread where the source allows it.</summary>
    /// <param name="offset">First byte, from 0.</param>
    /// <param name="destination">Filled completely.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="StorageException">The file ended early, was closed or cannot be read.</exception>
    public virtual ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Read(offset, destination.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes what the derived class holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>The error of a file that became shorter while it was read.</summary>
    internal static StorageException Shorter(string path, long at)
        => new($"{path}: ended at byte {at} though it was longer when it was opened; another program changed it. Load it again.");
}
