using System.Text.Json;

namespace Heed.Models.Embeddings;

/// <summary>
/// What a sentence-transformers folder specifies for texts before they become ids, and for vectors after the last module:
/// <c>config_sentence_transformers.json</c> and <c>sentence_bert_config.json</c> (or its siblings of other families).
/// </summary>
public sealed record SentenceSettings
{
    /// <summary>File of prompts, similarity and dimensions.</summary>
    internal const string ConfigName = "config_sentence_transformers.json";

    private const long MaximumJson = 1L << 20;

    /// <summary>Names that the encoder's settings have had, in the order in which sentence-transformers looks for them.</summary>
    private static readonly string[] EncoderNames =
    [
        "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json", "sentence_camembert_config.json",
        "sentence_albert_config.json", "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json",
    ];

    /// <summary>Keys without effect: versions, and settings of other frameworks' back ends.</summary>
    private static readonly string[] WithoutEffect = ["__version__", "model_type", "activation_fn"];

    /// <summary>Texts that are put before a text, by name (<c>prompts</c>); <c>query</c> and <c>document</c> are always there, empty if
    /// omitted.</summary>
    public IReadOnlyDictionary<string, string> Prompts { get; init; } = new Dictionary<string, string> { ["query"] = "", ["document"] = "" };

    /// <summary>The prompt of a text that names none (<c>default_prompt_name</c>), or null.</summary>
    public string? DefaultPromptName { get; init; }

    /// <summary>How vectors are compared (<c>similarity_fn_name</c>).</summary>
    public VectorSimilarity Similarity { get; init; } = VectorSimilarity.Cosine;

    /// <summary>Numbers that are kept of each vector (<c>truncate_dim</c>); null keeps all.</summary>
    public int? Dimensions { get; init; }

    /// <summary>True to lower-case a text before the tokenizer's own normalizer (<c>do_lower_case</c>).</summary>
    public bool LowersCase { get; init; }

    /// <summary>Longest text in tokens, special tokens included (<c>max_seq_length</c>); null: the tokenizer's <c>model_max_length</c>, at
    /// most the encoder's positions.</summary>
    public int? MaximumLength { get; init; }

    /// <summary>Reads the settings of a folder that has <c>modules.json</c>.</summary>
    /// <param name="files">The folder.</param>
    /// <param name="encoderPath">Folder of the encoder below it; empty where it is the folder itself.</param>
    /// <exception cref="InvalidFileException">A key has a wrong type, an unknown value, or an effect that is not supported.</exception>
    internal static SentenceSettings Read(IModelFiles files, string encoderPath)
    {
        SentenceSettings settings = ReadConfig(new StoredFile(files, ConfigName));
        IModelFiles encoder = files.Below(encoderPath);
        foreach (string name in EncoderNames)
        {
            if (encoder.Contains(name)) return settings.WithEncoder(new StoredFile(encoder, name));
        }

        return settings;
    }

    private static SentenceSettings ReadConfig(StoredFile stored)
    {
        if (!stored.Exists) return new SentenceSettings();
        using JsonDocument document = stored.ReadJson(MaximumJson);
        ConfigReader file = Object(document, stored.Path);
        RefuseUnknown(file, ["prompts", "default_prompt_name", "similarity_fn_name", "truncate_dim", .. WithoutEffect]);
        Dictionary<string, string> prompts = new(StringComparer.Ordinal) { ["query"] = "", ["document"] = "" };
        if (file.Nested("prompts") is { } given)
            foreach (JsonProperty prompt in given.Root.EnumerateObject())
                prompts[prompt.Name] = StrictJson.Text(prompt.Value, stored.Path, given.At(prompt.Name));
        string? standard = file.Text("default_prompt_name");
        if (standard is not null && !prompts.ContainsKey(standard))
            throw file.Wrong("default_prompt_name", $"is \"{Printable.Shorten(standard)}\", and $.prompts has no such name; "
                + $"it has {string.Join(", ", prompts.Keys)}. Add the prompt, or set default_prompt_name to null");
        return new SentenceSettings
        {
            Prompts = prompts,
            DefaultPromptName = standard,
            Similarity = file.Choice("similarity_fn_name", "cosine", VectorSimilarities.Names),
            Dimensions = file.OptionalSize("truncate_dim"),
        };
    }

    private SentenceSettings WithEncoder(StoredFile stored)
    {
        using JsonDocument document = stored.ReadJson(MaximumJson);
        ConfigReader file = Object(document, stored.Path);
        RefuseUnknown(file, ["max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name", "unpad_inputs",
            "processor_kwargs", "tokenizer_args", "tokenizer_name_or_path", "model_args", "model_kwargs", "config_args", "config_kwargs"]);
        // Arguments for the reference's constructors: each would have an effect of its own.
        foreach (string arguments in new[] { "processor_kwargs", "tokenizer_args", "model_args", "model_kwargs", "config_args", "config_kwargs" })
            if (file.Nested(arguments) is { } given && given.Root.EnumerateObject().Any())
                throw file.Wrong(arguments, $"is {Printable.Shorten(given.Root.GetRawText())}; "
                    + "arguments for Python constructors are not followed. Write the setting into tokenizer_config.json or config.json, "
                    + "and leave this empty");
        if (file.Text("tokenizer_name_or_path") is { } other)
            throw file.Wrong("tokenizer_name_or_path", $"is \"{Printable.Shorten(other)}\"; the tokenizer beside the encoder is used. "
                + "Copy the other tokenizer's files there, and remove this key");
        if (file.Text("transformer_task", "feature-extraction") is { } task and not ("feature-extraction" or "sequence-classification"))
            throw file.Wrong("transformer_task", $"is \"{Printable.Shorten(task)}\"; "
                + "feature-extraction (embeddings) and sequence-classification (cross-encoders) are known");
        return this with
        {
            LowersCase = file.Flag("do_lower_case", false),
            MaximumLength = file.OptionalSize("max_seq_length", 0),
        };
    }

    private static ConfigReader Object(JsonDocument document, string path) => document.RootElement.ValueKind == JsonValueKind.Object
        ? new ConfigReader(document.RootElement, path).WithNullAsAbsent()   // the reference writes null for what is not set
        : throw new InvalidFileException(path, "$", $"is {StrictJson.Describe(document.RootElement)}; an object was expected");

    private static void RefuseUnknown(ConfigReader file, ReadOnlySpan<string> known)
    {
        foreach (JsonProperty key in file.Root.EnumerateObject())
        {
            if (known.Contains(key.Name) || key.Value.ValueKind == JsonValueKind.Null) continue;
            throw file.Wrong(key.Name, $"is {Printable.Shorten(key.Value.GetRawText())}, a key that is not known here and may change the "
                + $"vectors. Known are {string.Join(", ", known.ToArray())}; remove it if it has no effect");
        }
    }
}
