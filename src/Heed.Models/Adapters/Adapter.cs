using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models.Adapters;

/// <summary>
/// A low-rank adapter on a model (LoRA, DoRA): narrow matrices beside frozen weights, and what else its <see cref="Config"/> trains. It
/// is written and read in the form of PEFT's folders.
/// </summary>
/// <example><code>
/// Adapter adapter = Adapter.Apply(model, new AdapterConfig { Rank = 8, TargetPattern = AdapterConfig.AllLinear });
/// // … train: only adapter.Parameters get gradients …
/// adapter.Save("my-adapter");
/// adapter.Merge();
/// </code></example>
/// <remarks>Hu et al. 2021, arXiv:2106.09685; Liu et al. 2024, arXiv:2402.09353. Models keep one adapter at a time.</remarks>
public sealed class Adapter
{
    private readonly List<AdaptedModule> _modules = [];
    private readonly List<KeyValuePair<string, Parameter>> _trained = [];
    private readonly List<Parameter> _frozen;
    private readonly string _basePrefix;

    private Adapter(Model model, AdapterConfig config, IReadOnlyList<AdapterTarget> targets)
    {
        (Model, Config) = (model, AdapterTargets.Named(model, config, targets));
        _basePrefix = ModelFamilies.Of(model.Config.ModelType)?.BasePrefix ?? "";
        foreach (AdapterTarget target in targets) Check(target);
        _frozen = [.. model.Parameters.Where(p => p.NeedsGradient)];
        foreach (Parameter p in _frozen)
        {
            p.NeedsGradient = false;
            p.Leaf.Clear();
        }

        try
        {
            foreach (AdapterTarget target in targets) Attach(target);
            foreach (AdaptedModule module in _modules)
                foreach (Parameter p in module.Change.Parameters) Train(p.Name, p);
            TrainOthers();
        }
        catch
        {
            Detach();
            throw;
        }

        model.Adapter = this;
    }

    /// <summary>The model that carries the adapter.</summary>
    public Model Model { get; }

    /// <summary>Ranks, targets and the rest, with the targets by name.</summary>
    public AdapterConfig Config { get; private init; }

    /// <summary>What is trained: the narrow matrices, and the biases and whole modules that <see cref="Config"/> names. All others are
    /// frozen.</summary>
    public IReadOnlyList<Parameter> Parameters => [.. _trained.Select(t => t.Value)];

    /// <summary>The changed modules, in the model's order.</summary>
    internal IReadOnlyList<AdaptedModule> Modules => _modules;

    /// <summary>The trained parameters by their keys in PEFT's files.</summary>
    internal IReadOnlyList<KeyValuePair<string, Parameter>> Keys
        => [.. _trained.Select(t => KeyValuePair.Create(AdapterTensors.KeyOf(t.Key), t.Value))];

    /// <summary>The folder from which <see cref="AdapterConfig.BaseModel"/> is seen, where it is a relative path.</summary>
    private string? Folder { get; init; }

    /// <summary>Adds an adapter to a model, to be trained: the model computes what it did before, and all that the adapter does not train
    /// is frozen.</summary>
    /// <param name="model">The model; its weights may be packed, and stay so.</param>
    /// <param name="config">What is adapted and trained.</param>
    /// <param name="seed">Of the first values of A.</param>
    /// <exception cref="ConfigException">The configuration names no module of this model, or contradicts itself.</exception>
    /// <exception cref="InvalidOperationException">The model carries an adapter already.</exception>
    public static Adapter Apply(Model model, AdapterConfig config, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        ThrowIfAdapted(model);
        using ContextScope entered = model.Context.Enter();
        if (model.Parameters.Any(p => p.HasValue)) model.Parameters.EndLoading(seed);
        return new Adapter(model, config, AdapterTargets.Find(model, config));
    }

    /// <summary>As <see cref="Apply(Model, AdapterConfig, ulong)"/>, on a model whose file lacks some parameters: what they belong to is
    /// trained and saved whole too, or the folder would not hold all that was learned.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">What is adapted and trained.</param>
    /// <param name="newParameters">Names of parameters that begin with random values: a new head's, a pooler's.</param>
    /// <param name="seed">Of the first values of A.</param>
    internal static Adapter Apply(Model model, AdapterConfig config, IEnumerable<string> newParameters, ulong seed)
    {
        string prefix = (ModelFamilies.Of(model.Config.ModelType)?.BasePrefix ?? "") + ".";
        // Of a head the whole, as PEFT names it; of the stack the one module.
        IEnumerable<string> modules = newParameters.Select(name => name.StartsWith(prefix, StringComparison.Ordinal)
            ? name[..Math.Max(0, name.LastIndexOf('.'))]
            : name[..(name.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? dot : name.Length)]);
        return Apply(model, config with { ModulesToSave = [.. config.ModulesToSave.Union(modules, StringComparer.Ordinal)] }, seed);
    }

    /// <summary>Gives the adapter the values that <see cref="Save"/> wrote, to the bit: of a run that resumes.</summary>
    /// <param name="folder">An adapter's folder, with the same modules and ranks.</param>
    /// <exception cref="StorageException">A file is missing or cannot be read.</exception>
    /// <exception cref="InvalidFileException">A tensor is missing, unexpected or of another shape.</exception>
    internal void Restore(string folder)
    {
        using AdapterTensors tensors = AdapterTensors.Open(new FolderModelFiles(folder));
        using ContextScope entered = Model.Context.Enter();
        Read(tensors, wholeToo: true);
    }

    /// <summary>Adds an adapter of a folder to a model of its base, to be used or trained further.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="folder">A folder with <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</param>
    /// <exception cref="StorageException">A file is missing or cannot be read.</exception>
    /// <exception cref="InputException">A file is damaged, or does not belong to this model.</exception>
    /// <exception cref="InvalidOperationException">The model carries an adapter already.</exception>
    public static Adapter Load(Model model, string folder)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(folder);
        FolderModelFiles files = new(folder);
        using AdapterTensors tensors = AdapterTensors.Open(files);
        using ContextScope entered = model.Context.Enter();
        return Load(model, AdapterConfigFile.Read(files), tensors, folder, wholeToo: true);
    }

    /// <summary>As <see cref="Load(Model, string)"/>, of files that are open.</summary>
    /// <param name="model">The base model, or its shapes.</param>
    /// <param name="config">The configuration of the files.</param>
    /// <param name="tensors">The weights.</param>
    /// <param name="folder">The adapter's folder, or null.</param>
    /// <param name="wholeToo">False to leave biases and whole modules unread: of a model of shapes.</param>
    internal static Adapter Load(Model model, AdapterConfig config, AdapterTensors tensors, string? folder, bool wholeToo)
    {
        ThrowIfAdapted(model);
        string prefix = ModelFamilies.Of(model.Config.ModelType)?.BasePrefix ?? "";
        int? RankOf(string module)
        {
            RawTensor? a = tensors.Find($"{module}.lora_A.weight", prefix) ?? tensors.Find($"{module}.lora_embedding_A", prefix);
            return a is { Shape.Count: 2 } ? checked((int)a.Shape[0]) : throw Missing(tensors, config, $"{module}.lora_A.weight");
        }

        Adapter adapter = new(model, config, AdapterTargets.Find(model, config, RankOf)) { Folder = folder };
        try
        {
            adapter.Read(tensors, wholeToo);
            return adapter;
        }
        catch
        {
            adapter.Detach();
            throw;
        }
    }

    /// <summary>Writes the adapter as PEFT does: <c>adapter_model.safetensors</c> and <c>adapter_config.json</c>, each
    /// atomically.</summary>
    /// <param name="folder">Made where it does not exist.</param>
    /// <exception cref="StorageException">The disk is full or the folder cannot be written.</exception>
    public void Save(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be made: {e.Message}", e);
        }

        AdapterConfig config = Config;
        // A path that was seen from the old folder is seen from the new one.
        if (Folder is { } old && config.BaseModel is { Length: > 0 } path && !Path.IsPathRooted(path)
            && Directory.Exists(Path.Combine(old, path)))
            config = config with { BaseModel = Path.GetRelativePath(folder, Path.Combine(old, path)).Replace('\\', '/') };
        SafetensorsWriter.Write(Path.Combine(folder, AdapterTensors.SafetensorsName),
            Keys.Select(k => new ParameterTensor(k.Value).Rename(k.Key)), SafetensorsWriter.PyTorchMetadata);
        if (LabelsOfItsOwn() is { } labels) DurableFile.WriteText(Path.Combine(folder, ModelFolder.ConfigName), StrictJson.Format(labels));
        DurableFile.WriteText(Path.Combine(folder, AdapterConfigFile.Name), StrictJson.Format(AdapterConfigFile.ToJson(config)));
    }

    /// <summary>Puts the changes into the weights, as PEFT's <c>merge_and_unload</c>, and removes the adapter: the model is then an
    /// ordinary one, and trains as it did before.</summary>
    /// <remarks>Of a token table that is the output layer too, the output changes with it, as in PEFT. Folders are opened so that it does
    /// not: see docs/adapters.md.</remarks>
    public void Merge()
    {
        using ContextScope entered = Model.Context.Enter();
        foreach (AdaptedModule module in _modules)
        {
            Parameter weight = module.Weight;
            bool packed = weight.IsPacked;
            Engine.Kernels.WeightFormat format = weight.Format;
            weight.Assign(module.Change.Merged(weight, module.Table is not null));
            if (packed) weight.Pack(format);
        }

        Detach();
    }

    /// <summary>The configuration with the names of a head's classes, where the base model's file has others: PEFT's files hold no names,
    /// and its readers pass a <c>config.json</c> over.</summary>
    private JsonObject? LabelsOfItsOwn()
    {
        JsonObject now = ModelFolder.ConfigOf(Model, DType.F32);
        bool isSame = ((string[])["id2label", "problem_type"]).All(key => JsonNode.DeepEquals(now[key], Model.Config.Original?[key]));
        return Model.Config.Labels.Count == 0 || isSame ? null : now;
    }

    /// <summary>Removes the adapter and leaves the weights as they are.</summary>
    private void Detach()
    {
        foreach (AdaptedModule module in _modules) module.Detach();
        foreach ((_, Parameter p) in _trained) p.NeedsGradient = false;
        foreach (Parameter p in _frozen) p.NeedsGradient = true;
        Model.Adapter = null;
    }

    private void Check(AdapterTarget target)
    {
        if (target.Module is Embedding && Config.Dora)
            throw Config.Wrong("use_dora", $"is true and target_modules names the table '{target.Module.Path}'; DoRA of tables is not "
                + "computed here. Leave the table out, or use LoRA");
        if (target.Module is Embedding && Model is SequenceToSequenceModel)
            throw Config.Wrong("target_modules", $"names the table '{target.Module.Path}', which several parts of an encoder-decoder "
                + "read; leave it out");
        if (target.Module is Linear linear && !Module.CanReplace(linear))
            throw Config.Wrong("target_modules", $"names '{linear.Path}', whose weight the model reads itself; leave it out, or put it "
                + "into modules_to_save");
        if (Config.Dropout > 0 && target.Module.Site == "head.output")
            throw Config.Wrong("lora_dropout", "is not 0 and the output layer is adapted, which has no dropout here; set 0, or leave the "
                + "output layer out");
    }

    private void Attach(AdapterTarget target)
    {
        bool isTable = target.Module is Embedding;
        LowRankConfig change = new()
        {
            Rank = target.Rank,
            Scale = target.Scale,
            Dropout = (float)Config.Dropout,
            HasMagnitude = Config.Dora,
            DownInitializer = isTable || Config.Start != AdapterStart.Gaussian ? null : Initializer.Normal(1f / target.Rank),
            UpInitializer = isTable || Config.Start != AdapterStart.Both ? null : Initializer.UniformWithin(1 / MathF.Sqrt(target.Rank)),
        };
        _modules.Add(target.Module is Embedding table ? AdaptedModule.Of(table, change) : AdaptedModule.Of((Linear)target.Module, change));
    }

    /// <summary>Biases and whole modules.</summary>
    private void TrainOthers()
    {
        Dictionary<Parameter, string> adapted = new(ReferenceEqualityComparer.Instance);
        foreach (AdaptedModule module in _modules)
            if (module.Linear?.Bias is { } bias) adapted[bias] = $"{module.Path}.base_layer.bias";
        HashSet<string> tied = [.. Model.TiedNames.Values];
        foreach (Parameter p in Model.Parameters)
        {
            if (IsWhole(p))
            {
                if (tied.Contains(p.Name))
                    throw Config.Wrong("modules_to_save", $"names '{p.Name}', which is the output layer too; a model whose config.json "
                        + "sets tie_word_embeddings to false trains them apart. Set it, or leave the name out");
                Train(p.Name, p);
            }
            else if (Config.Bias == AdapterBias.Adapted ? adapted.ContainsKey(p) : Config.Bias == AdapterBias.All
                && p.Name.Contains("bias", StringComparison.Ordinal) && !IsOwn(p))
            {
                Train(adapted.GetValueOrDefault(p, p.Name), p);
            }
        }
    }

    private bool IsWhole(Parameter p) => AdapterTargets.IsWhole(Config, p.Name[..Math.Max(0, p.Name.LastIndexOf('.'))]);

    private bool IsOwn(Parameter p) => _modules.Exists(m => m.Change.Parameters.Contains(p));

    private void Train(string key, Parameter p)
    {
        p.NeedsGradient = true;
        p.Unpack();
        _trained.Add(KeyValuePair.Create(key, p));
    }

    private void Read(AdapterTensors tensors, bool wholeToo)
    {
        foreach ((string key, Parameter p) in _trained)
        {
            // Older versions of PEFT wrote a bias and a magnitude under other names.
            RawTensor? stored = tensors.Find(key, _basePrefix)
                ?? tensors.Find(key.Replace(".base_layer.bias", ".bias", StringComparison.Ordinal), _basePrefix)
                ?? tensors.Find(key + ".weight", _basePrefix);
            if (stored is null) throw Missing(tensors, Config, key);
            if (stored.Shape.Count != p.Shape.Rank || !stored.Shape.Select((size, i) => size == p.Shape[i]).All(same => same))
                throw new InvalidFileException(tensors.File, stored.Name, $"is [{string.Join(", ", stored.Shape)}]; {p.Shape} was "
                    + "expected. Check that the adapter belongs to this base model");
            if (!wholeToo && !IsOwn(p)) continue;
            Tensor value = Tensor.Uninitialized(p.Shape);
            stored.ReadFloats(value.Span);
            p.Assign(value);
        }

        // Weights of the base that PEFT saved with the adapter (a vocabulary that grew) take their place when a folder is opened; on a
        // model that is there already they would be lost with the next save.
        tensors.CheckUsed(except: name => !wholeToo && Model.Parameters.TryGet(AdapterTensors.BaseName(name), out _));
    }

    private static InvalidFileException Missing(AdapterTensors tensors, AdapterConfig config, string name)
        => new(tensors.File, AdapterTensors.KeyOf(name), $"is missing, and {config.File} names it. Check that both files, and the base "
            + "model, belong together");

    private static void ThrowIfAdapted(Model model)
    {
        if (model.Adapter is not null)
            throw new InvalidOperationException("Adapter: the model carries an adapter already; merge it first (Adapter.Merge).");
    }
}
