using System.Text.Json;
using Heed.Engine.Autograd;

namespace Heed.Models.Embeddings;

/// <summary>What <c>modules.json</c> of a sentence-transformers folder lists, in its order: what gives the rows, how they are pooled, what
/// follows.</summary>
internal sealed record SentencePipeline
{
    /// <summary>The list of modules.</summary>
    public const string ModulesName = "modules.json";
    private const long MaximumJson = 1L << 20;

    /// <summary>Flags of the pooling's config.json, in the order in which sentence-transformers concatenates the vectors.</summary>
    private static readonly (string Flag, string Word, Pooling Pooling)[] Modes =
    [
        ("pooling_mode_cls_token", "cls", Pooling.First),
        ("pooling_mode_max_tokens", "max", Pooling.Max),
        ("pooling_mode_mean_tokens", "mean", Pooling.Mean),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pooling.MeanSqrtLength),
        ("pooling_mode_weightedmean_tokens", "weightedmean", Pooling.WeightedMean),
        ("pooling_mode_lasttoken", "lasttoken", Pooling.Last),
    ];

    /// <summary>The words of poolings, as <c>pooling_mode</c> has them.</summary>
    public static IEnumerable<string> PoolingWords => Modes.Select(m => m.Word);

    /// <summary>The pooling of a word; null for one that is not known.</summary>
    public static Pooling? PoolingOf(string word) => Array.FindIndex(Modes, m => m.Word == word) is var at and >= 0 ? Modes[at].Pooling
        : null;

    /// <summary>Folder of the encoder or of the static table, below the whole.</summary>
    public string SourcePath { get; private init; } = "";

    /// <summary>True where rows come from a table without context.</summary>
    public bool IsStatic { get; private init; }

    /// <summary>At least one.</summary>
    public IReadOnlyList<Pooling> Poolings { get; private init; } = [Pooling.Mean];

    /// <summary>False to leave the prompt's rows out of the pooling (<c>include_prompt</c>).</summary>
    public bool IncludesPrompt { get; private init; } = true;

    /// <summary>Folder of the pooling, below the whole; null where a module pools by itself.</summary>
    public string? PoolingPath { get; private init; }

    /// <summary>What follows the pooling: kind, and folder of its files.</summary>
    public IReadOnlyList<(string Kind, string Path)> Following { get; private init; } = [];

    /// <summary>Prompts, lengths, similarity.</summary>
    public SentenceSettings Settings { get; private init; } = new();

    /// <summary>Reads a folder; an encoder without <c>modules.json</c> is pooled by the mean, and its other files of sentence-transformers
    /// are not read, as the reference does.</summary>
    public static SentencePipeline Read(IModelFiles files)
    {
        if (!files.Contains(ModulesName)) return new SentencePipeline();
        string modules = files.PathOf(ModulesName);
        using JsonDocument document = files.ReadJson(ModulesName, MaximumJson);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(modules, "$", $"is {StrictJson.Describe(document.RootElement)}; "
                + "an array of modules was expected");
        SentencePipeline pipeline = new();
        int n = 0;
        bool pooled = false;
        foreach (JsonElement element in document.RootElement.EnumerateArray())
        {
            ConfigReader module = new(element, modules, FormattableString.Invariant($"$[{n}]"));
            pipeline = pipeline.With(files, module, n++, ref pooled);
        }

        if (n == 0) throw new InvalidFileException(modules, "$", "is empty; at least an encoder was expected");
        if (!pooled)
            throw new InvalidFileException(modules, "$", "has no Pooling, so texts have no vectors; add one, "
                + "or score pairs where the folder is a cross-encoder");
        return pipeline with { Settings = SentenceSettings.Read(files, pipeline.SourcePath) };
    }

    /// <summary>True where <c>modules.json</c> lists more than a Transformer: a cross-encoder's has nothing else.</summary>
    public static bool MakesVectors(IModelFiles files)
    {
        if (!files.Contains(ModulesName)) return false;
        using JsonDocument document = files.ReadJson(ModulesName, MaximumJson);
        return document.RootElement.ValueKind != JsonValueKind.Array || document.RootElement.GetArrayLength() != 1
            || (document.RootElement[0].ValueKind == JsonValueKind.Object
            && document.RootElement[0].TryGetProperty("type", out JsonElement type)
                && type.ValueKind == JsonValueKind.String && type.GetString()!.EndsWith("StaticEmbedding", StringComparison.Ordinal));
    }

    private SentencePipeline With(IModelFiles files, ConfigReader module, int index, ref bool pooled)
    {
        string type = module.Text("type") ?? throw module.Wrong("type", "is missing; it names the module's class");
        string path = module.Text("path", "")!;
        if (Path.IsPathRooted(path) || path.Split('/', '\\').Contains(".."))
            throw module.Wrong("path", $"is \"{Printable.Shorten(path)}\"; a folder below the model's was expected");
        if (!type.StartsWith("sentence_transformers.", StringComparison.Ordinal))
            throw module.Wrong("type", $"is \"{Printable.Shorten(type)}\", code of another package, which is not run. "
                + "Modules of sentence_transformers are known");
        string kind = type[(type.LastIndexOf('.') + 1)..];
        if ((index == 0) != (kind is "Transformer" or "StaticEmbedding"))
            throw module.Wrong("type", $"is \"{Printable.Shorten(type)}\"; a Transformer or StaticEmbedding comes first, and only there");
        switch (kind)
        {
            case "Transformer": return this with { SourcePath = path };
            case "StaticEmbedding":
                pooled = true;
                return this with { SourcePath = path, IsStatic = true };
            case "Pooling" when pooled: throw module.Wrong("type", "is a second Pooling; the rows are pooled already. Remove one");
            case "Pooling":
                pooled = true;
                return ReadPooling(new StoredFile(files.Below(path), "config.json")) with { PoolingPath = path };
            case "Dense" or "Normalize" when !pooled:
                throw module.Wrong("type",
                $"is {kind} before the Pooling, where it would act on tokens; put it after the Pooling");
            case "Dense" or "Normalize": return this with { Following = [.. Following, (kind, path)] };
            default:
                throw module.Wrong("type", $"is \"{Printable.Shorten(type)}\", which is not known here. Known are Transformer, "
                    + "StaticEmbedding, Pooling, Dense, Normalize");
        }
    }

    private SentencePipeline ReadPooling(StoredFile stored)
    {
        using JsonDocument document = stored.ReadJson(MaximumJson);
        ConfigReader file = new(document.RootElement, stored.Path);
        List<Pooling> poolings = [];
        if (file.Has("pooling_mode"))
        {
            JsonElement mode = file.Root.GetProperty("pooling_mode");
            if (mode.ValueKind == JsonValueKind.Array)
            {
                int n = 0;
                foreach (JsonElement word in mode.EnumerateArray())
                {
                    string at = FormattableString.Invariant($"pooling_mode[{n++}]");
                    poolings.Add(ModeOf(StrictJson.Text(word, stored.Path, file.At(at)), file, at));
                }
            }
            else
            {
                poolings.Add(ModeOf(file.Text("pooling_mode")!, file, "pooling_mode"));
            }
        }
        else
        {
            foreach ((string flag, _, Pooling pooling) in Modes)
                if (file.Flag(flag, false)) poolings.Add(pooling);
            if (poolings.Count == 0) poolings.Add(Pooling.Mean);      // all flags false, or none there: as the reference
        }

        if (poolings.Count == 0) throw file.Wrong("pooling_mode", "is an empty list; at least one mode was expected");
        return this with { Poolings = poolings, IncludesPrompt = file.Flag("include_prompt", true) };
    }

    private static Pooling ModeOf(string word, ConfigReader file, string at)
    {
        return PoolingOf(word)
            ?? throw file.Wrong(at, $"is \"{Printable.Shorten(word)}\"; one of {string.Join(", ", PoolingWords)} was expected");
    }
}
