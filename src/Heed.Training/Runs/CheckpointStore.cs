using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Training.Runs;

/// <summary>
/// The checkpoints of a run: folders <c>checkpoints/step-000000123</c>, each complete and checksummed or absent. One is written beside its name,
/// flushed file by file, given its manifest of SHA-256 sums last, and renamed; the <c>latest</c> pointer follows. Older ones are pruned.
/// </summary>
public sealed class CheckpointStore
{
    /// <summary>Name of the file with the sums.</summary>
    internal const string ManifestName = "manifest.json";
    private const string PointerName = "latest";

    /// <summary>What to do about a damaged checkpoint.</summary>
    internal const string Remedy = "delete the checkpoint's folder to go on from the one before";

    private readonly string _root;
    private readonly int _keep;

    /// <summary>The checkpoints of the run in a folder.</summary>
    /// <param name="runFolder">The run's folder.</param>
    /// <param name="keep">Number of checkpoints kept, at least 1.</param>
    public CheckpointStore(string runFolder, int keep)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        _root = RootOf(runFolder);
        _keep = keep;
    }

    /// <summary>A step whose checkpoint is never pruned, such as the best one; 0: none.</summary>
    internal long KeptStep { get; set; }

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="write">Writes the files into the folder it is given, each durably.</param>
    /// <returns>The checkpoint's folder.</returns>
    /// <exception cref="StorageException">The disk is full or not writable; earlier checkpoints are unchanged.</exception>
    public string Save(long step, Action<string> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        string final = Path.Combine(_root, Name(step)), temporary = final + DurableFile.TemporaryEnding;
        try
        {
            Directory.CreateDirectory(_root);
            RemoveLeftovers();
            Directory.CreateDirectory(temporary);
            write(temporary);
            JsonObject sums = [];
            foreach (string file in Directory.EnumerateFiles(temporary).Order(StringComparer.Ordinal)) sums[Path.GetFileName(file)] = Sum(file);
            DurableFile.WriteText(Path.Combine(temporary, ManifestName), StrictJson.Format(new JsonObject { ["step"] = step, ["sha256"] = sums }));
            DurableFile.SynchronizeFolder(temporary);
            if (Directory.Exists(final)) Directory.Delete(final, recursive: true);
            Directory.Move(temporary, final);
            DurableFile.SynchronizeFolder(_root);
            DurableFile.WriteText(Path.Combine(_root, PointerName), Name(step) + "\n");
            Prune();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryRemove(temporary);
            throw new StorageException($"{final}: the checkpoint cannot be written: {e.Message.TrimEnd('.')}. Free space and resume; earlier checkpoints are unchanged.", e);
        }
        catch (StorageException)
        {
            TryRemove(temporary);
            throw;
        }

        return final;
    }

    /// <summary>The newest complete checkpoint, checked against its sums; null where there is none.</summary>
    /// <exception cref="InvalidFileException">The newest checkpoint is damaged: the message names the file.</exception>
    public string? Latest()
    {
        string? newest = NewestIn(_root);
        if (newest is not null) Check(newest);
        return newest;
    }

    /// <summary>The checkpoint of a step, checked against its sums.</summary>
    /// <exception cref="InvalidFileException">It is missing or damaged.</exception>
    internal string Of(long step)
    {
        string checkpoint = Path.Combine(_root, Name(step));
        if (!Directory.Exists(checkpoint)) throw new InvalidFileException(checkpoint, "", "is missing, and it holds the best weights; restore it, or delete the folders of later checkpoints to train from an earlier one again");
        Check(checkpoint);
        return checkpoint;
    }

    /// <summary>The newest checkpoint of a run, unchecked; null where there is none.</summary>
    internal static string? Newest(string runFolder) => NewestIn(RootOf(runFolder));

    /// <summary>Checks every file of a checkpoint against its sum.</summary>
    /// <exception cref="InvalidFileException">A file is missing, added or changed.</exception>
    public static void Check(string checkpoint) => Check(checkpoint, null);

    /// <summary>Checks one file of a checkpoint against its sum; null checks all of them.</summary>
    internal static void Check(string checkpoint, string? only)
    {
        string path = Path.Combine(checkpoint, ManifestName);
        if (!File.Exists(path)) throw new InvalidFileException(checkpoint, ManifestName, $"is missing, so the checkpoint cannot be trusted; {Remedy}");
        using JsonDocument manifest = ReadManifest(path);
        if (manifest.RootElement.ValueKind != JsonValueKind.Object || !manifest.RootElement.TryGetProperty("sha256", out JsonElement sums) || sums.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(path, "$.sha256", $"is missing; an object with the sum of each file was expected; {Remedy}");
        HashSet<string> listed = new(StringComparer.Ordinal) { ManifestName };
        foreach (JsonProperty entry in sums.EnumerateObject())
        {
            listed.Add(entry.Name);
            if (only is not null && entry.Name != only) continue;
            string file = Path.Combine(checkpoint, Path.GetFileName(entry.Name));
            if (!File.Exists(file)) throw new InvalidFileException(checkpoint, entry.Name, $"is missing; {Remedy}");
            if (entry.Value.ValueKind != JsonValueKind.String || Sum(file) != StrictJson.Text(entry.Value, path, $"$.sha256.{entry.Name}"))
                throw new InvalidFileException(file, "", $"is damaged: its SHA-256 is not the one in manifest.json; {Remedy}");
        }

        if (only is not null && !listed.Contains(only)) throw new InvalidFileException(path, $"$.sha256.{only}", $"is missing; {Remedy}");
        foreach (string file in Directory.EnumerateFiles(checkpoint))
            if (!listed.Contains(Path.GetFileName(file))) throw new InvalidFileException(file, "", "does not belong to the checkpoint: manifest.json does not list it; remove it");
    }

    private static JsonDocument ReadManifest(string path)
    {
        try
        {
            return StrictJson.ReadFile(path, 1 << 20);
        }
        catch (InvalidFileException e)
        {
            throw new InvalidFileException(path, e.Where, $"is damaged: the list of sums cannot be read; {Remedy}", e);
        }
    }

    /// <summary>The steps done at a checkpoint, from its name.</summary>
    public static long StepOf(string checkpoint) => long.Parse(Path.GetFileName(checkpoint).AsSpan("step-".Length), NumberStyles.None, CultureInfo.InvariantCulture);

    private static string RootOf(string runFolder) => Path.Combine(runFolder, "checkpoints");

    private static string? NewestIn(string root) => !Directory.Exists(root) ? null
        : Directory.EnumerateDirectories(root, "step-*").Where(d => !d.EndsWith(DurableFile.TemporaryEnding, StringComparison.Ordinal)).Order(StringComparer.Ordinal).LastOrDefault();

    private static string Name(long step) => string.Create(CultureInfo.InvariantCulture, $"step-{step:D9}");

    private static string Sum(string file)
    {
        using FileStream stream = InputFile.Open(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>Removes what a killed process left half-written.</summary>
    internal void RemoveLeftovers()
    {
        if (!Directory.Exists(_root)) return;
        DurableFile.RemoveLeftovers(_root);
        foreach (string leftover in Directory.EnumerateDirectories(_root, "*" + DurableFile.TemporaryEnding)) Directory.Delete(leftover, recursive: true);
    }

    private void Prune()
    {
        string[] all = [.. Directory.EnumerateDirectories(_root, "step-*").Order(StringComparer.Ordinal)];
        foreach (string old in all.SkipLast(_keep))
            if (Path.GetFileName(old) != Name(KeptStep)) Directory.Delete(old, recursive: true);
    }

    private static void TryRemove(string folder)
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that is already on its way says more; the next save removes what is left.
        }
    }
}
