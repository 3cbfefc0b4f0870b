namespace Heed.Testing;

/// <summary>A folder's files in memory, for tests that hold both against each other.</summary>
public static class ModelFilesOfFolder
{
    /// <summary>Reads all files below a folder.</summary>
    public static MemoryModelFiles InMemory(string folder) => new(
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => KeyValuePair.Create(Path.GetRelativePath(folder, file).Replace('\\', '/'), (ReadOnlyMemory<byte>)File.ReadAllBytes(file))));
}
