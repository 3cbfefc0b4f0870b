using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Heed.Checkpoints;

/// <summary>Saves weights into a folder, in one safetensors file or in shards, so that a crash leaves the old weights or the new.</summary>
/// <remarks>
/// One file is replaced by one rename. Several files cannot be: they are written completely beside the old ones, then a journal that lists
/// the renames is written, then they are renamed. A journal left by a crash is carried out by the next
/// <see cref="CheckpointFolder.Open(IModelFiles)"/> or save.
/// </remarks>
internal static partial class CheckpointSave
{
    private const string Waiting = ".heed-new";
    private const string JournalName = ".heed-save.json";

    /// <summary>See <see cref="CheckpointFolder.Save"/>.</summary>
    public static IReadOnlyList<string> Save(string folder, IEnumerable<RawTensor> tensors, long shardSize, IReadOnlyList<KeyValuePair<string, string>> metadata)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardSize);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be made: {e.Message}", e);
        }

        Recover(folder);
        RemoveWaiting(folder);
        DurableFile.RemoveLeftovers(folder);
        List<List<RawTensor>> shards = Split(tensors, shardSize);
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(Path.Combine(folder, CheckpointFolder.SafetensorsName), shards[0], metadata);
            Delete(folder, Stale(folder, [CheckpointFolder.SafetensorsName]));
            return [CheckpointFolder.SafetensorsName];
        }

        List<string> names = [];
        List<KeyValuePair<string, string>> map = [];
        try
        {
            for (int i = 0; i < shards.Count; i++)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors");
                SafetensorsWriter.Write(Path.Combine(folder, name + Waiting), shards[i], metadata);
                names.Add(name);
                map.AddRange(shards[i].Select(tensor => KeyValuePair.Create(tensor.Name, name)));
            }

            long parameters = shards.Sum(shard => shard.Sum(tensor => tensor.ElementCount)), bytes = shards.Sum(shard => shard.Sum(tensor => tensor.ByteLength));
            DurableFile.WriteText(Path.Combine(folder, CheckpointFolder.SafetensorsIndexName + Waiting), ShardIndex.Format(parameters, bytes, map));
            names.Add(CheckpointFolder.SafetensorsIndexName);
            DurableFile.WriteText(Path.Combine(folder, JournalName), Journal(names));
        }
        catch
        {
            RemoveWaiting(folder);
            throw;
        }

        Recover(folder);
        return names;
    }

    /// <summary>Carries out a journal that a save left; does nothing without one.</summary>
    /// <exception cref="HeedException">A file cannot be renamed, or the journal is damaged.</exception>
    public static void Recover(string folder)
    {
        string journal = Path.Combine(folder, JournalName);
        if (!File.Exists(journal)) return;
        List<string> names = ReadJournal(journal);
        try
        {
            foreach (string name in names)
            {
                string waiting = Path.Combine(folder, name + Waiting);
                if (File.Exists(waiting)) File.Move(waiting, Path.Combine(folder, name), overwrite: true);
            }

            DurableFile.SynchronizeFolder(folder);
            Delete(folder, Stale(folder, names));
            File.Delete(journal);
            DurableFile.SynchronizeFolder(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: an interrupted save cannot be completed: {e.Message} Make the folder writable and open it again.", e);
        }
    }

    /// <summary>Whether a name is that of a safetensors shard.</summary>
    public static bool IsShard(string name) => ShardName().IsMatch(name);

    // By name, as transformers does; a tensor above the size has a file of its own and does not end the file being filled.
    private static List<List<RawTensor>> Split(IEnumerable<RawTensor> tensors, long shardSize)
    {
        List<RawTensor> sorted = [.. tensors];
        sorted.Sort(static (a, b) => SafetensorsWriter.CompareUtf8(a.Name, b.Name));
        for (int i = 1; i < sorted.Count; i++)
            if (sorted[i].Name == sorted[i - 1].Name) throw new ArgumentException($"Two tensors have the name '{Printable.Escape(sorted[i].Name)}'.", nameof(tensors));
        List<List<RawTensor>> shards = [];
        List<RawTensor> current = [];
        long size = 0;
        foreach (RawTensor tensor in sorted)
        {
            if (tensor.ByteLength > shardSize)
            {
                shards.Add([tensor]);
                continue;
            }

            if (size + tensor.ByteLength > shardSize)
            {
                shards.Add(current);
                (current, size) = ([], 0);
            }

            current.Add(tensor);
            size += tensor.ByteLength;
        }

        if (current.Count > 0 || shards.Count == 0) shards.Add(current);
        return shards;
    }

    private static string Journal(List<string> names)
    {
        System.Text.Json.Nodes.JsonArray list = [];
        foreach (string name in names) list.Add((System.Text.Json.Nodes.JsonNode?)name);
        return StrictJson.Format(new System.Text.Json.Nodes.JsonObject { ["rename"] = list });
    }

    // The journal may come with a downloaded folder: only names of safetensors weights are taken from it.
    private static List<string> ReadJournal(string journal)
    {
        using JsonDocument document = StrictJson.ReadFile(journal, 8 << 20);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("rename", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(journal, "$.rename", "is missing; delete this file if no save was interrupted");
        List<string> names = [];
        foreach (JsonElement item in list.EnumerateArray())
        {
            string name = StrictJson.Text(item, journal, "$.rename");
            if (!IsShard(name) && name != CheckpointFolder.SafetensorsIndexName) throw new InvalidFileException(journal, "$.rename", $"holds '{Printable.Shorten(name)}', which is not the name of a weight file; delete this journal");
            names.Add(name);
        }

        return names;
    }

    private static List<string> Stale(string folder, IReadOnlyCollection<string> kept)
        => [.. Directory.EnumerateFiles(folder, "model*").Select(path => Path.GetFileName(path)!)
            .Where(name => (name is CheckpointFolder.SafetensorsName or CheckpointFolder.SafetensorsIndexName || IsShard(name)) && !kept.Contains(name))];

    private static void RemoveWaiting(string folder) => Delete(folder, [.. Directory.EnumerateFiles(folder, "*" + Waiting).Select(path => Path.GetFileName(path)!)]);

    private static void Delete(string folder, List<string> names)
    {
        try
        {
            foreach (string name in names) File.Delete(Path.Combine(folder, name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: an old weight file cannot be deleted: {e.Message}", e);
        }
    }

    [GeneratedRegex(@"\Amodel-\d{5}-of-\d{5}\.safetensors\z", RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();
}
