using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Heed.Training.Runs;

/// <summary>Writes a run's figures as JSON lines (<c>log.jsonl</c>) and as a TensorBoard event file. A resumed run drops the lines after its checkpoint.</summary>
public sealed class RunLog : ITrainingObserver, IDisposable
{
    private readonly FileStream _lines;
    private readonly TensorBoardFile _events;
    private readonly bool _timings;

    /// <summary>Opens the logs of a run.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="afterStep">Lines of later steps are dropped: 0 begins anew.</param>
    /// <param name="clock">Wall time of TensorBoard's events.</param>
    /// <param name="timings">False leaves seconds out, so that two equal runs write equal logs.</param>
    /// <exception cref="StorageException">The folder cannot be written.</exception>
    public RunLog(string folder, long afterStep, TimeProvider clock, bool timings = true)
    {
        _timings = timings;
        string path = Path.Combine(folder, "log.jsonl");
        Truncate(path, afterStep);
        try
        {
            _lines = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
            _events = new TensorBoardFile(Path.Combine(folder, "tensorboard"), clock);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{path}: cannot be opened: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Stepped(StepReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Line(w =>
        {
            w.WriteNumber("step", report.Step);
            w.WriteNumber("loss", report.Loss);
            w.WriteNumber("gradient_norm", report.GradientNorm);
            w.WriteNumber("learning_rate", report.Rate);
            w.WriteNumber("tokens", report.TotalTokens);
            if (!_timings) return;
            w.WriteNumber("seconds", report.Seconds);
            if (report.Utilisation is { } u) w.WriteNumber("utilisation", u);
        });
        _events.Scalar(report.Step, "train/loss", report.Loss);
        _events.Scalar(report.Step, "train/gradient_norm", report.GradientNorm);
        _events.Scalar(report.Step, "train/learning_rate", report.Rate);
    }

    /// <inheritdoc/>
    public void Evaluated(EvaluationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Line(w =>
        {
            w.WriteNumber("step", report.Step);
            w.WriteNumber("held_out_loss", report.Loss);
            w.WriteNumber("held_out_bits_per_byte", report.BitsPerByte);
        });
        _events.Scalar(report.Step, "held_out/loss", report.Loss);
        _events.Scalar(report.Step, "held_out/bits_per_byte", report.BitsPerByte);
    }

    /// <inheritdoc/>
    public void Saved(long step, string folder) => _events.Flush();

    /// <inheritdoc/>
    public void Dispose()
    {
        _lines.Dispose();
        _events.Dispose();
    }

    private void Line(Action<Utf8JsonWriter> fields)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            fields(writer);
            writer.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        try
        {
            _lines.Write(buffer.GetBuffer(), 0, (int)buffer.Length);
            _lines.Flush();
        }
        catch (IOException e)
        {
            throw new StorageException($"{_lines.Name}: cannot be written: {e.Message.TrimEnd('.')}. Free space and resume.", e);
        }
    }

    private static void Truncate(string path, long afterStep)
    {
        if (!File.Exists(path)) return;
        StringBuilder kept = new();
        foreach (string line in File.ReadLines(path))
        {
            long? step = StepOf(line);
            if (step is { } s && s <= afterStep) kept.Append(line).Append('\n');
        }

        DurableFile.WriteText(path, kept.ToString());
    }

    /// <summary>The step of a line, or null where a killed run left half of one.</summary>
    private static long? StepOf(string line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("step", out JsonElement s) && s.TryGetInt64(out long step) ? step : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A TensorBoard event file: TFRecord framing around <c>tensorflow.Event</c> messages with scalar summaries.</summary>
/// <remarks>Record: length (uint64), masked CRC-32C of it, data, masked CRC-32C of the data. Event: wall_time = 1 (double), step = 2 (varint), summary = 5 { value = 1 { tag = 1, simple_value = 2 } }, file_version = 3.</remarks>
internal sealed class TensorBoardFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly TimeProvider _clock;

    public TensorBoardFile(string folder, TimeProvider clock)
    {
        _clock = clock;
        Directory.CreateDirectory(folder);
        long seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        _stream = new FileStream(Path.Combine(folder, FormattableString.Invariant($"events.out.tfevents.{seconds:D10}.heed")), FileMode.Append, FileAccess.Write, FileShare.Read);
        using MemoryStream message = new();
        Double(message, 1, seconds);
        Text(message, 3, "brain.Event:2");
        Record(message);
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

    public void Flush() => _stream.Flush();

    public void Dispose() => _stream.Dispose();

    private void Record(MemoryStream message)
    {
        ReadOnlySpan<byte> data = message.GetBuffer().AsSpan(0, (int)message.Length);
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], MaskedCrc(head[..8]));
        Span<byte> tail = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(tail, MaskedCrc(data));
        _stream.Write(head);
        _stream.Write(data);
        _stream.Write(tail);
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
