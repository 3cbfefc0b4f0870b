using System.Text.Json.Nodes;

namespace Heed.Training.Runs;

/// <summary>The settings that a run's folder holds: in <c>run.json</c>, and in each checkpoint those it was trained with.</summary>
internal static class RunSettings
{
    /// <summary>What may change when a run goes on. Paths may, as texts and tokenizer are compared by their sums.</summary>
    private static readonly string[] Free = ["data", "keep", "memory_limit", "save_every", "tokenizer"];

    /// <summary>The settings in a folder; null where there are none.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="begun">True to look only at runs with a checkpoint.</param>
    public static RunConfig? Of(string folder, bool begun)
    {
        string path = Path.Combine(folder, PretrainingRun.SettingsName);
        string? newest = CheckpointStore.Newest(folder);
        if (newest is null) return begun || !File.Exists(path) ? null : RunConfig.FromFile(path);
        return File.Exists(path) ? FromFile(path) : RunCheckpoint.Read(newest).Settings;
    }

    /// <summary>Refuses to go on with other settings than those that the newest checkpoint was trained with.</summary>
    /// <exception cref="ConfigException">They differ, or nothing says what they were.</exception>
    public static void RefuseOthers(string folder, RunConfig config)
    {
        if (CheckpointStore.Newest(folder) is not { } newest) return;
        string path = Path.Combine(folder, PretrainingRun.SettingsName), from = Path.Combine(newest, RunCheckpoint.StateName);
        RunConfig? before = RunCheckpoint.Read(newest).Settings;
        if (before is null)
        {
            if (!File.Exists(path)) throw new ConfigException($"{path}: is missing, and {from} does not say with which settings the run was begun. Restore run.json, or begin a run in another folder.");
            (before, from) = (FromFile(path), path);
        }

        string[] changed = [.. RunFields.All.Where(f => !Free.Contains(f.Name) && !JsonNode.DeepEquals(f.Write(before), f.Write(config)))
            .Select(f => $"{f.Name} (was {f.Write(before).ToJsonString()}, is {f.Write(config).ToJsonString()})")];
        if (changed.Length > 0) throw new ConfigException($"{from}: the run in this folder was begun with other settings: {string.Join(", ", changed)}. Resume it with the same ones, or begin a run in another folder.");
    }

    /// <summary>Writes <c>run.json</c> where it does not say the same already.</summary>
    public static void Write(string folder, RunConfig config)
    {
        string path = Path.Combine(folder, PretrainingRun.SettingsName), text = StrictJson.Format(config.ToJson());
        if (!File.Exists(path) || File.ReadAllText(path) != text) DurableFile.WriteText(path, text);
    }

    /// <summary>Reads the <c>run.json</c> of a run that has a checkpoint.</summary>
    private static RunConfig FromFile(string path)
    {
        try
        {
            return RunConfig.FromFile(path);
        }
        catch (InvalidFileException e)
        {
            throw new ConfigException($"{e.Message.TrimEnd('.')}. Mend the file, or delete it and give the run's settings again; its checkpoints tell whether they are the same.", e);
        }
    }
}
