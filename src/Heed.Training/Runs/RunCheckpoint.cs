using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Training.Logging;
using Heed.Training.Tasks;

namespace Heed.Training.Runs;

/// <summary>What a checkpoint holds beside the task's own files: how far the run is, on which data and with which settings, and the
/// optimizer's state.</summary>
/// <param name="Folder">The checkpoint's folder.</param>
/// <param name="Progress">How far the run is.</param>
/// <param name="Fingerprints">Sums of what was learned from, by name.</param>
/// <param name="Settings">The run's settings.</param>
internal sealed record RunCheckpoint(string Folder, TrainingProgress Progress, IReadOnlyDictionary<string, string> Fingerprints,
    JsonObject Settings)
{
    /// <summary>Name of the file that holds all of it.</summary>
    public const string StateName = "trainer.json";

    /// <summary>Name of the file with the optimizer's state.</summary>
    public const string MomentsName = "optimizer.safetensors";

    /// <summary>More targets than any run learns from.</summary>
    private const long MostTargets = 1L << 53;

    /// <summary>The file with the state.</summary>
    public string StateFile => Path.Combine(Folder, StateName);

    /// <summary>Writes the task's files, the optimizer's state and the counters into a folder.</summary>
    public static void Write(string folder, TrainingTask task, TrainingConfig config, TrainingProgress progress, Optimizer optimizer)
    {
        task.Save(folder);
        SafetensorsWriter.Write(Path.Combine(folder, MomentsName), optimizer.State.Select(s
            => RawTensor.FromFloats(s.Key, Array.ConvertAll(s.Value.Shape.ToArray(), d => (long)d), s.Value.ToArray())));
        JsonObject sums = [];
        foreach ((string name, string sum) in task.Fingerprints.OrderBy(f => f.Key, StringComparer.Ordinal)) sums[name] = sum;
        DurableFile.WriteText(Path.Combine(folder, StateName), StrictJson.Format(new JsonObject
        {
            ["step"] = progress.Step,
            ["targets"] = progress.Targets,
            ["best"] = progress.Best is { } best && double.IsFinite(best) ? best : null,
            ["best_loss"] = progress.BestLoss is { } loss && double.IsFinite(loss) ? loss : null,
            ["best_step"] = progress.BestStep,
            ["evaluations_without_progress"] = progress.EvaluationsWithoutProgress,
            ["fingerprints"] = sums,
            ["settings"] = config.ToJson(),
        }));
    }

    /// <summary>Reads the state of a checkpoint, which is checked against its sum.</summary>
    /// <exception cref="InvalidFileException">It is damaged, or a counter is none; the message names file and field and says what to
    /// do.</exception>
    public static RunCheckpoint Read(string folder)
    {
        CheckpointStore.Check(folder, StateName);
        string path = Path.Combine(folder, StateName);
        using JsonDocument document = StrictJson.ReadFile(path, 1 << 20);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object) throw Wrong(path, "$", StrictJson.Describe(root), "an object");
        long named = CheckpointStore.StepOf(folder), step = Count("step", CheckpointStore.MostSteps);
        if (step != named) throw Wrong(path, "$.step", step.ToString(CultureInfo.InvariantCulture), $"{named}, as in the folder's name,");
        Dictionary<string, string> sums = new(StringComparer.Ordinal);
        JsonElement fingerprints = Object("fingerprints");
        foreach (JsonProperty sum in fingerprints.EnumerateObject()) sums[sum.Name] = StrictJson.Text(sum.Value, path,
            $"$.fingerprints.{sum.Name}");
        double? best = Number("best"), bestLoss = Number("best_loss");
        return new RunCheckpoint(folder,
            new TrainingProgress(step, Count("targets", step == 0 ? 0 : MostTargets), best, Count("best_step", step),
                (int)Count("evaluations_without_progress", Math.Min(int.MaxValue, step)))
            { BestLoss = bestLoss },
            sums, (JsonObject)JsonNode.Parse(Object("settings").GetRawText())!);

        double? Number(string name) => root.TryGetProperty(name, out JsonElement e) && e.ValueKind == JsonValueKind.Number ? e.GetDouble()
            : null;
        JsonElement Object(string name) => root.TryGetProperty(name, out JsonElement e) && e.ValueKind == JsonValueKind.Object ? e
            : throw Wrong(path, "$." + name, e.ValueKind == JsonValueKind.Undefined ? "missing" : StrictJson.Describe(e), "an object");
        long Count(string name, long most)
            => root.TryGetProperty(name, out JsonElement e) && e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out long value)
            && value >= 0 && value <= most ? value
            : throw Wrong(path, "$." + name, e.ValueKind == JsonValueKind.Undefined ? "missing"
            : StrictJson.Describe(e), $"an integer from 0 to {most}");
    }

    /// <summary>How the run ended at this checkpoint; null if it resumes.</summary>
    public TrainingEnd? End(TrainingConfig config)
        => Progress.Step >= config.Steps ? TrainingEnd.Finished
            : config.Patience > 0 && Progress.EvaluationsWithoutProgress >= config.Patience ? TrainingEnd.StoppedEarly
            : null;

    /// <summary>Gives the model its weights and the optimizer its state.</summary>
    /// <exception cref="InvalidFileException">A tensor of the optimizer is missing, or a count of steps is none.</exception>
    public void Restore(TrainingTask task, Optimizer optimizer)
    {
        task.Load(Folder);
        string path = Path.Combine(Folder, MomentsName);
        using SafetensorsFile state = SafetensorsFile.Open(path);
        foreach (Parameter p in task.Model.Parameters)
        {
            if (!state.TryGet($"{p.Name}.{Optimizer.StepName}", out _)) continue;
            foreach ((string name, Tensor value) in optimizer.Restore(p.Name)!)
            {
                if (!state.TryGet($"{p.Name}.{name}", out RawTensor? stored))
                    throw new InvalidFileException(path, $"{p.Name}.{name}", $"is missing; {CheckpointStore.Remedy}");
                stored.ReadFloats(value.Span);
                if (name == Optimizer.StepName && !(value.Span[0] >= 0 && value.Span[0] <= Progress.Step && value.Span[0] == MathF.Floor(value.Span[0])))
                    throw Wrong(path, $"{p.Name}.{name}", value.Span[0].ToString(CultureInfo.InvariantCulture),
                        $"a whole number from 0 to {Progress.Step}");
            }
        }
    }

    private static InvalidFileException Wrong(string path, string at, string found, string expected)
        => new(path, at, $"is {found}; {expected} was expected; {CheckpointStore.Remedy}");
}
