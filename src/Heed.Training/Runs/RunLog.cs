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
            // Nothing is held back: what a full disk refuses is reported at once, and closing has nothing left to write.
            _lines = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
            _events = new TensorBoardFile(Path.Combine(folder, "tensorboard"), afterStep, clock);
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
