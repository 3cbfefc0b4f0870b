using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Training.Runs;

/// <summary>
/// The checkpoints of a run: folders <c>checkpoints/step-000000123</c>, each complete and checksummed or absent. One is written beside its
/// name, flushed file by file, given its manifest of SHA-256 sums last, and renamed; the <c>latest</c> pointer follows. Older ones are
/// pruned. A whole checkpoint is never taken away before a newer one is there. Other names in the folder are ignored.
/// </summary>
internal sealed class CheckpointStore
{
    /// <summary>Name of the file with the sums.</summary>
    internal const string ManifestName = "manifest.json";

    /// <summary>More steps than any run takes.</summary>
    internal const long MostSteps = 1_000_000_000_000;

    private const string PointerName = "latest", Prefix = "step-", OldEnding = ".old" + DurableFile.TemporaryEnding;
    private const int Digits = 9;

    /// <summary>What to do about a damaged checkpoint.</summary>
    internal const string Remedy = "delete the checkpoint's folder to resume from the one before";

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

    /// <summary>Bytes that a checkpoint takes, about, for the error of a full disk; 0 if unknown.</summary>
    internal long NeededBytes { get; init; }

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="write">Writes the files into the folder it is given, each durably.</param>
    /// <returns>The checkpoint's folder.</returns>
    /// <exception cref="StorageException">The disk is full or not writable; earlier checkpoints are unchanged.</exception>
    public string Save(long step, Action<string> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        string final = Path.Combine(_root, Name(step)), temporary = final + DurableFile.TemporaryEnding, old = final + OldEnding;
        try
        {
            Directory.CreateDirectory(_root);
            RemoveLeftovers();
            // The same step of the same run has the same bytes: a whole one stays.
            if (Directory.Exists(final) && IsWhole(final)) return final;
            Directory.CreateDirectory(temporary);
            write(temporary);
            JsonObject sums = [];
            foreach (string name in FilesOf(temporary)) sums[name] = Sum(Path.Combine(temporary, name));
            DurableFile.WriteText(Path.Combine(temporary, ManifestName),
                StrictJson.Format(new JsonObject { ["step"] = step, ["sha256"] = sums }));
            DurableFile.SynchronizeFolder(temporary);
            if (Directory.Exists(final)) Directory.Move(final, old);
            Directory.Move(temporary, final);
            DurableFile.SynchronizeFolder(_root);
            DurableFile.WriteText(Path.Combine(_root, PointerName), Name(step) + "\n");
            Remove(old);
            Prune();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or StorageException)
        {
            string room = Room();
            TryRemove(temporary);
            throw new StorageException($"{final}: the checkpoint cannot be written: {e.Message.TrimEnd('.')}.{room} Free space and "
                + $"resume; earlier checkpoints are unchanged.", e);
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
        if (!Directory.Exists(checkpoint)) throw new InvalidFileException(checkpoint, "",
            "is missing, and it holds the best weights; restore it, or delete the folders of later checkpoints to train from an earlier "
                + "one again");
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
        if (!File.Exists(path)) throw new InvalidFileException(checkpoint, ManifestName,
            $"is missing, so the checkpoint cannot be trusted; {Remedy}");
        using JsonDocument manifest = ReadManifest(path);
        if (manifest.RootElement.ValueKind != JsonValueKind.Object || !manifest.RootElement.TryGetProperty("sha256", out JsonElement sums)
            || sums.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(path, "$.sha256", $"is missing; an object with the sum of each file was expected; {Remedy}");
        HashSet<string> listed = new(StringComparer.Ordinal) { ManifestName };
        foreach (JsonProperty entry in sums.EnumerateObject())
        {
            listed.Add(entry.Name);
            if (only is not null && entry.Name != only) continue;
            string file = Path.Combine(checkpoint, IsBelow(entry.Name) ? entry.Name : Path.GetFileName(entry.Name));
            if (!File.Exists(file)) throw new InvalidFileException(checkpoint, entry.Name, $"is missing; {Remedy}");
            if (entry.Value.ValueKind != JsonValueKind.String || Sum(file) != StrictJson.Text(entry.Value, path, $"$.sha256.{entry.Name}"))
                throw new InvalidFileException(file, "", $"is damaged: its SHA-256 is not the one in manifest.json; {Remedy}");
        }

        if (only is not null && !listed.Contains(only)) throw new InvalidFileException(path, $"$.sha256.{only}", $"is missing; {Remedy}");
        foreach (string name in FilesOf(checkpoint))
            if (!listed.Contains(name)) throw new InvalidFileException(Path.Combine(checkpoint, name), "",
                "does not belong to the checkpoint: manifest.json does not list it; remove it");
    }

    /// <summary>True if a folder holds the files that a checkpoint's task saved; false if one is missing.</summary>
    /// <exception cref="InvalidFileException">A file differs from the checkpoint's.</exception>
    internal static bool IsCopiedTo(string checkpoint, string folder)
    {
        using JsonDocument manifest = ReadManifest(Path.Combine(checkpoint, ManifestName));
        JsonProperty[] files = [.. manifest.RootElement.GetProperty("sha256").EnumerateObject().Where(f
            => f.Name is not (RunCheckpoint.StateName or RunCheckpoint.MomentsName))];
        if (files.Any(f => !File.Exists(Path.Combine(folder, f.Name)))) return false;
        foreach (JsonProperty file in files)
        {
            string path = Path.Combine(folder, file.Name);
            if (Sum(path) != file.Value.GetString())
                throw new InvalidFileException(path, "", $"is damaged or was edited: it is not the file of {checkpoint} from which it was "
                    + $"saved. Delete it, and the same command saves it again; or move the folder away to keep it");
        }

        return true;
    }

    /// <summary>The files of a folder and of those below it, by their paths from there.</summary>
    private static IEnumerable<string> FilesOf(string folder)
        => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(folder, f).Replace('\\', '/')).Order(StringComparer.Ordinal);

    private static bool IsBelow(string name) => !Path.IsPathRooted(name) && !name.Split('/', '\\').Contains("..");

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
    public static long StepOf(string checkpoint) => NamedStep(checkpoint)
        ?? throw new ArgumentException($"'{checkpoint}' is no checkpoint.", nameof(checkpoint));

    private static string RootOf(string runFolder) => Path.Combine(runFolder, "checkpoints");

    private static string? NewestIn(string root) => All(root).LastOrDefault();

    /// <summary>The checkpoints in a folder, oldest first.</summary>
    private static IEnumerable<string> All(string root)
        => !Directory.Exists(root) ? [] : Directory.EnumerateDirectories(root, Prefix + "*").Where(d => NamedStep(d) is not null).OrderBy(d => NamedStep(d)!.Value);

    /// <summary>The step in a name as <see cref="Name"/> makes it; null for any other name.</summary>
    private static long? NamedStep(string checkpoint)
    {
        string name = Path.GetFileName(checkpoint);
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long step)
            && step <= MostSteps && name == Name(step) ? step : null;
    }

    private static bool IsWhole(string checkpoint)
    {
        try
        {
            Check(checkpoint);
            return true;
        }
        catch (InvalidFileException)
        {
            return false;
        }
    }

    /// <summary>What a full disk lacks, as far as it is known.</summary>
    private string Room()
    {
        if (NeededBytes == 0) return "";
        try
        {
            return $" A checkpoint takes about {Printable.Bytes(NeededBytes)}; "
                + $"{Printable.Bytes(new DriveInfo(Path.GetFullPath(_root)).AvailableFreeSpace)} are free.";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "";
        }
    }

    private static string Name(long step) => Prefix + step.ToString($"D{Digits}", CultureInfo.InvariantCulture);

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
        foreach (string leftover in Directory.EnumerateDirectories(_root, "*" + DurableFile.TemporaryEnding)) Directory.Delete(leftover,
            recursive: true);
    }

    private void Prune()
    {
        string[] all = [.. All(_root)];
        foreach (string old in all.SkipLast(_keep))
            if (Path.GetFileName(old) != Name(KeptStep)) Remove(old);
    }

    /// <summary>Removes a checkpoint: under its own name it is whole or not there.</summary>
    private static void Remove(string checkpoint)
    {
        if (!Directory.Exists(checkpoint)) return;
        string gone = checkpoint.EndsWith(OldEnding, StringComparison.Ordinal) ? checkpoint : checkpoint + OldEnding;
        if (gone != checkpoint) Directory.Move(checkpoint, gone);
        Directory.Delete(gone, recursive: true);
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
