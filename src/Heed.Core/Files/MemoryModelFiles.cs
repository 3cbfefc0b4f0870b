namespace Heed;

/// <summary>The files of a model in memory, by name: embedded resources, a download, what a browser's page handed over. The bytes are not
/// copied.</summary>
public sealed class MemoryModelFiles : IModelFiles
{
    private readonly SortedDictionary<string, ReadOnlyMemory<byte>> _files = new(StringComparer.Ordinal);

    /// <summary>Files by their names; <c>config.json</c> and the weights are needed for a model.</summary>
    /// <param name="files">Name, with <c>/</c> between folders, and content of each file.</param>
    /// <param name="location">What errors call the whole; if omitted, <c>memory</c>.</param>
    /// <exception cref="ArgumentException">A name comes twice.</exception>
    public MemoryModelFiles(IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>>> files, string location = "memory")
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(location);
        Location = location;
        foreach ((string name, ReadOnlyMemory<byte> bytes) in files)
            if (!_files.TryAdd(name, bytes)) throw new ArgumentException($"The file '{name}' comes twice.", nameof(files));
    }

    /// <inheritdoc/>
    public string Location { get; }

    /// <inheritdoc/>
    public bool Contains(string name) => _files.ContainsKey(name);

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string folder) => ModelFilesReading.DirectlyIn(_files.Keys, folder);

    /// <inheritdoc/>
    public string PathOf(string name) => $"{Location}/{name}";

    /// <inheritdoc/>
    public ModelFile Open(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _files.TryGetValue(name, out ReadOnlyMemory<byte> bytes) ? new MemoryFile(PathOf(name), bytes)
            : throw new StorageException($"{PathOf(name)}: does not exist; {_files.Count} files are there. Add it to the files that were given.");
    }
}

/// <summary>A file whose bytes are in memory.</summary>
internal sealed class MemoryFile(string path, ReadOnlyMemory<byte> bytes) : ModelFile
{
    public override string Path => path;

    public override long Length => bytes.Length;

    public override void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > bytes.Length - destination.Length) throw Shorter(path, bytes.Length);
        bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
    }
}
