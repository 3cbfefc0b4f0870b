using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Generation.Understanding;

/// <summary>How a folder's encoder-decoder does one of its tasks.</summary>
/// <param name="Prefix">What stands before each text.</param>
/// <param name="Config">The settings of generation.</param>
internal sealed record RewritingSettings(string Prefix, GenerationConfig Config)
{
    /// <summary>Beams and new tokens where generation_config.json is silent.</summary>
    private const int StandardBeams = 4, StandardNewTokens = 256;

    /// <summary>The settings of a task: those of generation_config.json, with those of <c>task_specific_params</c> over them.</summary>
    /// <param name="files">The folder.</param>
    /// <param name="model">Its model.</param>
    /// <param name="config">The folder's settings of generation.</param>
    /// <param name="task">Name of the task (<c>summarization</c>, <c>translation_en_to_de</c>); null: none.</param>
    /// <exception cref="InvalidFileException">A setting has a wrong type or range.</exception>
    public static RewritingSettings Of(IModelFiles files, Model model, GenerationConfig config, string? task)
    {
        if (!IsSet(files, "num_beams")) config = config with { Beams = StandardBeams };
        if (config.MaxNewTokens is null && config.MaxLength is null) config = config with { MaxNewTokens = StandardNewTokens };
        JsonObject? original = model.Config.Original;
        string prefix = original?["prefix"] is JsonValue general && general.TryGetValue(out string? whole) ? whole : "";
        if (task is null || (original?["task_specific_params"] as JsonObject)?[task] is not JsonObject own)
            return new RewritingSettings(prefix, config);
        JsonObject settings = (JsonObject)own.DeepClone();
        if (settings["prefix"] is JsonValue special && special.TryGetValue(out string? its)) prefix = its;
        settings.Remove("prefix");
        using JsonDocument json = JsonDocument.Parse(settings.ToJsonString());
        return new RewritingSettings(prefix, config.With(new ConfigReader(json.RootElement,
            $"{files.PathOf(ModelFolder.ConfigName)}: task_specific_params")));
    }

    /// <summary>The names of the folder's tasks.</summary>
    public static IReadOnlyList<string> Tasks(Model model)
        => model.Config.Original?["task_specific_params"] is JsonObject tasks ? [.. tasks.Select(t => t.Key)] : [];

    private static bool IsSet(IModelFiles files, string setting)
    {
        string name = files.Contains(ModelFolder.GenerationConfigName) ? ModelFolder.GenerationConfigName : ModelFolder.ConfigName;
        if (!files.Contains(name)) return false;
        using JsonDocument document = files.ReadJson(name, 16L << 20);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(setting, out JsonElement value)
            && value.ValueKind != JsonValueKind.Null;
    }
}
