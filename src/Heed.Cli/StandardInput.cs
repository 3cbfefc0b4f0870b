using System.Buffers;
using System.Text.Unicode;

namespace Heed.Cli;

/// <summary>Standard input as text: strict UTF-8, and an error names the byte. A byte-order mark at the beginning is left out.</summary>
/// <param name="stream">The bytes; they stay the caller's.</param>
internal sealed class StandardInput(Stream stream) : TextReader
{
    private readonly byte[] _bytes = new byte[16 << 10];
    private readonly char[] _characters = new char[16 << 10];
    private int _byteCount, _at, _count;
    private long _consumed;
    private long _line = 1;
    private bool _ended, _wrong;

    /// <inheritdoc/>
    /// <exception cref="InputException">The next bytes are not UTF-8.</exception>
    /// <exception cref="StorageException">The input cannot be read.</exception>
    public override int Peek() => _at < _count || Fill() ? _characters[_at] : -1;

    /// <inheritdoc/>
    /// <inheritdoc cref="Peek" path="/exception"/>
    public override int Read() => _at < _count || Fill() ? _characters[_at++] : -1;

    /// <inheritdoc/>
    /// <inheritdoc cref="Peek" path="/exception"/>
    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    /// <inheritdoc/>
    /// <inheritdoc cref="Peek" path="/exception"/>
    public override int Read(Span<char> buffer)
    {
        if (buffer.IsEmpty || (_at >= _count && !Fill())) return 0;
        int length = Math.Min(buffer.Length, _count - _at);
        _characters.AsSpan(_at, length).CopyTo(buffer);
        _at += length;
        return length;
    }

    /// <summary>Decodes the next bytes; false at the end.</summary>
    private bool Fill()
    {
        (_at, _count) = (0, 0);
        while (_count == 0)
        {
            // What stood before the wrong byte was given out first.
            if (_wrong) throw new InputException(FormattableString.Invariant($"standard input: byte {_consumed}, in line {_line}, is not UTF-8. Convert the text (iconv -t utf-8) and try again."));
            if (!_ended && _byteCount < _bytes.Length) Receive();
            if (_consumed == 0 && _byteCount >= 3 && _bytes.AsSpan(0, 3).SequenceEqual((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) Consume(3);
            if (_byteCount == 0 && _ended) return false;
            OperationStatus status = Utf8.ToUtf16(_bytes.AsSpan(0, _byteCount), _characters, out int read, out _count, replaceInvalidSequences: false, isFinalBlock: _ended);
            Consume(read);
            _wrong = status == OperationStatus.InvalidData;
            _line += _characters.AsSpan(0, _count).Count('\n');
        }

        return true;
    }

    private void Receive()
    {
        try
        {
            int read = stream.Read(_bytes, _byteCount, _bytes.Length - _byteCount);
            _byteCount += read;
            _ended = read == 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"standard input: cannot be read: {e.Message}", e);
        }
    }

    private void Consume(int bytes)
    {
        _bytes.AsSpan(bytes, _byteCount - bytes).CopyTo(_bytes);
        _byteCount -= bytes;
        _consumed += bytes;
    }
}
