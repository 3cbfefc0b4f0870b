using System.Diagnostics.CodeAnalysis;
using Heed.Checkpoints.Gguf;

namespace Heed.Checkpoints;

/// <summary>
/// The weights of a Hugging Face folder in any of their forms, as one view of named tensors: <c>model.safetensors</c>, shards with an
/// index, <c>pytorch_model.bin</c>, and its shards. Looked for in this order, as transformers does; last, a GGUF file.
/// </summary>
public sealed class CheckpointFolder : IDisposable
{
    private readonly List<IDisposable> _open = [];
    private readonly List<RawTensor> _tensors = [];
    private readonly Dictionary<string, RawTensor> _byName = new(StringComparer.Ordinal);
    private readonly List<string> _files = [];
    private readonly List<string> _warnings = [];

    private readonly IModelFiles _source;

    private CheckpointFolder(IModelFiles source, string path) => (_source, Path) = (source, path);

    /// <summary>The file of all tensors.</summary>
    public const string SafetensorsName = "model.safetensors";

    /// <summary>The index of several safetensors files.</summary>
    public const string SafetensorsIndexName = "model.safetensors.index.json";

    /// <summary>PyTorch's file of all tensors.</summary>
    public const string PickleName = "pytorch_model.bin";

    /// <summary>The index of several PyTorch files.</summary>
    public const string PickleIndexName = "pytorch_model.bin.index.json";

    /// <summary>Default shard size: 50 GB, as transformers 5.</summary>
    public const long DefaultShardSize = 50_000_000_000;

    /// <summary>The folder or file, as given.</summary>
    public string Path { get; }

    /// <summary>All tensors: file by file, in each file's order. They can be read until this is disposed.</summary>
    public IReadOnlyList<RawTensor> Tensors => _tensors;

    /// <summary>The weight files, index included, as paths.</summary>
    public IReadOnlyList<string> Files => _files;

    /// <summary>Pairs of <c>__metadata__</c> of the first safetensors file; empty where there is none.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata { get; private set; } = [];

    /// <summary>What is odd about the files and accepted, as transformers does: an index that disagrees with its shards. A sentence
    /// each.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>The tensors' data together, in bytes.</summary>
    public long TotalBytes => _tensors.Sum(tensor => tensor.ByteLength);

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="InvalidFileException">There is none.</exception>
    public RawTensor this[string name] => TryGet(name, out RawTensor? tensor) ? tensor
        : throw new InvalidFileException(Path, name, $"is missing; the checkpoint has {_tensors.Count} "
            + $"tensors{(Printable.Nearest(name, _byName.Keys) is { } near ? $"; the nearest name is '{near}'" : "")}");

    /// <summary>Opens the weights of a folder, or one weight file or index by its own path.</summary>
    /// <exception cref="StorageException">The folder, or a file that the index names, is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">The folder holds no weights, or a file is damaged.</exception>
    public static CheckpointFolder Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path)) return Open(new FolderModelFiles(path));
        (IModelFiles files, string name) = ModelFilesReading.OfPath(path);
        return Opened(new CheckpointFolder(files, path), name);
    }

    /// <summary>Opens the weights among files of any store.</summary>
    /// <exception cref="StorageException">A file that the index names is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">There are no weights, or a file is damaged.</exception>
    public static CheckpointFolder Open(IModelFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (files.FolderOnDisk() is { } folder) CheckpointSave.Recover(folder);
        string found = Find(files) ?? throw new InvalidFileException(files.Location, "",
            $"holds no weights: none of {SafetensorsName}, {SafetensorsIndexName}, {PickleName} or {PickleIndexName} is there. "
            + $"Check the path, or download the model again");
        return Opened(new CheckpointFolder(files, files.Location), found);
    }

    /// <summary>Whether a folder holds weights in a form that <see cref="Open(string)"/> reads.</summary>
    public static bool HasWeights(string folder) => Directory.Exists(folder) && HasWeights(new FolderModelFiles(folder));

    /// <summary>Whether there are weights in a form that <see cref="Open(IModelFiles)"/> reads.</summary>
    public static bool HasWeights(IModelFiles files) => Find(files) is not null;

    /// <summary>The names of the files that <see cref="Open(IModelFiles)"/> reads, index included; empty if there are no weights.</summary>
    internal static IReadOnlyList<string> FilesOf(IModelFiles files)
    {
        if (Find(files) is not { } found) return [];
        return IsIndex(found) ? [found, .. ShardIndex.Read(files, found).Shards] : [found];
    }

    /// <summary>
    /// Saves tensors as safetensors into a folder, in one file or split over a size as transformers splits: by name, a larger tensor alone.
    /// A crash leaves the old weights or the new; shards of an earlier save are removed afterwards.
    /// </summary>
    /// <param name="folder">The folder; made where it is missing.</param>
    /// <param name="tensors">The tensors; they may come from the files that are replaced.</param>
    /// <param name="shardSize">Largest sum of tensor bytes in a file, in bytes.</param>
    /// <param name="metadata">Pairs for <c>__metadata__</c>; null for <c>format: pt</c>, which transformers asks for.</param>
    /// <returns>The names of the files written.</returns>
    /// <exception cref="ArgumentException">Two tensors have one name, or <paramref name="shardSize"/> is not positive.</exception>
    /// <exception cref="HeedException">A tensor cannot be read or a file not be written; the old weights stay.</exception>
    public static IReadOnlyList<string> Save(string folder, IEnumerable<RawTensor> tensors, long shardSize = DefaultShardSize,
        IReadOnlyList<KeyValuePair<string, string>>? metadata = null)
        => CheckpointSave.Save(folder, tensors, shardSize, metadata ?? SafetensorsWriter.PyTorchMetadata);

    /// <summary>Finds a tensor by name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out RawTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Closes the files; the tensors can no longer be read.</summary>
    public void Dispose()
    {
        foreach (IDisposable file in _open) file.Dispose();
        _open.Clear();
    }

    /// <summary>Whether a file name is one of those that hold weights, in any form.</summary>
    internal static bool IsWeightFile(string name)
        => name is SafetensorsName or SafetensorsIndexName or PickleName or PickleIndexName || CheckpointSave.IsShard(name)
            || (name.StartsWith("pytorch_model-", StringComparison.Ordinal) && name.EndsWith(".bin", StringComparison.Ordinal));

    private static string? Find(IModelFiles files) => Array.Find(
        [SafetensorsName, SafetensorsIndexName, PickleName, PickleIndexName, GgufModelFiles.WeightsName], files.Contains);

    private static bool IsIndex(string name) => name.EndsWith(".index.json", StringComparison.Ordinal);

    private static CheckpointFolder Opened(CheckpointFolder result, string name)
    {
        try
        {
            result.OpenFile(name);
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    private void OpenFile(string name)
    {
        if (!IsIndex(name))
        {
            foreach (RawTensor tensor in OpenTensors(name)) Add(tensor);
            return;
        }

        string path = _source.PathOf(name);
        _files.Add(path);
        ShardIndex index = ShardIndex.Read(_source, name);
        Dictionary<string, string> shardOf = new(index.Entries, StringComparer.Ordinal);
        List<string> unindexed = [];
        List<(RawTensor Tensor, string Shard)> elsewhere = [];
        foreach (string shard in index.Shards)
        {
            if (!_source.Contains(shard)) throw new StorageException($"{path}: names the file '{shard}', which is missing in "
                + $"{_source.Location}. Download the model again.");
            foreach (RawTensor tensor in OpenTensors(shard))
            {
                // A tensor that the index forgot is taken, as transformers does.
                bool isNamed = shardOf.TryGetValue(tensor.Name, out string? meant);
                if (isNamed && meant != shard)
                {
                    elsewhere.Add((tensor, shard));
                    continue;
                }

                if (!isNamed) unindexed.Add(tensor.Name);
                Add(tensor);
            }
        }

        foreach ((RawTensor tensor, string shard) in elsewhere) TakeOrCompare(path, tensor, shard, shardOf[tensor.Name]);
        foreach ((string tensor, string shard) in index.Entries)
            if (!_byName.ContainsKey(tensor)) throw new InvalidFileException(path, $"$.weight_map['{Printable.Shorten(tensor)}']",
                $"says '{shard}', but no shard has such a tensor. Download the model again");
        if (unindexed.Count > 0)
            _warnings.Add($"{path}: does not name {Some(unindexed)}, which a shard holds; it is used all the same. Save the model "
                + $"again to fix the index.");
        if (index.TotalSize is { } size && size != TotalBytes)
            _warnings.Add($"{path}: $.metadata.total_size: is {size}, but the shards hold {TotalBytes} bytes of tensors. Check that "
                + $"the download is whole, or save the model again to fix the index.");
    }

    /// <summary>A tensor in another shard than the index says: used if that shard lacks it; a second copy must be equal to the one that is
    /// used.</summary>
    private void TakeOrCompare(string index, RawTensor tensor, string shard, string meant)
    {
        string name = Printable.Shorten(tensor.Name);
        if (!_byName.TryGetValue(tensor.Name, out RawTensor? used))
        {
            _warnings.Add($"{index}: $.weight_map['{name}']: says '{meant}', but '{shard}' holds the tensor; it is used all the "
                + $"same. Save the model again to fix the index.");
            Add(tensor);
        }
        else if (!used.HasEqualData(tensor))
        {
            _warnings.Add($"{index}: tensor '{name}' lies in '{meant}' and, with other values, in '{shard}'; the index names the "
                + $"first, which is used. Remove the copy that is not meant.");
        }
    }

    private static string Some(List<string> names) => string.Join(", ", names.Take(4)) + (names.Count > 4 ? ", …" : "");

    private IReadOnlyList<RawTensor> OpenTensors(string name)
    {
        _files.Add(_source.PathOf(name));
        if (name.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            SafetensorsFile opened = SafetensorsFile.Open(_source.Open(name));
            _open.Add(opened);
            if (Metadata.Count == 0 && opened.Metadata is not null) Metadata = opened.Metadata;
            return opened.Tensors;
        }

        if (GgufFile.IsName(name))
        {
            GgufFile gguf = GgufFile.Open(_source.Open(name));
            _open.Add(gguf);
            return GgufWeights.Of(gguf);
        }

        PickleFile pickle = PickleFile.Open(_source.Open(name));
        _open.Add(pickle);
        return pickle.Tensors;
    }

    private void Add(RawTensor tensor)
    {
        if (!_byName.TryAdd(tensor.Name, tensor)) throw new InvalidFileException(Path, $"tensor '{Printable.Shorten(tensor.Name)}'",
            "is in two files of the checkpoint. Download the model again");
        _tensors.Add(tensor);
    }
}
