using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Adapters;

namespace Heed.Models.Files;

/// <summary>Opens and saves models as Hugging Face folders: <c>config.json</c> and weights.</summary>
public static class ModelFolder
{
    /// <summary>Name of the configuration.</summary>
    public const string ConfigName = "config.json";

    /// <summary>Name of the generation defaults.</summary>
    public const string GenerationConfigName = "generation_config.json";

    private const long LargestConfig = 16 << 20;

    private static readonly string[] SizeKeys =
    [
        "num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers", "decoder_layers", "hidden_size",
            "n_embd", "dim", "d_model",
        "intermediate_size", "n_inner", "hidden_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim", "vocab_size",
    ];

    /// <summary>Opens a folder as it was downloaded or saved.</summary>
    /// <exception cref="StorageException">The folder or a file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, a tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="BudgetException">The weights would not fit into the memory allowed.</exception>
    public static LoadedModel Load(string folder, LoadOptions? options = null) => Load(Folder(folder), options);

    /// <summary>Opens a model from the files of any store: a folder, memory, a download.</summary>
    /// <inheritdoc cref="Load(string, LoadOptions?)" path="/exception"/>
    public static LoadedModel Load(IModelFiles files, LoadOptions? options = null)
    {
        files = AdapterFiles.Resolve(files, options);
        return Load(files, ReadConfig(files, options), options);
    }

    /// <summary>Opens a model whose configuration is read already.</summary>
    internal static LoadedModel Load(IModelFiles files, ModelDescription description, LoadOptions? options)
    {
        options ??= LoadOptions.Default;
        using ContextScope entered = (options.Context ?? ComputeContext.Current).Enter();
        if (AdapterFiles.Resolve(files, options) is not AdapterFiles adapter) return LoadWhole(files, description, options);
        using AdapterTensors tensors = adapter.OpenTensors();
        LoadOptions merging = adapter.Merging(ref description, tensors, options);
        using MergedWeights? merged = merging.Merged;
        return LoadWhole(adapter.Base, description, merging);
    }

    private static LoadedModel LoadWhole(IModelFiles files, ModelDescription description, LoadOptions options)
    {
        (ModelFamily family, string architecture, ModelConfig config) = description;
        string folder = files.Location;
        using Model shapes = Shapes(family, architecture, config, description.File);
        // Before a weight file is opened: sizes that no stored type makes fit, of which 16 bits are the narrowest, four in GGUF files.
        WeightFormat narrowest = files.Contains(GgufModelFiles.WeightsName) ? WeightFormat.Q4_0 : WeightFormat.BFloat16;
        long least = options.ForTraining
            ? shapes.Parameters.Values * sizeof(float)
            : shapes.Parameters.BytesAs(options.Format ?? narrowest);
        CheckBudget(description, least, "at least ", options);
        using CheckpointFolder checkpoint = CheckpointFolder.Open(files);
        if (options.Warnings is { } warnings)
        {
            description.ReportTo(warnings);
            ReportIds(description, warnings);
            foreach (string warning in checkpoint.Warnings) warnings.Report(warning);
        }

        CheckpointSource source = new(checkpoint, family, shapes.TiedNames, options);
        CheckBudget(description, source.HeldBytes(shapes), "", options);
        ParameterSet parameters = new(source);
        Model model;
        try
        {
            model = family.Build(architecture, config, parameters);
        }
        catch
        {
            parameters.Dispose(); // of a damaged file, or a stop half-way
            throw;
        }

        LoadReport report;
        try
        {
            report = source.Report(model);
        }
        catch
        {
            model.Dispose();
            throw;
        }

        // The base of an adapter may hold the head of its pre-training instead of the adapter's.
        if (options.Merged is not null)
            report = report with { Unexpected = [.. report.Unexpected.Where(name => IsOfStack(name, family, model))] };
        if (!report.IsComplete)
        {
            string sentence = Describe(folder, report, config);
            if (!options.AllowMissing)
            {
                model.Dispose();
                throw new InputException($"{sentence} {Advice(report, family, config, architecture)}");
            }

            options.Warnings?.Report(sentence);
        }

        model.StoredTypes = report.StoredTypes;
        parameters.EndLoading(options.Seed);
        return new LoadedModel(model, report);
    }

    /// <summary>Holds a folder's weights against its configuration by names, shapes and stored types alone: no value is read, and no memory
    /// taken for any.</summary>
    /// <returns>A model of shapes, with <see cref="Model.StoredTypes"/>.</returns>
    /// <exception cref="StorageException">The folder or a file is missing.</exception>
    /// <exception cref="InputException">A file is damaged, a tensor is missing, unexpected or of another shape.</exception>
    /// <exception cref="BudgetException">A parameter would be larger than any tensor can be.</exception>
    public static Model Inspect(string folder) => Inspect(Folder(folder), ReadConfig(folder));

    /// <summary>As <see cref="Inspect(string)"/>, of a configuration that is read already.</summary>
    internal static Model Inspect(IModelFiles files, ModelDescription description)
    {
        (ModelFamily family, string architecture, ModelConfig config) = description;
        string folder = files.Location;
        using CheckpointFolder checkpoint = CheckpointFolder.Open(files);
        using Model shapes = Shapes(family, architecture, config, description.File);
        CheckpointSource source = new(checkpoint, family, shapes.TiedNames, LoadOptions.Default, namesOnly: true);
        Model model = Build(family, architecture, config, source, description.File);
        LoadReport report = source.Report(model);
        if (!report.IsComplete)
            throw new InputException($"{Describe(folder, report, config)} Check that weights and config.json belong together, "
                + "or that the download is whole.");
        model.StoredTypes = report.StoredTypes;
        return model;
    }

    /// <summary>Reads only the configuration of a folder.</summary>
    public static ModelDescription ReadConfig(string folder, LoadOptions? options = null) => ReadConfig(Folder(folder), options);

    /// <summary>Reads only the configuration among the files of a model.</summary>
    public static ModelDescription ReadConfig(IModelFiles files, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (AdapterFiles.Resolve(files, options) is not AdapterFiles adapter) return ReadConfig(new StoredFile(files, ConfigName), options);
        StoredFile file = new(adapter.Base, ConfigName);
        ModelDescription description = ReadConfig(file, options);
        LoadOptions? head = adapter.HeadOf(description, options);
        return ReferenceEquals(head, options) ? description : ReadConfig(file, head);
    }

    /// <summary>Reads a configuration file alone.</summary>
    public static ModelDescription ReadConfigFile(string path, LoadOptions? options = null) => ReadConfig(StoredFile.OfPath(path), options);

    private static ModelDescription ReadConfig(StoredFile file, LoadOptions? options)
    {
        using JsonDocument document = file.ReadJson(LargestConfig);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(file.Path, "$", $"is {StrictJson.Describe(document.RootElement)}; an object was expected. "
                + "Restore the file from the model's repository");
        return Interpret(new ConfigReader(document.RootElement.Clone(), file.Path), options);
    }

    private static IModelFiles Folder(string folder) => GgufModelFiles.OfPath(folder);

    /// <summary>A model of shapes alone: names and sizes, no weight is read and no memory for any taken.</summary>
    /// <param name="family">The family.</param>
    /// <param name="architecture">The head's class name.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="file">Where they come from, for the error.</param>
    /// <exception cref="BudgetException">A parameter would be larger than any tensor can be.</exception>
    public static Model Shapes(ModelFamily family, string architecture, ModelConfig config, string file)
    {
        ArgumentNullException.ThrowIfNull(family);
        return Build(family, architecture, config, ParameterSource.ShapesOnly, file);
    }

    private static Model Build(ModelFamily family, string architecture, ModelConfig config, ParameterSource source, string file)
    {
        try
        {
            return family.Build(architecture, config, new ParameterSet(source));
        }
        catch (ConfigException e)
        {
            throw new ConfigException($"{file}: {e.Message}", e);
        }
        catch (ShapeException e)
        {
            throw new BudgetException($"{file}: its sizes are too large ({Sizes(config)}): {e.Message} "
                + $"The token table alone takes {Printable.Bytes(4.0 * config.Vocabulary * config.Width)}, "
                + $"and {Printable.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)} are there. Correct the sizes.");
        }
    }

    /// <summary>Interprets a configuration object: family, head, sizes; validated.</summary>
    internal static ModelDescription Interpret(ConfigReader reader, LoadOptions? options = null)
    {
        ConfigKeys keys = new();
        ConfigReader file = reader.NotedIn(keys);
        (ModelFamily family, string architecture) = ModelFamilies.Find(file, options?.Architecture);
        bool isGuessed = options?.Architecture is null
            && !(file.Has(ModelFamilies.ArchitecturesKey) && file.Root.GetProperty(ModelFamilies.ArchitecturesKey).GetArrayLength() > 0);
        ConfigKeyList.Refuse(file);
        ModelConfig config = family.ReadConfig(file) with { Original = JsonObject.Create(file.Root.Clone()) };
        if (options?.Configure is { } configure) config = configure(config);
        if (config is { ClassificationKind: ClassificationKind.SingleLabel, Labels.Count: 1 })
            throw file.Wrong("problem_type", "is \"single_label_classification\" and there is one label; give at least two labels, "
                + "or say \"regression\"");
        try
        {
            config.Validate();
        }
        catch (ConfigException e)
        {
            throw new ConfigException($"{file.File}: {e.Message} Correct the value that is wrong.", e);
        }

        if (config.Layers > 10_000)
            throw new BudgetException($"{file.File}: the model has {config.Layers} layers; at most 10,000 are accepted.");
        return new ModelDescription(family, architecture, config)
        {
            File = file.File,
            Root = file.Root,
            Keys = keys.Of(file.Root, ConfigKeyList.IsWithoutEffect),
            IsGuessed = isGuessed
        };
    }

    /// <summary>Writes a folder that <c>from_pretrained</c> opens. Files are replaced one by one, each atomically, weights before
    /// <c>config.json</c>.</summary>
    /// <param name="model">The model; packed weights are unpacked tensor by tensor.</param>
    /// <param name="folder">Made where it does not exist.</param>
    /// <param name="dtype">Type of the stored weights; null keeps each as it was loaded, float32 for new ones.</param>
    /// <param name="shardSize">Largest weights file, in bytes.</param>
    /// <exception cref="StorageException">The disk is full or the folder cannot be written; what was there before stays.</exception>
    public static void Save(Model model, string folder, DType? dtype = null, long shardSize = CheckpointFolder.DefaultShardSize)
        => SaveSome(model, folder, dtype, shardSize, _ => true);

    /// <summary>Writes some of the parameters: the others are kept elsewhere, or need not be kept.</summary>
    internal static void SaveSome(Model model, string folder, DType? dtype, long shardSize, Func<Parameter, bool> includes)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(folder);
        if (model.Adapter is not null)
            throw new InvalidOperationException("ModelFolder.Save: the model carries an adapter; save that alone by Adapter.Save, "
                + "or merge it first by Adapter.Merge.");
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be made: {e.Message}", e);
        }

        // Float64 and 8-bit floats are held as float32, and saved so.
        DType TypeOf(Parameter p) => dtype ?? (model.StoredTypes.GetValueOrDefault(p.Name,
            DType.F32) is (DType.F16 or DType.BF16) and var half ? half : DType.F32);
        Parameter[] saved = [.. model.Parameters.Where(includes)];
        DType[] types = [.. saved.Select(TypeOf).Distinct()];
        CheckpointFolder.Save(folder, saved.Select(p => new ParameterTensor(p).As(TypeOf(p))), shardSize);
        DurableFile.WriteText(
            Path.Combine(folder, ConfigName), StrictJson.Format(ConfigOf(model, types.Length == 1 ? types[0] : DType.F32)));
    }

    /// <summary>The object that <see cref="Save"/> writes as <c>config.json</c>: the one that was read where nothing changed, with unknown
    /// keys kept.</summary>
    internal static JsonObject ConfigOf(Model model, DType dtype)
    {
        JsonObject current = model.Config.ToJson();
        WriteClasses(current, model.Config);
        JsonObject result;
        if (model.Config.Original is { } original)
        {
            using JsonDocument document = JsonDocument.Parse(original.ToJsonString());
            (ModelFamily family, _) = ModelFamilies.Find(new ConfigReader(document.RootElement, ConfigName), model.Architecture);
            ModelConfig read = family.ReadConfig(new ConfigReader(document.RootElement, ConfigName));
            JsonObject before = read.ToJson();
            WriteClasses(before, read);
            result = (JsonObject)original.DeepClone();
            foreach ((string key, JsonNode? value) in current)
                if (!before.TryGetPropertyValue(key, out JsonNode? old) || !JsonNode.DeepEquals(old, value))
                    result[key] = value?.DeepClone();
        }
        else
        {
            result = current;
        }

        if (result["architectures"] is not JsonArray { Count: > 0 } named || named[0]?.GetValue<string>() != model.Architecture)
            result["architectures"] = new JsonArray(model.Architecture);
        string typeKey = result.ContainsKey("torch_dtype") && !result.ContainsKey("dtype") ? "torch_dtype" : "dtype";
        if (result[typeKey]?.GetValue<string>() != dtype.ConfigName()) result[typeKey] = dtype.ConfigName();
        return result;
    }

    /// <summary>The classes of a head, by the keys that every family shares.</summary>
    private static void WriteClasses(JsonObject json, ModelConfig config)
    {
        if (config.ClassificationKind is { } kind) json["problem_type"] = ConfigWords.Name(kind);
        if (config.Labels.Count == 0) return;
        JsonObject names = [], ids = [];
        for (int i = 0; i < config.Labels.Count; i++)
        {
            names[i.ToString(CultureInfo.InvariantCulture)] = config.Labels[i];
            ids[config.Labels[i]] = i;
        }

        (json["id2label"], json["label2id"]) = (names, ids);
    }

    private static void CheckBudget(ModelDescription model, long bytes, string atLeast, LoadOptions options)
    {
        MemoryBudget memory = ComputeContext.Current.Memory;
        long budget = options.MaximumBytes ?? memory.LimitBytes - memory.UsedBytes;
        if (bytes > budget)
            throw new BudgetException($"{model.File}: the weights take {atLeast}{Printable.Bytes(bytes)} ({Sizes(model.Config)}) and "
                + $"{Printable.Bytes(budget)} are allowed. Correct the sizes, use a smaller "
                + $"model{(atLeast.Length == 0 && !options.ForTraining ? " or a narrower format (--dtype q8_0)" : "")}, or a machine "
                + "with more memory.");
    }

    /// <summary>The sizes that make a model large, by the keys of its file.</summary>
    private static string Sizes(ModelConfig config)
    {
        JsonObject json = config.ToJson();
        return string.Join(", ", SizeKeys.Where(key => json[key] is not null).Select(key => $"{key} {json[key]}"));
    }

    /// <summary>How tensors that do not fit are put right: a stack without a head has its own reason.</summary>
    private static string Advice(LoadReport report, ModelFamily family, ModelConfig config, string architecture)
    {
        if (report.Missing.Count > 0 && config.Original?["architectures"] is JsonArray { Count: > 0 } named
            && named[0]?.ToString() is { } stack && family.OtherNames.ContainsKey(stack))
        {
            return $"config.json names {stack}, which was opened as {architecture}, and the file does not hold that head. "
                + $"This family has {string.Join(", ", ModelFamilies.Heads(family, config.ModelType))}: "
                + "name the one that is meant in $.architectures; a program can choose it and start what is missing anew, to be trained.";
        }

        return report.Missing.Count + report.Mismatched.Count > 0
            ? "Correct config.json, or take the weights that belong to it; "
                + "a program can start missing tensors anew, to be trained."
            : "Correct config.json, or write the weights again without what does not belong to the model ('heed info FILE' lists them); "
                + "a program can leave it out.";
    }

    private static string Describe(string folder, LoadReport report, ModelConfig config)
    {
        List<string> parts = [];
        foreach ((string what, IReadOnlyList<string> names) in new[] { ("missing", report.Missing), ("unexpected", report.Unexpected),
            ("of another shape", report.Mismatched) })
        {
            if (names.Count == 0) continue;
            parts.Add($"{names.Count} {(names.Count == 1 ? "tensor is" : "tensors are")} {what}: {Some(names)}");
        }

        // A size that differs, or a layer too many or too few, lies in config.json as likely as in the weights.
        return $"{folder}: {string.Join("; ", parts)}. The sizes of config.json are {Sizes(config)}.";
    }

    /// <summary>True for a stored tensor that belongs to the layers, under its full name or as the bare stack has it.</summary>
    private static bool IsOfStack(string stored, ModelFamily family, Model model)
    {
        string prefix = family.BasePrefix + ".";
        string first = stored.StartsWith(prefix, StringComparison.Ordinal) ? stored[prefix.Length..] : stored;
        first = first[..(first.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? dot : first.Length)];
        return stored.StartsWith(prefix, StringComparison.Ordinal)
            || model.Parameters.Any(p => p.Name.StartsWith($"{prefix}{first}.", StringComparison.Ordinal)
                || p.Name.StartsWith($"{first}.", StringComparison.Ordinal));
    }

    private static string Some(IReadOnlyList<string> names)
        => string.Join(", ", names.Take(4).Select(name => name.Length == 0 ? "one without a name" : name)) + (names.Count > 4 ? ", …" : "");

    /// <summary>An id of the configuration that is no token breaks nothing by itself: what uses it would, later and far away.</summary>
    private static void ReportIds(ModelDescription description, IProgress<string> warnings)
    {
        ModelConfig config = description.Config;
        JsonObject json = config.ToJson();
        // What the file says, not what stands in for what it leaves out.
        foreach ((string key, JsonNode? value) in config.Original ?? [])
        {
            if (!key.EndsWith("_token_id", StringComparison.Ordinal) || value is not JsonValue number || !number.TryGetValue(out int id))
                continue;
            int size = key.Contains("decoder", StringComparison.Ordinal) && json["decoder_vocab_size"] is { } decoder
                ? decoder.GetValue<int>()
                : config.Vocabulary;
            if (id >= 0 && id < size) continue;
            warnings.Report(
                $"{description.File}: $.{key}: is {id}, which is no token; ids from 0 to {size - 1} are, or null for none. Correct it.");
        }
    }
}
