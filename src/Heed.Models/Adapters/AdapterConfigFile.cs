using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heed.Models.Adapters;

/// <summary><c>adapter_config.json</c> of PEFT: every key is followed, refused by name where it asks for what is not computed here, or
/// changes no result.</summary>
internal static class AdapterConfigFile
{
    public const string Name = "adapter_config.json";

    private const long LargestFile = 16 << 20;

    /// <summary>Keys that change no result: who wrote the file and how, and settings of what is refused when it is used.</summary>
    private static readonly string[] WithoutEffect =
    [
        "auto_mapping", "inference_mode", "peft_version", "megatron_core", "qalora_group_size", "runtime_config", "fan_in_fan_out",
        "eva_config", "corda_config", "lora_ga_config", "loftq_config", "_heed",
    ];

    /// <summary>Keys that must be null, false or empty.</summary>
    private static readonly string[] Refused =
    [
        "alora_invocation_tokens", "arrow_config", "ensure_weight_tying", "kasa_config", "layer_replication", "lora_bias",
        "megatron_config", "monteclora_config", "target_parameters", "trainable_token_indices", "use_bdlora", "use_qalora", "velora_config",
    ];

    /// <summary>True where the files are those of an adapter and not of a whole model.</summary>
    public static bool IsFor(IModelFiles files) => files.Contains(Name) && !Checkpoints.CheckpointFolder.HasWeights(files);

    /// <summary>Reads the configuration of an adapter's files.</summary>
    /// <param name="files">The files.</param>
    /// <param name="warnings">Gets a sentence about keys that are unknown; null drops it.</param>
    /// <exception cref="StorageException">The file is missing or cannot be read.</exception>
    /// <exception cref="InputException">The file is damaged, or asks for what is not computed here.</exception>
    public static AdapterConfig Read(IModelFiles files, IProgress<string>? warnings = null)
    {
        using JsonDocument document = files.ReadJson(Name, LargestFile);
        string path = files.PathOf(Name);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(path, "$", $"is {StrictJson.Describe(document.RootElement)}; an object was expected. Restore "
                + "the file from the adapter's repository");
        ConfigKeys keys = new();
        AdapterConfig config = Read(new ConfigReader(document.RootElement, path).WithNullAsAbsent().NotedIn(keys));
        string[] unknown = [.. keys.Of(document.RootElement, IsWithoutEffect).Where(k => k.Use == ConfigKeyUse.Unknown).Select(
            k => Printable.Shorten(k.Key, 40))];
        if (unknown.Length > 0)
            warnings?.Report($"{path}: not known and without "
                + $"effect: {string.Join(", ", unknown.Take(8))}{(unknown.Length > 8 ? ", …" : "")}. Check the spelling, or that the "
                    + "adapter computes nothing that needs them.");
        return config with { Original = JsonObject.Create(document.RootElement.Clone()), File = path };
    }

    private static bool IsWithoutEffect(string key)
        => Array.Exists(WithoutEffect, known => key == known || key.StartsWith(known + ".", StringComparison.Ordinal));

    private static AdapterConfig Read(ConfigReader file)
    {
        if (file.Text("peft_type", "LORA") is not "LORA" and { } type)
            throw file.Wrong("peft_type", $"is \"{Printable.Shorten(type)}\"; only LORA is computed here. Merge the adapter in Python, "
                + "or choose another");
        foreach (string key in Refused)
        {
            file.Guard(key);
            if (file.Root.TryGetProperty(key, out JsonElement value) && !IsNothing(value))
                throw file.Wrong(key, $"is {StrictJson.Describe(value)}; what it asks for is not computed here. Merge the adapter in "
                    + "Python, or choose one without it");
        }

        JsonElement? targets = Value(file, "target_modules"), excluded = Value(file, "exclude_modules"),
            layers = Value(file, "layers_to_transform"), lists = Value(file, "layers_pattern");
        AdapterConfig config = new()
        {
            File = file.File,
            Rank = file.Size("r", 8, 1),
            Alpha = file.Number("lora_alpha", 8),
            RankStabilized = file.Flag("use_rslora", false),
            Dora = file.Flag("use_dora", false),
            Dropout = file.Number("lora_dropout", 0, 0, 1),
            TargetModules = IsText(targets) ? null : Names(file, "target_modules", targets),
            TargetPattern = IsText(targets) ? targets!.Value.GetString() : null,
            ExcludedModules = IsText(excluded) ? [] : Names(file, "exclude_modules", excluded) ?? [],
            ExcludedPattern = IsText(excluded) ? excluded!.Value.GetString() : null,
            Layers = layers is { ValueKind: JsonValueKind.Number } one
                ? [StrictJson.Integer(one, file.File, file.At("layers_to_transform"))] : Integers(file, "layers_to_transform", layers),
            LayerLists = IsText(lists) ? (lists!.Value.GetString() is { Length: > 0 } list ? [list] : [])
                : Names(file, "layers_pattern", lists) ?? [],
            RankPattern = Pattern(file, "rank_pattern", (value, at)
                => StrictJson.Integer(value, file.File, at, 1, ConfigReader.MaximumSize)),
            AlphaPattern = Pattern(file, "alpha_pattern", (value, at) => StrictJson.Number(value, file.File, at)),
            Bias = file.Choice("bias", "none", ("none", AdapterBias.None), ("lora_only", AdapterBias.Adapted), ("all", AdapterBias.All)),
            ModulesToSave = Names(file, "modules_to_save", Value(file, "modules_to_save")) ?? [],
            TaskType = file.Text("task_type"),
            BaseModel = file.Text("base_model_name_or_path"),
            BaseRevision = file.Text("revision"),
            Start = StartOf(file),
        };
        config.Validate();
        return config;
    }

    /// <summary>The object that PEFT 0.21 writes, keys sorted; what was read and not changed stays as it stood.</summary>
    public static JsonObject ToJson(AdapterConfig config)
    {
        JsonObject now = Form(config);
        if (config.Original is { } original)
        {
            using JsonDocument document = JsonDocument.Parse(original.ToJsonString());
            JsonObject before = Form(Read(new ConfigReader(document.RootElement, config.File).WithNullAsAbsent()));
            JsonObject kept = (JsonObject)original.DeepClone();
            foreach ((string key, JsonNode? value) in now)
                if (!JsonNode.DeepEquals(before[key], value)) kept[key] = value?.DeepClone();
            now = kept;
        }

        return new JsonObject(now.OrderBy(p => p.Key, StringComparer.Ordinal).Select(
            p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));
    }

    private static JsonObject Form(AdapterConfig c)
    {
        JsonObject json = new()
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = c.BaseModel,
            ["bias"] = c.Bias switch { AdapterBias.None => "none", AdapterBias.Adapted => "lora_only", _ => "all" },
            ["alpha_pattern"] = new JsonObject(c.AlphaPattern.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Number(p.Value)))),
            ["exclude_modules"] = c.ExcludedPattern is { } excluded ? excluded : Texts(c.ExcludedModules),
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = c.Start switch { AdapterStart.Standard => true, AdapterStart.Gaussian => "gaussian", _ => false },
            ["layers_pattern"] = c.LayerLists.Count == 1 ? c.LayerLists[0] : Texts(c.LayerLists),
            ["layers_to_transform"] = c.Layers is { } layers ? new JsonArray([.. layers.Select(l => (JsonNode)l)]) : null,
            ["loftq_config"] = new JsonObject(),
            ["lora_alpha"] = Number(c.Alpha),
            // Python writes a probability as a number with a fraction.
            ["lora_dropout"] = c.Dropout == Math.Floor(c.Dropout) ? JsonNode.Parse(c.Dropout.ToString("0.0", CultureInfo.InvariantCulture))
                : c.Dropout,
            ["megatron_core"] = "megatron.core",
            ["modules_to_save"] = Texts(c.ModulesToSave),
            ["peft_type"] = "LORA",
            ["peft_version"] = "0.21.2",
            ["qalora_group_size"] = 16,
            ["r"] = c.Rank,
            ["rank_pattern"] = new JsonObject(c.RankPattern.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
            ["revision"] = c.BaseRevision,
            ["target_modules"] = c.TargetPattern is { } pattern ? pattern : Texts(c.TargetModules),
            ["task_type"] = c.TaskType,
            ["use_dora"] = c.Dora,
            ["use_rslora"] = c.RankStabilized,
            ["corda_config"] = null,
            ["eva_config"] = null,
            ["lora_ga_config"] = null,
        };
        foreach (string key in Refused) json[key] = key is "ensure_weight_tying" or "lora_bias" or "use_qalora" ? false : (JsonNode?)null;
        return json;
    }

    private static JsonNode Number(double value)
        => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value) : JsonValue.Create(value);

    private static JsonArray? Texts(IReadOnlyList<string>? names)
        => names is null || names.Count == 0 ? null : new JsonArray([.. names.Order(StringComparer.Ordinal).Select(n => (JsonNode)n)]);

    private static JsonElement? Value(ConfigReader file, string key) => file.Has(key) ? file.Root.GetProperty(key) : null;

    private static bool IsText(JsonElement? value) => value is { ValueKind: JsonValueKind.String };

    /// <summary>What Python takes for "not set".</summary>
    private static bool IsNothing(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.GetString()!.Length == 0,
        _ => false,
    };

    private static AdapterStart StartOf(ConfigReader file)
    {
        if (Value(file, "init_lora_weights") is not { } value) return AdapterStart.Standard;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return value.GetBoolean() ? AdapterStart.Standard : AdapterStart.Both;
        string word = StrictJson.Text(value, file.File, file.At("init_lora_weights"));
        return word switch
        {
            "gaussian" => AdapterStart.Gaussian,
            // They choose first values of A and B alone, which the file replaces.
            "eva" or "orthogonal" => AdapterStart.Standard,
            _ => throw file.Wrong("init_lora_weights", $"is \"{Printable.Shorten(word)}\", which changes the weights of the base model "
                + "too; true, false, gaussian, eva or orthogonal were expected. Save the adapter in Python with "
                    + "path_initial_model_for_weight_conversion, or merge it there"),
        };
    }

    private static List<string>? Names(ConfigReader file, string key, JsonElement? value)
    {
        if (value is not { } list) return null;
        if (list.ValueKind != JsonValueKind.Array)
            throw file.Wrong(key, $"is {StrictJson.Describe(list)}; an array of names was expected. Correct it");
        List<string> names = [];
        foreach (JsonElement name in list.EnumerateArray()) names.Add(StrictJson.Text(name, file.File, $"{file.At(key)}[{names.Count}]"));
        return names;
    }

    private static List<int>? Integers(ConfigReader file, string key, JsonElement? value)
    {
        if (value is not { } list) return null;
        if (list.ValueKind != JsonValueKind.Array)
            throw file.Wrong(key, $"is {StrictJson.Describe(list)}; an array of layer numbers was expected. Correct it");
        List<int> numbers = [];
        foreach (JsonElement number in list.EnumerateArray())
            numbers.Add(StrictJson.Integer(number, file.File, $"{file.At(key)}[{numbers.Count}]"));
        return numbers.Count == 0 ? null : numbers;
    }

    private static List<KeyValuePair<string, T>> Pattern<T>(ConfigReader file, string key, Func<JsonElement, string, T> read)
    {
        if (Value(file, key) is not { } value) return [];
        if (value.ValueKind != JsonValueKind.Object)
            throw file.Wrong(key, $"is {StrictJson.Describe(value)}; an object of patterns was expected. Correct it");
        return [.. value.EnumerateObject().Select(
            p => KeyValuePair.Create(p.Name, read(p.Value, $"{file.At(key)}['{Printable.Shorten(p.Name)}']")))];
    }
}
