using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Adapters;

/// <summary>An adapter's files before those of its base model, as one folder: the configuration and the weights are the base's, a tokenizer
/// or a chat template that lies beside the adapter is the adapter's.</summary>
internal sealed class AdapterFiles : IModelFiles
{
    private static readonly string[] TextFiles =
        ["tokenizer", "special_tokens_map", "added_tokens", "vocab", "merges", "spiece", "sentencepiece", "chat_template",
            "additional_chat_templates/", "generation_config"];

    private readonly IModelFiles _adapter;

    private AdapterFiles(IModelFiles adapter, AdapterConfig config, IModelFiles model)
        => (_adapter, Config, Base) = (adapter, config, model);

    /// <summary>The adapter's configuration.</summary>
    public AdapterConfig Config { get; }

    /// <summary>The base model.</summary>
    public IModelFiles Base { get; }

    /// <inheritdoc/>
    public string Location => _adapter.Location;

    /// <summary>The files with their base model, if they are an adapter's; else the files themselves.</summary>
    /// <param name="files">Any files.</param>
    /// <param name="options">Where to look for the base model.</param>
    /// <exception cref="StorageException">The base model is nowhere.</exception>
    public static IModelFiles Resolve(IModelFiles files, LoadOptions? options)
    {
        if (files is AdapterFiles || !AdapterConfigFile.IsFor(files)) return files;
        AdapterConfig config = AdapterConfigFile.Read(files, options?.Warnings);
        return new AdapterFiles(files, config, FindBase(files, config, options));
    }

    /// <summary>Opens the adapter's weights.</summary>
    public AdapterTensors OpenTensors() => AdapterTensors.Open(_adapter);

    /// <inheritdoc/>
    public bool Contains(string name) => !IsLeftOut(name) && Holder(name).Contains(name);

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string folder)
        => [.. Base.List(folder).Where(name => !IsLeftOut(name)).Union(_adapter.List(folder).Where(IsText)).Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public string PathOf(string name) => Holder(name).PathOf(name);

    /// <inheritdoc/>
    public ModelFile Open(string name) => Holder(name).Open(name);

    /// <summary>The modules of a base that makes vectors: an adapter with a head of its own makes answers.</summary>
    private bool IsLeftOut(string name) => name == "modules.json" && Config.TaskType is not (null or "FEATURE_EXTRACTION");

    /// <summary>The head that the adapter was trained with, where the base model's file names another one.</summary>
    /// <param name="model">The base model, as its file describes it.</param>
    /// <param name="options">Whose own choice of a head counts more.</param>
    public LoadOptions? HeadOf(ModelDescription model, LoadOptions? options)
    {
        HeadKind? head = Config.TaskType switch
        {
            "SEQ_CLS" => HeadKind.SequenceClassifier,
            "TOKEN_CLS" => HeadKind.TokenClassifier,
            "QUESTION_ANS" => HeadKind.QuestionAnswerer,
            "CAUSAL_LM" => HeadKind.LanguageModel,
            "SEQ_2_SEQ_LM" => HeadKind.SequenceToSequence,
            _ => null,
        };
        if (head is not { } wanted || options?.Architecture is not null) return options;
        string architecture = model.Architecture;
        if (model.Family.HeadOf(architecture) != wanted)
        {
            architecture = ModelFamilies.Heads(model.Family, model.Config.ModelType).FirstOrDefault(a => model.Family.HeadOf(a) == wanted)
                ?? throw Config.Wrong("task_type", $"is \"{Config.TaskType}\", and {model.Config.ModelType} models have no such head "
                    + $"here; they have {string.Join(", ", ModelFamilies.Heads(model.Family, model.Config.ModelType))}");
        }

        options = (options ?? LoadOptions.Default) with { Architecture = architecture };
        if (wanted is not (HeadKind.SequenceClassifier or HeadKind.TokenClassifier)) return options;
        (IReadOnlyList<string> labels, ClassificationKind? kind) = Classes(model.Config);
        Func<ModelConfig, ModelConfig>? configure = options.Configure;
        return options with
        {
            Configure = config => (configure?.Invoke(config) ?? config) with { Labels = labels, ClassificationKind = kind },
        };
    }

    /// <summary>The options with which the base model is loaded so that the adapter is in its weights, and the description that goes with
    /// them.</summary>
    /// <param name="description">The base model.</param>
    /// <param name="tensors">The adapter's weights; open until the model is loaded.</param>
    /// <param name="options">The caller's.</param>
    public LoadOptions Merging(ref ModelDescription description, AdapterTensors tensors, LoadOptions options)
    {
        Model shapes = ModelFolder.Shapes(description.Family, description.Architecture, description.Config, description.File);
        if (Untied(shapes, tensors, description) is { } copies)
        {
            // PEFT's merge would change the output layer with the table; here the two part, and the logits stay those of the adapter.
            shapes.Dispose();
            description = description with { Config = description.Config with { TiedOutput = false } };
            shapes = ModelFolder.Shapes(description.Family, description.Architecture, description.Config, description.File);
            options = options with { Copies = copies };
        }

        try
        {
            Adapter adapter = Adapter.Load(shapes, Config, tensors, null, wholeToo: false);
            return options with { Merged = new MergedWeights(adapter, tensors, description.Family.BasePrefix) };
        }
        catch
        {
            shapes.Dispose();
            throw;
        }
    }

    /// <summary>Of a token table that is the output layer too and that the adapter changes: the output layer's own name, and the table's,
    /// from which it begins; null where nothing must part.</summary>
    private Dictionary<string, string>? Untied(Model shapes, AdapterTensors tensors, ModelDescription description)
    {
        if (!description.Config.TiedOutput || shapes is SequenceToSequenceModel) return null;
        foreach ((string second, string table) in shapes.TiedNames)
        {
            if (!second.EndsWith(".weight", StringComparison.Ordinal)) continue;
            string module = table[..table.LastIndexOf('.')], output = second[..second.LastIndexOf('.')];
            string bare = description.Family.BasePrefix + ".";
            if (((string[])[$"{module}.lora_embedding_A", table, second, $"{output}.lora_A.weight"]).Any(
                name => tensors.All.ContainsKey(name)
                    || (name.StartsWith(bare, StringComparison.Ordinal) && tensors.All.ContainsKey(name[bare.Length..]))))
                return new Dictionary<string, string>(StringComparer.Ordinal) { [second] = table };
        }

        return null;
    }

    /// <summary>The classes of the head: by the adapter's own <c>config.json</c>, else as many as its head has rows, else the base
    /// model's.</summary>
    private ClassesOfHead Classes(ModelConfig model)
    {
        if (_adapter.Contains(ModelFolder.ConfigName))
        {
            using JsonDocument document = _adapter.ReadJson(ModelFolder.ConfigName, 16 << 20);
            ConfigReader file = new(document.RootElement, _adapter.PathOf(ModelFolder.ConfigName));
            if (file.Root.ValueKind == JsonValueKind.Object && file.Has("id2label"))
                return new(ConfigWords.Labels(file), ConfigWords.Kind(file));
        }

        using AdapterTensors tensors = OpenTensors();
        foreach (string name in (string[])["classifier.out_proj.weight", "classifier.weight", "score.weight"])
        {
            if (!tensors.All.TryGetValue(name, out RawTensor? weight) || weight.Shape.Count != 2 || weight.Shape[0] == model.Labels.Count)
                continue;
            int count = checked((int)weight.Shape[0]);
            return new([.. Enumerable.Range(0, count).Select(i => FormattableString.Invariant($"LABEL_{i}"))], model.ClassificationKind);
        }

        return new(model.Labels, model.ClassificationKind);
    }

    private readonly record struct ClassesOfHead(IReadOnlyList<string> Labels, ClassificationKind? Kind);

    private IModelFiles Holder(string name)
        => IsText(name) && _adapter.Contains(name) ? _adapter : Base;

    /// <summary>True for files of a tokenizer, of chat templates and of settings of generation.</summary>
    private static bool IsText(string name) => Array.Exists(TextFiles, start => name.StartsWith(start, StringComparison.Ordinal));

    private static IModelFiles FindBase(IModelFiles files, AdapterConfig config, LoadOptions? options)
    {
        if (options?.Base is { } given) return given;
        if (config.BaseModel is not { Length: > 0 } name)
            throw config.Wrong("base_model_name_or_path", "is missing; it names the base model. Write it there, "
                + "or name the base model where "
                + "the adapter is opened");
        string? beside = files is FolderModelFiles own ? Path.Combine(own.Location, name) : null;
        string? folder = Directory.Exists(beside) ? beside : null;
        folder ??= options?.FindModel?.Invoke(name, config.BaseRevision) ?? (Directory.Exists(name) ? name : null);
        if (folder is null)
        {
            throw new StorageException($"{config.File}: $.base_model_name_or_path: is '{Printable.Shorten(name)}', which is no folder, "
                + "seen from the adapter or from here, and no model in the cache. "
                + $"Fetch it with 'heed pull {Printable.Shorten(name)}', or correct the path.");
        }

        IModelFiles found = new FolderModelFiles(folder);
        if (AdapterConfigFile.IsFor(found))
            throw config.Wrong("base_model_name_or_path", $"is '{Printable.Shorten(name)}', an adapter itself; merge that one first "
                + "(heed merge)");
        return found;
    }
}
