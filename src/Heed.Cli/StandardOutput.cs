namespace Heed.Cli;

/// <summary>A stream of the console. Where the result cannot be written (a full disk), that is an error of exit code 5; what cannot be said
/// on the error stream is lost.</summary>
/// <param name="inner">The console's stream.</param>
/// <param name="isError">True for the error stream.</param>
internal sealed class StandardOutput(Stream inner, bool isError) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="StorageException">The output cannot be written.</exception>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="StorageException">The output cannot be written.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!isError) throw new StorageException($"standard output: cannot be written: {e.Message.TrimEnd('.')}. Make room, or send it elsewhere.", e);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        // Every write goes through at once.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
