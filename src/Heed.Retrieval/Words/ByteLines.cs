namespace Heed.Retrieval;

/// <summary>A file as lines of bytes and runs of bytes, through one buffer that grows with the longest of them.</summary>
/// <param name="path">For errors.</param>
/// <param name="stream">The file; it stays the caller's to dispose.</param>
internal sealed class ByteLines(string path, FileStream stream) : IDisposable
{
    private const int Longest = 1 << 28, Peek = 1 << 20;
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end;
    private long _line;

    /// <summary>Bytes of the file.</summary>
    public long Length { get; } = stream.Length;

    /// <summary>Bytes taken.</summary>
    public long Position => stream.Position - (_end - _start);

    /// <summary>The line taken last, for errors.</summary>
    public string Where => $"line {_line}";

    /// <summary>The next line, without its line feed.</summary>
    public bool TryLine(out ReadOnlySpan<byte> line)
    {
        _line++;
        if (TryUntil((byte)'\n', out line)) return true;
        line = _buffer.AsSpan(_start, _end - _start);
        _start = _end;
        return !line.IsEmpty;
    }

    /// <summary>The bytes before the next of a kind, which is taken too; false, and nothing taken, where none comes.</summary>
    public bool TryUntil(byte end, out ReadOnlySpan<byte> bytes)
    {
        int searched = 0;
        while (true)
        {
            int found = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf(end);
            if (found >= 0)
            {
                bytes = _buffer.AsSpan(_start, searched + found);
                _start += searched + found + 1;
                return true;
            }

            searched = _end - _start;
            if (Fill()) continue;
            bytes = default;
            return false;
        }
    }

    /// <summary>Some bytes; false where there are fewer.</summary>
    public bool TryTake(int count, out ReadOnlySpan<byte> bytes)
    {
        while (_end - _start < count)
        {
            if (Fill()) continue;
            bytes = default;
            return false;
        }

        bytes = _buffer.AsSpan(_start, count);
        _start += count;
        return true;
    }

    /// <summary>A question about a line.</summary>
    public delegate bool LineTest(ReadOnlySpan<byte> line);

    /// <summary>Asks about the next line without taking it; a line beyond a mebibyte is none.</summary>
    public bool LooksLikeText(LineTest test)
    {
        int end;
        while ((end = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n')) < 0 && _end - _start < Peek)
            if (!Fill()) break;
        if (end < 0 && _end - _start >= Peek) return false;
        return test(_buffer.AsSpan(_start, end < 0 ? _end - _start : end));
    }

    /// <summary>Begins anew.</summary>
    public void Restart()
    {
        stream.Position = 0;
        (_start, _end, _line) = (0, 0, 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer = [];

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            if (_end >= Longest) throw new InvalidFileException(path, Where, $"is longer than {Printable.Bytes(Longest)}; a word and its "
                + "numbers were expected");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        try
        {
            int read = stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            return read > 0;
        }
        catch (IOException e)
        {
            throw new StorageException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
