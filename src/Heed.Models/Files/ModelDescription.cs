using System.Text.Json;

namespace Heed.Models.Files;

/// <summary>What <c>config.json</c> describes. The file is parsed once; all that need it are handed this.</summary>
/// <param name="Family">The family that reads its <c>model_type</c>.</param>
/// <param name="Architecture">The head's class name.</param>
/// <param name="Config">Sizes and settings, validated.</param>
public sealed record ModelDescription(ModelFamily Family, string Architecture, ModelConfig Config)
{
    /// <summary>Path of the file, for errors.</summary>
    internal string File { get; init; } = ModelFolder.ConfigName;

    /// <summary>The file's object as it was read.</summary>
    internal JsonElement Root { get; init; }

    /// <summary>What became of each key, in the file's order; nested keys as <c>rope_scaling.factor</c>.</summary>
    internal IReadOnlyList<(string Key, ConfigKeyUse Use)> Keys { get; init; } = [];

    /// <summary>True if neither the file nor the caller names the head.</summary>
    internal bool IsGuessed { get; init; }

    /// <summary>The object for further readers, such as those of generation settings.</summary>
    internal ConfigReader Reader => new(Root, File);

    /// <summary>Reports what in the file changes no result though its writer may believe it does: code that is not run, keys that nobody
    /// knows.</summary>
    internal void ReportTo(IProgress<string> warnings)
    {
        if (Root.ValueKind == JsonValueKind.Object && Root.TryGetProperty(ModelFamilies.AutoMap, out JsonElement map)
            && map.ValueKind != JsonValueKind.Null)
            warnings.Report($"{File}: $.{ModelFamilies.AutoMap}: names code in the model's repository, which is never run; "
                + $"the {Config.ModelType} architecture of Heed is used.");
        if (IsGuessed)
            warnings.Report($"{File}: $.{ModelFamilies.ArchitecturesKey}: names no class, so the model is opened as {Architecture}. "
                + "Name the class there if another head is meant.");
        string[] unknown = [.. Keys.Where(key => key.Use == ConfigKeyUse.Unknown).Select(key => key.Key)];
        if (unknown.Length == 0) return;
        string names = string.Join(", ", unknown.Take(8).Select(key => Printable.Shorten(key, 40))) + (unknown.Length > 8 ? ", …" : "");
        warnings.Report($"{File}: {(unknown.Length == 1 ? "the key" : "the keys")} {names} {(unknown.Length == 1 ? "is" : "are")} not "
            + $"known for a {Config.ModelType} model and {(unknown.Length == 1 ? "has" : "have")} no effect. "
            + "Check the spelling, or that the model computes nothing that needs it.");
    }
}

/// <summary>An opened model and what loading found.</summary>
/// <param name="Model">The model; the caller disposes of it.</param>
/// <param name="Report">Tensor by tensor.</param>
public sealed record LoadedModel(Model Model, LoadReport Report);
