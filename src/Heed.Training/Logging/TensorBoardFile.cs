using System.Buffers.Binary;
using System.Text;

namespace Heed.Training.Logging;

/// <summary>A TensorBoard event file: TFRecord framing around <c>tensorflow.Event</c> messages with scalar summaries.</summary>
/// <remarks>Record: length (uint64), masked CRC-32C of it, data, masked CRC-32C of the data. Event: wall_time = 1 (double), step = 2
/// (varint), summary = 5 { value = 1 { tag = 1, simple_value = 2 } }, file_version = 3, session_log = 7 { status = 1 }.</remarks>
internal sealed class TensorBoardFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly TimeProvider _clock;

    /// <summary>Begins a file in a folder; one that resumes after a step marks what earlier files hold of later ones as dropped.</summary>
    public TensorBoardFile(string folder, long afterStep, TimeProvider clock)
    {
        _clock = clock;
        Directory.CreateDirectory(folder);
        long seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        _stream = new FileStream(Path.Combine(folder, FormattableString.Invariant($"events.out.tfevents.{seconds:D10}.heed")), FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        using MemoryStream message = new();
        Double(message, 1, seconds);
        Text(message, 3, "brain.Event:2");
        Record(message);
        if (afterStep == 0) return;
        using MemoryStream session = new(), restart = new();
        session.WriteByte(1 << 3);
        session.WriteByte(1);   // START
        Double(restart, 1, seconds);
        restart.WriteByte(2 << 3);
        Varint(restart, (ulong)afterStep + 1);
        Bytes(restart, 7, session);
        Record(restart);
    }

    public void Scalar(long step, string tag, double value)
    {
        using MemoryStream scalar = new();
        Text(scalar, 1, tag);
        scalar.WriteByte((2 << 3) | 5);
        Span<byte> bits = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bits, (float)value);
        scalar.Write(bits);
        using MemoryStream summary = new();
        Bytes(summary, 1, scalar);
        using MemoryStream message = new();
        Double(message, 1, _clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        message.WriteByte(2 << 3);
        Varint(message, (ulong)step);
        Bytes(message, 5, summary);
        Record(message);
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>One record in one write: a killed run leaves whole records.</summary>
    private void Record(MemoryStream message)
    {
        int length = (int)message.Length;
        byte[] record = new byte[12 + length + 4];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedCrc(record.AsSpan(0, 8)));
        message.GetBuffer().AsSpan(0, length).CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + length), MaskedCrc(record.AsSpan(12, length)));
        try
        {
            _stream.Write(record);
        }
        catch (IOException e)
        {
            throw new StorageException($"{_stream.Name}: cannot be written: {e.Message.TrimEnd('.')}. Free space and resume.", e);
        }
    }

    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data) crc = System.Numerics.BitOperations.Crc32C(crc, b);
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }

    private static void Double(MemoryStream to, int field, double value)
    {
        to.WriteByte((byte)((field << 3) | 1));
        Span<byte> bits = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bits, value);
        to.Write(bits);
    }

    private static void Text(MemoryStream to, int field, string text)
    {
        using MemoryStream bytes = new(Encoding.UTF8.GetBytes(text));
        Bytes(to, field, bytes);
    }

    private static void Bytes(MemoryStream to, int field, MemoryStream content)
    {
        to.WriteByte((byte)((field << 3) | 2));
        Varint(to, (ulong)content.Length);
        content.WriteTo(to);
    }

    private static void Varint(MemoryStream to, ulong value)
    {
        for (; value >= 0x80; value >>= 7) to.WriteByte((byte)(value | 0x80));
        to.WriteByte((byte)value);
    }
}
