using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models;

/// <summary>The words that several families' <c>config.json</c> share.</summary>
internal static class ConfigWords
{
    private const int MaximumLabels = 1 << 20;

    /// <summary>The activations by Hugging Face's names; the first of equal ones is written.</summary>
    public static readonly (string Word, Activation Value)[] Activations =
    [
        ("relu", Engine.Kernels.Activation.Relu),
        ("gelu", Engine.Kernels.Activation.Gelu),
        ("gelu_new", Engine.Kernels.Activation.GeluTanh),
        ("gelu_pytorch_tanh", Engine.Kernels.Activation.GeluTanh),
        ("gelu_fast", Engine.Kernels.Activation.GeluTanh),
        ("gelu_python", Engine.Kernels.Activation.Gelu),
        ("gelu_python_tanh", Engine.Kernels.Activation.GeluTanh),
        ("gelu_accurate", Engine.Kernels.Activation.GeluTanh),
        ("quick_gelu", Engine.Kernels.Activation.QuickGelu),
        ("silu", Engine.Kernels.Activation.Silu),
        ("swish", Engine.Kernels.Activation.Silu),
        ("tanh", Engine.Kernels.Activation.Tanh),
        ("sigmoid", Engine.Kernels.Activation.Sigmoid),
    ];

    /// <summary>Refuses a flag that asks for a computation that is not done: it is never left out without a word.</summary>
    /// <param name="file">The object.</param>
    /// <param name="name">The flag.</param>
    /// <param name="why">What is done instead.</param>
    /// <param name="refused">The value that asks for it.</param>
    public static void Refuse(ConfigReader file, string name, string why, bool refused = true)
    {
        file.Guard(name);
        if (file.Has(name) && file.Flag(name, !refused) == refused)
            throw file.Wrong(name, $"is {(refused ? "true" : "false")}; {why}. Choose a model without it");
    }

    /// <summary>Refuses what changes every architecture's computation and none here does.</summary>
    public static void RefuseForeign(ConfigReader file)
    {
        file.Guard("quantization_config");
        if (file.Has("quantization_config"))
            throw file.Wrong("quantization_config", "is set; quantized weights are not read here. "
                + "Take the checkpoint that they were made from");
        foreach (string name in (ReadOnlySpan<string>)["pruned_heads", "per_layer_config"])
        {
            file.Guard(name);
            if (file.Nested(name) is { } map && map.Root.EnumerateObject().Any())
                throw file.Wrong(name, "gives layers sizes of their own; all layers are equal here. Choose a model without it");
        }
    }

    /// <summary>An activation by Hugging Face's name.</summary>
    public static Activation Activation(ConfigReader file, string name, string standard) => file.Choice(name, standard, Activations);

    /// <summary>Hugging Face's name of an activation.</summary>
    public static string Name(Activation activation) => Array.Find(Activations, a => a.Value == activation).Word
        ?? throw new ArgumentOutOfRangeException(nameof(activation), $"{activation} has no name in config.json.");

    /// <summary>Which layers have a window, by <c>layer_types</c>; null if it is missing or null.</summary>
    public static bool[]? WindowLayers(ConfigReader file)
    {
        if (!file.Has("layer_types")) return null;
        JsonElement types = file.Root.GetProperty("layer_types");
        if (types.ValueKind != JsonValueKind.Array)
            throw file.Wrong("layer_types", $"is {StrictJson.Describe(types)}; an array was expected. Correct it");
        bool[] windows = new bool[types.GetArrayLength()];
        for (int i = 0; i < windows.Length; i++)
        {
            string word = StrictJson.Text(types[i], file.File, $"{file.At("layer_types")}[{i}]");
            windows[i] = word switch
            {
                "sliding_attention" => true,
                "full_attention" => false,
                _ => throw new InvalidFileException(file.File, $"{file.At("layer_types")}[{i}]", $"is \"{Printable.Shorten(word)}\"; full_attention or sliding_attention was expected. Correct it"),
            };
        }

        return windows;
    }

    /// <summary>The value of <c>layer_types</c>.</summary>
    public static JsonArray LayerTypes(IEnumerable<bool> windows)
        => [.. windows.Select(window => (JsonNode)(window ? "sliding_attention" : "full_attention"))];

    /// <summary>A float32 as the shortest decimal that reads back as it, the way Python would have written the original.</summary>
    public static JsonNode Number(float value) => JsonNode.Parse(FormattableString.Invariant($"{value:R}") is var text && text.Contains('E', StringComparison.Ordinal) ? text.Replace("E", "e", StringComparison.Ordinal) : text.Contains('.', StringComparison.Ordinal) ? text : text + ".0")!;

    /// <summary><c>problem_type</c>, or null.</summary>
    public static ClassificationKind? Kind(ConfigReader file) => !file.Has("problem_type") ? null : file.Choice(
        "problem_type", "",
        ("single_label_classification", ClassificationKind.SingleLabel),
        ("multi_label_classification", ClassificationKind.MultiLabel),
        ("regression", ClassificationKind.Regression));

    /// <summary>The word of <c>problem_type</c>.</summary>
    public static string Name(ClassificationKind kind) => kind switch
    {
        ClassificationKind.MultiLabel => "multi_label_classification",
        ClassificationKind.Regression => "regression",
        _ => "single_label_classification",
    };

    /// <summary>The class names of <c>id2label</c> in id order, else <c>num_labels</c> names as Hugging Face makes them; two where nothing
    /// is said.</summary>
    public static IReadOnlyList<string> Labels(ConfigReader file)
    {
        if (file.Has("id2label"))
        {
            ConfigReader map = file.Nested("id2label")!.Value;
            SortedDictionary<int, string> labels = [];
            foreach (JsonProperty entry in map.Root.EnumerateObject())
            {
                if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                    throw map.Wrong(entry.Name, "is not the number of a class; keys are 0, 1, 2, …. Correct it");
                labels[id] = StrictJson.Text(entry.Value, map.File, map.At(entry.Name));
            }

            int expected = 0;
            foreach (int id in labels.Keys)
                if (id != expected++)
                    throw file.Wrong("id2label", $"has no class {expected - 1}; keys are 0, 1, 2, … without a gap. Add the class");
            if (file.Has("num_labels") && file.Size("num_labels", 1) is var said && said != labels.Count)
                throw file.Wrong("num_labels", $"is {said}, and id2label names {labels.Count} classes; correct the one that is wrong, "
                    + "or take num_labels out");
            return [.. labels.Values];
        }

        int count = file.Size("num_labels", 2, 1);
        if (count > MaximumLabels) throw file.Wrong("num_labels", $"is {count}; at most {MaximumLabels} are accepted. Correct it");
        string[] names = new string[count];
        for (int i = 0; i < count; i++) names[i] = FormattableString.Invariant($"LABEL_{i}");
        return names;
    }
}
