using System.Text.Json;
using Heed.Engine.Autograd;

namespace Heed.Models.Embeddings;

/// <summary>What <c>modules.json</c> of a sentence-transformers folder says: where the encoder lies, how rows are pooled, whether vectors are normalised.</summary>
internal sealed record SentencePipeline
{
    /// <summary>The file that lists the modules; without it a folder is a bare encoder.</summary>
    public const string ModulesName = "modules.json";

    private const long MaximumJson = 1L << 20;

    /// <summary>Flags of the pooling's config.json, in the order in which sentence-transformers puts the vectors one behind another.</summary>
    private static readonly (string Flag, string Word, Pooling Pooling)[] Modes =
    [
        ("pooling_mode_cls_token", "cls", Pooling.First),
        ("pooling_mode_max_tokens", "max", Pooling.Max),
        ("pooling_mode_mean_tokens", "mean", Pooling.Mean),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pooling.MeanSqrtLength),
        ("pooling_mode_weightedmean_tokens", "weightedmean", Pooling.WeightedMean),
        ("pooling_mode_lasttoken", "lasttoken", Pooling.Last),
    ];

    /// <summary>Folder of the encoder, below the whole.</summary>
    public string EncoderPath { get; init; } = "";

    /// <summary>At least one.</summary>
    public IReadOnlyList<Pooling> Poolings { get; init; } = [Pooling.Mean];

    /// <summary>True where vectors are divided by their length.</summary>
    public bool Normalizes { get; init; }

    /// <summary><c>max_seq_length</c> in tokens, or null.</summary>
    public int? MaximumLength { get; init; }

    /// <summary>Reads a folder; a bare encoder without <c>modules.json</c> is pooled by the mean, as sentence-transformers does.</summary>
    public static SentencePipeline Read(IModelFiles files)
    {
        SentencePipeline pipeline = new();
        string modules = files.PathOf(ModulesName);
        if (files.Contains(ModulesName))
        {
            using JsonDocument document = files.ReadJson(ModulesName, MaximumJson);
            if (document.RootElement.ValueKind != JsonValueKind.Array) throw new InvalidFileException(modules, "$", $"is {StrictJson.Describe(document.RootElement)}; an array of modules was expected");
            int n = 0;
            foreach (JsonElement element in document.RootElement.EnumerateArray())
            {
                ConfigReader module = new(element, modules, FormattableString.Invariant($"$[{n}]"));
                pipeline = pipeline.With(files, module, n++);
            }

            if (n == 0) throw new InvalidFileException(modules, "$", "is empty; at least an encoder was expected");
        }

        StoredFile settings = new(files.Below(pipeline.EncoderPath), "sentence_bert_config.json");
        if (!settings.Exists) return pipeline;
        using JsonDocument limits = settings.ReadJson(MaximumJson);
        return pipeline with { MaximumLength = new ConfigReader(limits.RootElement, settings.Path).OptionalSize("max_seq_length") };
    }

    private SentencePipeline With(IModelFiles files, ConfigReader module, int index)
    {
        string type = module.Text("type") ?? throw module.Wrong("type", "is missing; it names the module's class");
        string path = module.Text("path", "")!;
        if (Path.IsPathRooted(path) || path.Split('/', '\\').Contains("..")) throw module.Wrong("path", $"is \"{Printable.Shorten(path)}\"; a folder below the model's was expected");
        string kind = type[(type.LastIndexOf('.') + 1)..];
        if ((index == 0) != (kind == "Transformer")) throw module.Wrong("type", $"is \"{Printable.Shorten(type)}\"; a Transformer comes first, and only there");
        return kind switch
        {
            "Transformer" => this with { EncoderPath = path },
            "Pooling" => this with { Poolings = ReadPoolings(new StoredFile(files.Below(path), "config.json")) },
            "Normalize" => this with { Normalizes = true },
            _ => throw module.Wrong("type", $"is \"{Printable.Shorten(type)}\", which is not known here. Known are Transformer, Pooling, Normalize"),
        };
    }

    private static List<Pooling> ReadPoolings(StoredFile stored)
    {
        using JsonDocument document = stored.ReadJson(MaximumJson);
        ConfigReader file = new(document.RootElement, stored.Path);
        List<Pooling> poolings = [];
        if (file.Has("pooling_mode"))
        {
            poolings.Add(file.Choice("pooling_mode", "mean", [.. Modes.Select(m => (m.Word, m.Pooling))]));
        }
        else
        {
            foreach ((string flag, _, Pooling pooling) in Modes)
                if (file.Flag(flag, flag == "pooling_mode_mean_tokens" && !Modes.Any(m => file.Has(m.Flag)))) poolings.Add(pooling);
        }

        return poolings.Count > 0 ? poolings : throw file.Wrong("pooling_mode_mean_tokens", "and all other modes are false; at least one way of pooling was expected");
    }
}
