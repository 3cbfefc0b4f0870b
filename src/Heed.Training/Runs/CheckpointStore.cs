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
    private const string ManifestName = "manifest.json";
    private const string PointerName = "latest";
    private readonly string _root;
    private readonly int _keep;

    /// <summary>The checkpoints of the run in a folder.</summary>
    /// <param name="runFolder">The run's folder.</param>
    /// <param name="keep">Number of checkpoints kept, at least 1.</param>
    public CheckpointStore(string runFolder, int keep)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        _root = Path.Combine(runFolder, "checkpoints");
        _keep = keep;
    }

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
    /// <exception cref="FileFormatException">The newest checkpoint is damaged: the message names the file.</exception>
    public string? Latest()
    {
        if (!Directory.Exists(_root)) return null;
        string? newest = Directory.EnumerateDirectories(_root, "step-*").Where(d => !d.EndsWith(DurableFile.TemporaryEnding, StringComparison.Ordinal)).Order(StringComparer.Ordinal).LastOrDefault();
        if (newest is null) return null;
        Check(newest);
        return newest;
    }

    /// <summary>Checks every file of a checkpoint against its sum.</summary>
    /// <exception cref="FileFormatException">A file is missing, added or changed.</exception>
    public static void Check(string checkpoint)
    {
        string path = Path.Combine(checkpoint, ManifestName);
        if (!File.Exists(path)) throw new FileFormatException(checkpoint, ManifestName, "is missing, so the checkpoint cannot be trusted; delete its folder to go on from the one before");
        using JsonDocument manifest = StrictJson.ReadFile(path, 1 << 20);
        if (manifest.RootElement.ValueKind != JsonValueKind.Object || !manifest.RootElement.TryGetProperty("sha256", out JsonElement sums) || sums.ValueKind != JsonValueKind.Object)
            throw new FileFormatException(path, "$.sha256", "is missing; an object with the sum of each file was expected");
        HashSet<string> listed = new(StringComparer.Ordinal) { ManifestName };
        foreach (JsonProperty entry in sums.EnumerateObject())
        {
            listed.Add(entry.Name);
            string file = Path.Combine(checkpoint, Path.GetFileName(entry.Name));
            if (!File.Exists(file)) throw new FileFormatException(checkpoint, entry.Name, "is missing; delete the checkpoint's folder to go on from the one before");
            if (Sum(file) != StrictJson.Text(entry.Value, path, $"$.sha256.{entry.Name}"))
                throw new FileFormatException(file, "", "is damaged: its SHA-256 is not the one in manifest.json; delete the checkpoint's folder to go on from the one before");
        }

        foreach (string file in Directory.EnumerateFiles(checkpoint))
            if (!listed.Contains(Path.GetFileName(file))) throw new FileFormatException(file, "", "does not belong to the checkpoint: manifest.json does not list it; remove it");
    }

    /// <summary>The steps done at a checkpoint, from its name.</summary>
    public static long StepOf(string checkpoint) => long.Parse(Path.GetFileName(checkpoint).AsSpan("step-".Length), NumberStyles.None, CultureInfo.InvariantCulture);

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
        foreach (string old in all.SkipLast(_keep)) Directory.Delete(old, recursive: true);
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
