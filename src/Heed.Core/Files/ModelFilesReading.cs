using System.Text.Json;

namespace Heed;

/// <summary>What all readers of <see cref="IModelFiles"/> need: whole files, strict JSON, folders below.</summary>
internal static class ModelFilesReading
{
    /// <summary>Reads a whole file of at most <paramref name="maximumBytes"/> bytes.</summary>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is larger than allowed.</exception>
    public static byte[] ReadAll(this IModelFiles files, string name, long maximumBytes)
    {
        ArgumentNullException.ThrowIfNull(files);
        using ModelFile file = files.Open(name);
        return ReadAll(file, maximumBytes);
    }

    /// <inheritdoc cref="ReadAll(IModelFiles, string, long)"/>
    public static byte[] ReadAll(ModelFile file, long maximumBytes)
    {
        InputFile.CheckSize(file.Path, file.Length, maximumBytes);
        byte[] bytes = new byte[file.Length];
        file.Read(0, bytes);
        return bytes;
    }

    /// <summary>Reads and parses a file.</summary>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is too large or not strict JSON.</exception>
    public static JsonDocument ReadJson(this IModelFiles files, string name, long maximumBytes = 1L << 30)
    {
        ArgumentNullException.ThrowIfNull(files);
        return StrictJson.Parse(ReadAll(files, name, maximumBytes), files.PathOf(name));
    }

    /// <summary>The files below a folder, seen from there; <paramref name="files"/> itself for the empty name.</summary>
    public static IModelFiles Below(this IModelFiles files, string folder)
        => folder.Trim('/').Length == 0 ? files : new FilesBelow(files, folder.Trim('/'));

    /// <summary>The same files, of which one opening reads each small JSON file once.</summary>
    public static IModelFiles ReadOnce(this IModelFiles files) => files as ReadOnceFiles ?? new ReadOnceFiles(files);

    /// <summary>The folder on disk where the files lie, or null where they lie elsewhere.</summary>
    public static string? FolderOnDisk(this IModelFiles files) => files switch
    {
        FolderModelFiles folder => folder.Location,
        ReadOnceFiles once => once.Source.FolderOnDisk(),
        _ => null,
    };

    /// <summary>One file by its path, and what lies beside it; errors name files as the user wrote them.</summary>
    /// <exception cref="StorageException">The file is missing, a folder or not readable.</exception>
    public static (IModelFiles Files, string Name) OfPath(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path)) InputFile.Open(path).Dispose();
        string folder = Path.GetDirectoryName(path) ?? "";
        return (folder.Length == 0 ? new CurrentFolder() : new FolderModelFiles(folder), Path.GetFileName(path));
    }

    /// <summary>Of sorted names those directly in a folder.</summary>
    public static IReadOnlyList<string> DirectlyIn(IEnumerable<string> names, string folder)
    {
        string before = folder.Length == 0 ? "" : folder.TrimEnd('/') + "/";
        return [.. names.Where(name => name.StartsWith(before, StringComparison.Ordinal) && !name.AsSpan(before.Length).Contains('/'))];
    }

    private sealed class FilesBelow(IModelFiles files, string folder) : IModelFiles
    {
        public string Location => files.PathOf(folder);

        public bool Contains(string name) => files.Contains(At(name));

        public IReadOnlyList<string> List(string inner) => [.. files.List(inner.Length == 0 ? folder : At(inner)).Select(name => name[(folder.Length + 1)..])];

        public string PathOf(string name) => files.PathOf(At(name));

        public ModelFile Open(string name) => files.Open(At(name));

        private string At(string name) => $"{folder}/{name}";
    }

    /// <summary>The current folder; its files are called by their bare names, as the user wrote them.</summary>
    private sealed class CurrentFolder : IModelFiles
    {
        private readonly FolderModelFiles _files = new(".");

        public string Location => ".";

        public bool Contains(string name) => _files.Contains(name);

        public IReadOnlyList<string> List(string folder) => _files.List(folder);

        public string PathOf(string name) => name;

        public ModelFile Open(string name) => new DiskFile(name);
    }
}
