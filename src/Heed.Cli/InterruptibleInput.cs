namespace Heed.Cli;

/// <summary>A stream whose reads end when the command is interrupted: a read of the standard input itself waits for the writer at the other
/// end, however long.</summary>
internal sealed class InterruptibleInput(Stream inner, CancellationToken cancellationToken) : Stream
{
    private byte[] _bytes = [];

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="OperationCanceledException">The command was interrupted; the pending read is abandoned.</exception>
    public override int Read(byte[] buffer, int offset, int count)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // Into bytes of its own: an abandoned read may still write there.
        if (_bytes.Length < count) _bytes = new byte[count];
        byte[] bytes = _bytes;
        Task<int> read = Task.Run(() => inner.Read(bytes, 0, count), CancellationToken.None);
        try
        {
            read.Wait(cancellationToken);
        }
        catch (AggregateException e) when (e.InnerException is { } fault)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
        }

        int length = read.GetAwaiter().GetResult();
        bytes.AsSpan(0, length).CopyTo(buffer.AsSpan(offset));
        return length;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
