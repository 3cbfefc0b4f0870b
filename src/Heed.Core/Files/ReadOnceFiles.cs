namespace Heed;

/// <summary>
/// The files of a model while it is opened: each small JSON file is read once, however many readers ask for it, and all of them see the
/// same bytes. Made for one opening; a file that could not be read is looked for again.
/// </summary>
internal sealed class ReadOnceFiles(IModelFiles files) : IModelFiles
{
    /// <summary>Settings are small; vocabularies and weights, which have one reader, are not kept.</summary>
    private const long LargestKept = 1 << 20;

    private readonly Dictionary<string, byte[]> _kept = new(StringComparer.Ordinal);

    public string Location => files.Location;

    /// <summary>The store itself.</summary>
    public IModelFiles Source => files;

    public bool Contains(string name) => _kept.ContainsKey(name) || files.Contains(name);

    public IReadOnlyList<string> List(string folder) => files.List(folder);

    public string PathOf(string name) => files.PathOf(name);

    public ModelFile Open(string name)
    {
        if (_kept.TryGetValue(name, out byte[]? bytes)) return new MemoryFile(PathOf(name), bytes);
        ModelFile file = files.Open(name);
        if (file.Length > LargestKept || !name.EndsWith(".json", StringComparison.Ordinal)) return file;
        using (file) _kept[name] = bytes = ModelFilesReading.ReadAll(file, LargestKept);
        return new MemoryFile(file.Path, bytes);
    }
}
