using System.Text.Json;

namespace Heed.Training.Logging;

/// <summary>A measure of a run over its course, from its <c>log.jsonl</c>.</summary>
/// <param name="Name">The run's folder, without those above it.</param>
/// <param name="Points">Steps and seconds of training until then, with the value. Seconds are those of the steps: what evaluations take
/// is left out.</param>
internal sealed record RunCurve(string Name, IReadOnlyList<RunCurvePoint> Points)
{
    /// <summary>Reads a run.</summary>
    /// <param name="folder">Of <c>heed pretrain</c>, or of <c>heed finetune</c>, whose run is in <c>run</c>.</param>
    /// <param name="measure">A key of the log: <c>loss</c> of the steps, <c>held_out_loss</c>, <c>held_out_macro_f1</c> ….</param>
    /// <exception cref="StorageException">There is no log.</exception>
    /// <exception cref="InputException">No line of it has the measure.</exception>
    public static RunCurve Read(string folder, string measure)
    {
        string inner = Path.Combine(folder, "run", RunLog.FileName), outer = Path.Combine(folder, RunLog.FileName);
        string path = File.Exists(inner) ? inner : outer;
        if (!File.Exists(path))
            throw new StorageException($"{folder}: holds no {RunLog.FileName}. Name the folder of a run, as --out named it.");
        List<RunCurvePoint> points = [];
        SortedSet<string> keys = new(StringComparer.Ordinal);
        double seconds = 0;
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                JsonElement root = document.RootElement;
                if (root.TryGetProperty("seconds", out JsonElement s)) seconds += s.GetDouble();
                if (root.TryGetProperty(measure, out JsonElement value) && value.ValueKind == JsonValueKind.Number)
                    points.Add(new RunCurvePoint(root.GetProperty("step").GetInt64(), seconds, value.GetDouble()));
                foreach (JsonProperty property in root.EnumerateObject()) keys.Add(property.Name);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
            {
                throw new InputException($"{path}:{number}: is no line of a run's log. Resume the run, which repairs its log.", e);
            }
        }

        if (points.Count == 0)
            throw new InputException($"{path}: no line has \"{Printable.Shorten(measure)}\"; there are "
                + $"{string.Join(", ", keys.Except(["step"]))}. "
                + "Name one of them.");
        return new RunCurve(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), points);
    }
}

/// <summary>A value at a place of a run.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Seconds">Seconds that they took.</param>
/// <param name="Value">The measure.</param>
internal readonly record struct RunCurvePoint(long Step, double Seconds, double Value);
