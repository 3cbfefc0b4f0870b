namespace Heed.Checkpoints.Gguf;

/// <summary>
/// A GGUF file as the files of a Hugging Face folder: its configuration and tokenizer are translated, its weights are read from the file
/// itself under the name <see cref="WeightsName"/>.
/// </summary>
internal sealed class GgufModelFiles : IModelFiles
{
    /// <summary>The name under which the file itself is found.</summary>
    public const string WeightsName = "model.gguf";

    private readonly IModelFiles _store;
    private readonly string _name;
    private readonly Lazy<MemoryModelFiles> _translated;

    /// <summary>Opens the file once, to check it and to read its metadata.</summary>
    /// <param name="store">Where it lies.</param>
    /// <param name="name">Its name there.</param>
    /// <exception cref="StorageException">It is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">It breaks a rule of the format, or its metadata describe no model that is read.</exception>
    public GgufModelFiles(IModelFiles store, string name)
    {
        (_store, _name, Location) = (store, name, store.PathOf(name));
        using GgufFile file = GgufFile.Open(store.Open(name));
        GgufMetadata metadata = new(file);
        byte[] config = System.Text.Encoding.UTF8.GetBytes(StrictJson.Format(GgufConfig.Of(metadata)));
        GgufTokenizer.Check(metadata);
        // The metadata stay; the tensors cannot be read through them.
        _translated = new(() => new MemoryModelFiles(
            [new("config.json", config), .. GgufTokenizer.Files(metadata).Select(f => new KeyValuePair<string,
                ReadOnlyMemory<byte>>(f.Key, f.Value))], Location));
    }

    /// <inheritdoc/>
    public string Location { get; }

    /// <summary>The files of a path: a folder, a GGUF file, or a folder that holds one such file and no configuration.</summary>
    /// <exception cref="StorageException">There is no such folder or file.</exception>
    /// <exception cref="InvalidFileException">The file is damaged.</exception>
    public static IModelFiles OfPath(string path)
    {
        if (GgufFile.IsName(path) && File.Exists(path))
            return new GgufModelFiles(new FolderModelFiles(Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : "."),
                Path.GetFileName(path));
        FolderModelFiles folder = new(path);
        if (folder.Contains("config.json")) return folder;
        return folder.List("").Where(GgufFile.IsName).ToArray() is [string only] ? new GgufModelFiles(folder, only) : folder;
    }

    /// <inheritdoc/>
    public bool Contains(string name) => name == WeightsName || _translated.Value.Contains(name);

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string folder)
        => folder.Length > 0 ? [] : [.. _translated.Value.List("").Append(WeightsName).Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public string PathOf(string name) => name == WeightsName ? Location : $"{Location}[{name}]";

    /// <inheritdoc/>
    public ModelFile Open(string name) => name == WeightsName ? _store.Open(_name) : _translated.Value.Open(name);
}
