using Heed.Models.Files;
using Heed.Training.Finetuning;
using Heed.Training.Pretraining;
using Heed.Training.Runs;

namespace Heed.Doctor.Runs;

/// <summary>The folder of a run: where its log and checkpoints lie, its settings, and its finished model.</summary>
/// <param name="Folder">With <c>run.json</c>, log and checkpoints.</param>
/// <param name="Model">With the finished model; null if there is none yet.</param>
/// <param name="Config">The settings.</param>
internal sealed record RunFolder(string Folder, string? Model, TrainingConfig Config)
{
    /// <summary>The settings of a fine-tuning run, or null.</summary>
    public FinetuningConfig? Finetuning => Config as FinetuningConfig;

    /// <summary>The settings of a pre-training run, or null.</summary>
    public PretrainingConfig? Pretraining => Config as PretrainingConfig;

    /// <summary>The run in a folder as <c>heed finetune</c> or <c>heed pretrain</c> was given it; null if there is none.</summary>
    /// <exception cref="InputException">Its settings are damaged.</exception>
    public static RunFolder? Find(string folder)
    {
        string inner = Path.Combine(folder, FinetuningRun.FolderName);
        if (IsRun(inner) && FinetuningRun.SettingsOf(folder) is { } tuning)
            return new RunFolder(inner, File.Exists(Path.Combine(folder, ModelFolder.ConfigName)) ? folder : null, tuning);
        if (!IsRun(folder)) return null;
        // The inner folder of a fine-tuning run may be named itself.
        if (Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))) == FinetuningRun.FolderName
            && Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))) is { } outer
            && File.Exists(Path.Combine(outer, ModelFolder.ConfigName))) return Find(outer);
        string model = Path.Combine(folder, "model");
        return PretrainingRun.SettingsOf(folder) is { } config
            ? new RunFolder(folder, File.Exists(Path.Combine(model, ModelFolder.ConfigName)) ? model : null, config) : null;
    }

    private static bool IsRun(string folder)
        => File.Exists(Path.Combine(folder, RunSettings.FileName)) || CheckpointStore.Newest(folder) is not null;
}
