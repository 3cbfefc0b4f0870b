using Heed.Checkpoints;

namespace Heed.Models.Adapters;

/// <summary>The tensors of an adapter's folder, by the names of the base model's modules.</summary>
internal sealed class AdapterTensors : IDisposable
{
    public const string SafetensorsName = "adapter_model.safetensors";
    private const string PickleName = "adapter_model.bin";
    private const string Prefix = "base_model.model.";

    private readonly IDisposable _file;
    private readonly Dictionary<string, RawTensor> _tensors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    private AdapterTensors(IDisposable file, string path, IReadOnlyList<RawTensor> tensors)
    {
        (_file, File) = (file, path);
        foreach (RawTensor tensor in tensors) _tensors[NameOf(tensor.Name)] = tensor;
    }

    /// <summary>The path of the file.</summary>
    public string File { get; }

    /// <summary>The tensors, by module names.</summary>
    public IReadOnlyDictionary<string, RawTensor> All => _tensors;

    /// <summary>The adapted modules and their ranks, by name.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> AdaptedModules
    {
        get
        {
            List<KeyValuePair<string, long>> modules = [];
            foreach ((string name, RawTensor tensor) in _tensors)
                foreach (string end in (ReadOnlySpan<string>)[".lora_A.weight", ".lora_embedding_A"])
                    if (name.EndsWith(end, StringComparison.Ordinal) && tensor.Shape.Count == 2)
                        modules.Add(new(name[..^end.Length], tensor.Shape[0]));
            modules.Sort((a, b) => string.CompareOrdinal(a.Key, b.Key));
            return modules;
        }
    }

    /// <summary>Opens the weights of an adapter.</summary>
    /// <exception cref="StorageException">There are none, or they cannot be read.</exception>
    /// <exception cref="InvalidFileException">The file is damaged.</exception>
    public static AdapterTensors Open(IModelFiles files)
    {
        if (files.Contains(SafetensorsName))
        {
            SafetensorsFile file = SafetensorsFile.Open(files.Open(SafetensorsName));
            return new AdapterTensors(file, file.Path, file.Tensors);
        }

        if (!files.Contains(PickleName))
            throw new StorageException($"{files.Location}: holds {AdapterConfigFile.Name} and neither {SafetensorsName} "
                + $"nor {PickleName}. Download the adapter again.");
        PickleFile pickle = PickleFile.Open(files.Open(PickleName));
        return new AdapterTensors(pickle, pickle.Path, pickle.Tensors);
    }

    /// <summary>The key in PEFT's files of a name in the base model.</summary>
    public static string KeyOf(string name) => Prefix + name;

    /// <summary>Finds a tensor, which then counts as used.</summary>
    /// <param name="name">Its name in the base model: of a module with a head, or as the bare stack has it.</param>
    /// <param name="basePrefix"><see cref="Files.ModelFamily.BasePrefix"/> of the model.</param>
    public RawTensor? Find(string name, string basePrefix)
    {
        string prefix = basePrefix + ".";
        foreach (string candidate in (ReadOnlySpan<string>)[name, name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..]
            : prefix + name])
        {
            if (!_tensors.TryGetValue(candidate, out RawTensor? tensor)) continue;
            _used.Add(candidate);
            return tensor;
        }

        return null;
    }

    /// <summary>Refuses tensors that nobody asked for. Copies that PEFT writes of modules saved whole carry nothing.</summary>
    /// <param name="except">True for names that are allowed.</param>
    /// <exception cref="InvalidFileException">There are some: configuration and weights do not belong together.</exception>
    public void CheckUsed(Func<string, bool> except)
    {
        string[] left = [.. Unused.Where(name => !except(name)).Order(StringComparer.Ordinal)];
        if (left.Length == 0) return;
        throw new InvalidFileException(File, left[0],
            $"{(left.Length > 1 ? $"and {left.Length - 1} more " : "")}belong{(left.Length > 1 ? "" : "s")} to no module "
                + $"that {AdapterConfigFile.Name} names. Check that both files, and the base model, belong together");
    }

    /// <summary>Names of the tensors that nobody asked for, without the copies that carry nothing.</summary>
    public IEnumerable<string> Unused => _tensors.Keys.Where(name => !_used.Contains(name) && !IsCopy(name));

    /// <summary>The name in the base model of a weight that was saved with an adapter.</summary>
    public static string BaseName(string name) => name.Replace(".base_layer.", ".", StringComparison.Ordinal);

    /// <summary>True for a second copy, or the untrained original, of a tensor of a module that is saved whole.</summary>
    public static bool IsCopy(string name)
        => name.Contains(".modules_to_save.", StringComparison.Ordinal) || name.Contains(".original_module.", StringComparison.Ordinal);

    public void Dispose() => _file.Dispose();

    private static string NameOf(string key) => key.StartsWith(Prefix, StringComparison.Ordinal) ? key[Prefix.Length..] : key;
}
