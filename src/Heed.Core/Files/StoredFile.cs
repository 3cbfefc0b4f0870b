using System.Text.Json;

namespace Heed;

/// <summary>One file by its store and name: what readers of a single file are given.</summary>
/// <param name="Files">Where it lies.</param>
/// <param name="Name">Its name there.</param>
internal readonly record struct StoredFile(IModelFiles Files, string Name)
{
    /// <summary>A file on disk, called in errors as the user wrote it.</summary>
    /// <exception cref="StorageException">The file is missing, a folder or not readable.</exception>
    public static StoredFile OfPath(string path)
    {
        (IModelFiles files, string name) = ModelFilesReading.OfPath(path);
        return new StoredFile(files, name);
    }

    /// <summary>Path or address, for errors.</summary>
    public string Path => Files.PathOf(Name);

    /// <summary>True if the file is there.</summary>
    public bool Exists => Files.Contains(Name);

    /// <inheritdoc cref="ModelFilesReading.ReadAll(IModelFiles, string, long)"/>
    public byte[] ReadAll(long maximumBytes) => Files.ReadAll(Name, maximumBytes);

    /// <inheritdoc cref="ModelFilesReading.ReadJson"/>
    public JsonDocument ReadJson(long maximumBytes = 1L << 30) => Files.ReadJson(Name, maximumBytes);

    /// <summary>Another file of the same store.</summary>
    public StoredFile Beside(string name) => this with { Name = name };

    /// <summary>The path, for errors.</summary>
    public override string ToString() => Path;
}
