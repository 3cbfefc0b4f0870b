using System.Text.Json;
using Heed.Engine.Nn;

namespace Heed.Models.Files;

/// <summary>The families that this version of Heed knows: an explicit list, so that trimming and ahead-of-time compilation keep
/// them.</summary>
public static class ModelFamilies
{
    /// <summary>Key of the classes of a repository's own code, which is never run.</summary>
    internal const string AutoMap = "auto_map";

    /// <summary>Key of the list of class names, the first of which is the head.</summary>
    internal const string ArchitecturesKey = "architectures";

    private static readonly Lock Gate = new();

    // Replaced as a whole, so that readers need no lock.
    private static ModelFamily[] s_known =
    [
        new Gpt2.Gpt2Family(),
        new Bert.BertFamily(),
        new Bert.RobertaFamily(),
        new Bert.MpnetFamily(),
        new Bert.ElectraFamily(),
        new Bert.DebertaFamily(),
        new ModernBert.ModernBertFamily(),
        new DistilBert.DistilBertFamily(),
        new Gpt1.Gpt1Family(),
        new Llama.LlamaFamily(),
        new Gemma3.Gemma3Family(),
        new Bloom.BloomFamily(),
        new T5.T5Family(),
        new Bart.BartFamily(),
        new Bart.MarianFamily(),
        new Transformer2017.Transformer2017Family(),
        new Recurrent.LstmFamily(),
        new Custom.CustomFamily(),
    ];

    /// <summary>All families.</summary>
    public static IReadOnlyList<ModelFamily> All => Volatile.Read(ref s_known);

    /// <summary>Adds a custom family; it is found before the built-in ones. Any thread may call it at any time.</summary>
    public static void Register(ModelFamily family)
    {
        ArgumentNullException.ThrowIfNull(family);
        lock (Gate) Volatile.Write(ref s_known, [family, .. s_known]);
    }

    /// <summary>Builds a model of a known family.</summary>
    /// <param name="architecture">One of its family's <see cref="ModelFamily.Architectures"/>, such as <c>GPT2LMHeadModel</c>.</param>
    /// <param name="config">Sizes; its <see cref="ModelConfig.ModelType"/> names the family.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">No family has this type or this head, or the sizes do not fit together.</exception>
    public static Model Build(string architecture, ModelConfig config, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ModelFamily family = Of(config.ModelType)
            ?? throw new ConfigException($"{config.ModelType}: is no known model_type. Known are {string.Join(", ", Types())}.");
        if (!family.Architectures.Contains(architecture))
            throw new ConfigException($"{config.ModelType}: has no head {Printable.Shorten(architecture)}. "
                + $"It has {string.Join(", ", Heads(family, config.ModelType))}.");
        config.Validate();
        return family.Build(architecture, config, parameters);
    }

    /// <summary>Builds a model of a known family by its head.</summary>
    /// <param name="head">What the model is to do.</param>
    /// <param name="config">Sizes; its <see cref="ModelConfig.ModelType"/> names the family.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">No family has this type or this head, or the sizes do not fit together.</exception>
    public static Model Build(HeadKind head, ModelConfig config, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ModelFamily? family = Of(config.ModelType);
        string architecture = family is null ? "" : Heads(family, config.ModelType).FirstOrDefault(a => family.HeadOf(a) == head)
            ?? family.Architectures.FirstOrDefault(a => family.HeadOf(a) == head) ?? $"of the kind {head}";
        return Build(architecture, config, parameters);
    }

    /// <summary>The family of a <c>config.json</c> and the head that it names.</summary>
    /// <param name="config">The file's object.</param>
    /// <param name="head">A class name that overrides <c>architectures</c>; null takes the file's.</param>
    /// <exception cref="InvalidFileException"><c>model_type</c> is missing or unknown, or the head is; the error names the nearest and the
    /// list.</exception>
    internal static (ModelFamily Family, string Architecture) Find(ConfigReader config, string? head = null)
    {
        config.Guard(AutoMap);
        _ = config.Has("architectures");
        string type = config.Text("model_type")
            ?? throw config.Wrong("model_type", $"is missing; it names the architecture, one of {string.Join(", ", Types())}. Add it");
        ModelFamily? family = Of(type);
        if (family is null)
        {
            string near = Printable.Nearest(type, Types()) is { } nearest ? $"; did you mean \"{nearest}\"?" : "";
            string code = config.Has(AutoMap) ? $" {AutoMap} names code in the model's repository, which is never run." : "";
            throw config.Wrong("model_type", $"is \"{Printable.Shorten(type)}\", "
                + $"which is unknown{near}{(near.Length == 0 ? "." : "")}{code} Known are {string.Join(", ", Types())}. "
                + "Choose a model of these");
        }

        string? architecture = head;
        if (architecture is null && config.Has("architectures"))
        {
            JsonElement list = config.Root.GetProperty("architectures");
            if (list.ValueKind != JsonValueKind.Array)
                throw config.Wrong("architectures", $"is {StrictJson.Describe(list)}; an array of class names was expected. Correct it");
            if (list.GetArrayLength() > 0) architecture = StrictJson.Text(list[0], config.File, config.At("architectures[0]"));
        }

        architecture ??= Heads(family, type)[0];
        // A caller who names a stack wants its rows; a file that names one holds a language model whose tied output is the table.
        if (head is null && family.OtherNames.TryGetValue(architecture, out string? today)) return (family, today);
        if (family.Architectures.Contains(architecture)) return (family, architecture);
        if (family.OtherNames.TryGetValue(architecture, out today)) return (family, today);
        IReadOnlyList<string> heads = Heads(family, type);
        string close = Printable.Nearest(architecture, heads) is { } closest ? $"; did you mean \"{closest}\"? " : ". ";
        throw config.Wrong("architectures[0]", $"is \"{Printable.Shorten(architecture)}\", "
            + $"which the {type} family does not have{close}It has {string.Join(", ", heads)}. Choose one of these");
    }

    /// <summary>The heads that a type of a family has: of a family with several types, those that are named after it.</summary>
    internal static IReadOnlyList<string> Heads(ModelFamily family, string type)
    {
        if (family.ModelTypes.Count == 1) return family.Architectures;
        string[] own = [.. family.Architectures.Where(a => ForType(a, type))];
        return own.Length > 0 ? own : family.Architectures;
    }

    internal static ModelFamily? Of(string type) => All.FirstOrDefault(f => f.ModelTypes.Contains(type));

    private static IEnumerable<string> Types() => All.SelectMany(f => f.ModelTypes).Distinct().Order(StringComparer.Ordinal);

    /// <summary>A family with several types (LLaMA, Mistral, Qwen) names its classes after the type.</summary>
    private static bool ForType(string architecture, string type)
        => architecture.StartsWith(
            type.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
}
