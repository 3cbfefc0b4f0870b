namespace Heed;

/// <summary>
/// Where the files of a model are read from: a folder (<see cref="FolderModelFiles"/>), memory (<see cref="MemoryModelFiles"/>), a web
/// server, or a store of the caller's own. Names are relative and use <c>/</c>: <c>config.json</c>, <c>1_Pooling/config.json</c>.
/// </summary>
public interface IModelFiles
{
    /// <summary>The folder or address, as the user gave it; errors name it.</summary>
    string Location { get; }

    /// <summary>True if there is a file of this name.</summary>
    bool Contains(string name);

    /// <summary>Names of the files directly in a folder, sorted by code unit; empty if the folder does not exist.</summary>
    /// <param name="folder">The folder, relative; empty for the top.</param>
    IReadOnlyList<string> List(string folder);

    /// <summary>Path or address of a file, for errors; the file need not exist.</summary>
    string PathOf(string name);

    /// <summary>Opens a file for bounded reads at an offset.</summary>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    ModelFile Open(string name);
}
