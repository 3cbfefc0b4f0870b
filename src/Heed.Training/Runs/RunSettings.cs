using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Training.Runs;

/// <summary>The settings that a run's folder holds: in <c>run.json</c>, and in each checkpoint those it was trained with.</summary>
internal static class RunSettings
{
    /// <summary>Name of the file with a run's settings.</summary>
    public const string FileName = "run.json";

    /// <summary>The settings in a folder, and the file that holds them; null if there are none.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="begun">True to look only at runs with a checkpoint.</param>
    /// <param name="read">Reads the settings from an object of a file.</param>
    public static TConfig? Of<TConfig>(string folder, bool begun, Func<JsonElement, string, string, TConfig> read)
        where TConfig : TrainingConfig
    {
        string path = Path.Combine(folder, FileName);
        RunCheckpoint? newest = Newest(folder);
        if (!File.Exists(path))
        {
            if (newest is null) return null;
            using JsonDocument settings = JsonDocument.Parse(newest.Settings.ToJsonString());
            return read(settings.RootElement, newest.StateFile, "$.settings");
        }

        if (newest is null && begun) return null;
        try
        {
            using JsonDocument document = StrictJson.ReadFile(path, 1 << 20);
            return read(document.RootElement, path, "$");
        }
        catch (InvalidFileException e) when (newest is not null)
        {
            throw new ConfigException($"{e.Message.TrimEnd('.')}. Fix the file, or delete it and give the run's settings again; "
                + $"its checkpoints hold those it was begun with.", e);
        }
    }

    /// <summary>The newest checkpoint; that of a run which works just now is not read.</summary>
    public static RunCheckpoint? Newest(string folder)
    {
        try
        {
            return CheckpointStore.Newest(folder) is { } at ? RunCheckpoint.Read(at) : null;
        }
        catch (Exception e) when (e is InvalidFileException or StorageException)
        {
            RunLock.ThrowIfHeld(folder);
            throw;
        }
    }

    /// <summary>Refuses to resume with other settings than those that the newest checkpoint was trained with. A finished run may get more
    /// steps.</summary>
    /// <param name="checkpoint">The newest one; null if there is none.</param>
    /// <param name="config">The settings now.</param>
    /// <exception cref="ConfigException">They differ.</exception>
    public static void RefuseOthers(RunCheckpoint? checkpoint, TrainingConfig config)
    {
        if (checkpoint is null) return;
        JsonObject now = config.ToJson();
        List<string> free = [.. config.FreeKeys];
        if (checkpoint.Settings["steps"] is JsonValue value && value.TryGetValue(out long steps) && checkpoint.Progress.Step >= steps
            && config.Steps > steps)
            free.AddRange(["steps", "warmup_steps"]);
        string[] keys = [.. now.Select(p => p.Key).Union(checkpoint.Settings.Select(p => p.Key)).Where(k => !free.Contains(k))];
        string[] changed = [.. keys.Where(k => !JsonNode.DeepEquals(checkpoint.Settings[k], now[k])).Select(k
            => $"{k} (was {Text(checkpoint.Settings[k])}, is {Text(now[k])})")];
        if (changed.Length == 0) return;
        string more = changed.Any(c => c.StartsWith("steps (", StringComparison.Ordinal)) ? " Steps can be raised once all are done." : "";
        throw new ConfigException($"{checkpoint.StateFile}: the run in this folder was begun with other settings: "
            + $"{string.Join(", ", changed)}.{more} "
            + $"Resume it with the same ones, or begin a run in another folder.");
    }

    /// <summary>Writes <c>run.json</c> unless it holds the same already.</summary>
    public static void Write(string folder, TrainingConfig config)
    {
        string path = Path.Combine(folder, FileName), text = StrictJson.Format(config.ToJson());
        if (!File.Exists(path) || File.ReadAllText(path) != text) DurableFile.WriteText(path, text);
    }

    private static string Text(JsonNode? value) => value?.ToJsonString() ?? "not set";
}
