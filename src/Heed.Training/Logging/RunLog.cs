using System.Text;
using System.Text.Json;

namespace Heed.Training.Logging;

/// <summary>
/// Writes a run's figures as JSON lines (<c>log.jsonl</c>) and as a TensorBoard event file. A resumed run drops the lines after its
/// checkpoint; a damaged line is reported and kept beside the log.
/// </summary>
internal sealed class RunLog : ITrainingObserver, IDisposable
{
    /// <summary>Name of the log.</summary>
    public const string FileName = "log.jsonl";

    private const string DamagedName = "log-damaged.txt";
    private readonly FileStream _lines;
    private readonly TensorBoardFile _events;
    private readonly bool _timings;

    /// <summary>Opens the logs of a run.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="afterStep">Lines of later steps are dropped: 0 begins anew.</param>
    /// <param name="clock">Wall time of TensorBoard's events.</param>
    /// <param name="warn">Gets a sentence if lines are damaged; may be null.</param>
    /// <param name="timings">False leaves seconds out, so that two equal runs write equal logs.</param>
    /// <exception cref="StorageException">The folder cannot be written.</exception>
    public RunLog(string folder, long afterStep, TimeProvider clock, Action<string>? warn = null, bool timings = true)
    {
        _timings = timings;
        string path = Path.Combine(folder, FileName);
        try
        {
            Truncate(folder, path, afterStep, warn);
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
            if (double.IsFinite(report.Loss)) w.WriteNumber("loss", report.Loss);
            else w.WriteNull("loss");
            w.WriteNumber("gradient_norm", report.GradientNorm);
            w.WriteNumber("learning_rate", report.Rate);
            w.WriteNumber("tokens", report.TotalTokens);
            if (!_timings) return;
            w.WriteNumber("seconds", report.Seconds);
            if (report.Utilisation is { } u) w.WriteNumber("utilisation", u);
        });
        if (double.IsFinite(report.Loss)) _events.Scalar(report.Step, "train/loss", report.Loss);
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
            foreach ((string name, double value) in Figures(report)) w.WriteNumber("held_out_" + name, value);
        });
        foreach ((string name, double value) in Figures(report)) _events.Scalar(report.Step, "held_out/" + name, value);
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

    private static IEnumerable<(string Name, double Value)> Figures(EvaluationReport report)
    {
        if (double.IsFinite(report.Loss)) yield return ("loss", report.Loss);
        foreach ((string name, double value) in report.Measures.OrderBy(m => m.Key, StringComparer.Ordinal))
            if (double.IsFinite(value)) yield return (name, value);
    }

    /// <summary>
    /// Keeps the lines up to a step. Steps follow one another from 1: a line that is no object, or whose step does not fit, is damaged.
    /// Half a line at the end is what a killed run leaves.
    /// </summary>
    private static void Truncate(string folder, string path, long afterStep, Action<string>? warn)
    {
        if (!File.Exists(path)) return;
        StringBuilder kept = new();
        List<string> damaged = [];
        long last = 0, number = 0, gap = 0;
        string[] lines = File.ReadAllLines(path);
        bool cut = !EndsWithLine(path);
        foreach (string line in lines)
        {
            number++;
            if (cut && number == lines.Length) break;
            // After damaged lines the next one is up to as many steps further on.
            if (Read(line) is { } entry && entry.Step - last is var ahead && ahead >= (entry.IsStep ? 1 : 0) && ahead <= (entry.IsStep ? 1 : 0) + gap)
            {
                (last, gap) = (entry.Step, 0);
                if (last <= afterStep) kept.Append(line).Append('\n');
            }
            else if (last < afterStep)
            {
                gap++;
                damaged.Add(FormattableString.Invariant($"line {number}: {line}"));
            }
        }

        DurableFile.WriteText(path, kept.ToString());
        if (damaged.Count == 0) return;
        string beside = Path.Combine(folder, DamagedName);
        File.AppendAllLines(beside, damaged);
        warn?.Invoke($"{path}: {damaged[0].Split(':')[0]} is damaged{(damaged.Count > 1 ? $", and {damaged.Count - 1} more" : "")}: no entry of a step in order. "
            + $"Damaged lines are kept in {beside}; the run is not affected.");
    }

    private static bool EndsWithLine(string path)
    {
        using FileStream stream = InputFile.Open(path);
        if (stream.Length == 0) return true;
        stream.Seek(-1, SeekOrigin.End);
        return stream.ReadByte() == '\n';
    }

    /// <summary>The step of a line and whether it is a training step's; null for a line that is no entry.</summary>
    private static (long Step, bool IsStep)? Read(string line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            JsonElement root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("step", out JsonElement s) || !s.TryGetInt64(out long step)) return null;
            bool isStep = root.TryGetProperty("gradient_norm", out _) && root.TryGetProperty("loss", out _)
                && root.TryGetProperty("learning_rate", out _) && root.TryGetProperty("tokens", out _);
            return isStep || root.EnumerateObject().Skip(1).All(p => p.Name.StartsWith("held_out_", StringComparison.Ordinal)) ? (step, isStep) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
