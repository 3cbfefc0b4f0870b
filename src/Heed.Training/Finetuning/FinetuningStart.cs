using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Training.Finetuning;

/// <summary>What a run begins with: the model of a folder, or new weights.</summary>
/// <param name="Model">Family and sizes.</param>
/// <param name="Tokenizer">The model's tokenizer.</param>
/// <param name="Folder">The model folder; null for new weights.</param>
internal sealed record FinetuningStart(ModelDescription Model, Tokenizer Tokenizer, string? Folder)
{
    /// <summary>Finds what the settings name.</summary>
    /// <param name="config">The settings, with full paths.</param>
    /// <param name="status">Reports what takes long; may be null.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ConfigException">Settings do not fit the model.</exception>
    public static FinetuningStart Find(FinetuningConfig config, IProgress<string>? status, CancellationToken cancellationToken)
    {
        if (NewModel.IsMeant(config.Model)) return NewModel.Begin(config, status, cancellationToken);
        if (config.Tokenizer.Length > 0)
            throw new ConfigException($"tokenizer: is for new weights, and the model in {config.Model} has its own. Leave it out, or "
                + "name a preset or a config.json as the model.");
        return OfFolder(config.Model);
    }

    /// <summary>The model of a folder.</summary>
    public static FinetuningStart OfFolder(string folder) => new(ModelFolder.ReadConfig(folder), Tokenizer.FromFolder(folder), folder);

    /// <summary>The folder's settings of generation; those of the configuration for new weights.</summary>
    public GenerationConfig Generation() => Folder is not null ? GenerationConfig.FromFolder(Folder) : new GenerationConfig();
}
