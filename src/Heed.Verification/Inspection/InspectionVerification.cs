using System.Text.Json;
using Heed.Checkpoints;
using Heed.Inspection;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Verification;

/// <summary>
/// Compares what inspection finds in models with stored answers of the reference, quantity by quantity: any folder in the form of
/// <c>goldens/inspection</c> (its README), or the folder of one of its models.
/// </summary>
internal static class InspectionVerification
{
    private const string Settings = "golden.json", Values = "golden.safetensors", NoiseName = "noise.json";

    /// <summary>Whether a folder is one model's, or holds such folders.</summary>
    public static bool IsCases(string folder) => IsCase(folder) || Cases(folder).Length > 0;

    /// <summary>Whether a folder holds the values of one model.</summary>
    public static bool IsCase(string folder)
        => Array.TrueForAll([Settings, Values, NoiseName], name => File.Exists(Path.Combine(folder, name)))
            && !Array.Exists(["config.json", "adapter_config.json"], name => File.Exists(Path.Combine(folder, name)))
            && !CheckpointFolder.HasWeights(folder);

    /// <summary>Computes every quantity of a folder and compares it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="models">The folder of the models, or of the one model; null: <c>models</c> beside the folder that holds the
    /// cases.</param>
    /// <param name="cancellationToken">Looked at before each quantity.</param>
    /// <returns>One result per stored tensor.</returns>
    /// <exception cref="StorageException">A file cannot be read, or the model is not there.</exception>
    /// <exception cref="InvalidFileException">A file is damaged.</exception>
    public static IReadOnlyList<VerificationResult> Run(string folder, string? models = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!IsCase(folder)) return [.. Cases(folder).SelectMany(inner => Run(inner, models, cancellationToken))];
        string path = Path.Combine(folder, Settings);
        using JsonDocument settings = StrictJson.ReadFile(path), noise = StrictJson.ReadFile(Path.Combine(folder, NoiseName));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, Values));
        string name = settings.RootElement.TryGetProperty("model", out JsonElement word) ? StrictJson.Text(word, path, "$.model")
            : throw new InvalidFileException(path, "$.model", "is missing; the model's name was expected");
        using Model model = ModelFolder.Load(Find(folder, name, models)).Model;
        InspectionCase one = new(new Inspector(model), model, settings.RootElement, file, cancellationToken);
        List<VerificationResult> results = [];
        foreach (RawTensor tensor in file.Tensors.Where(t => !InspectionCase.IsInput(t.Name)).OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            results.Add(TokenizerVerification.Check(folder, tensor.Name, () => one.Compare(tensor, NoiseOf(noise, tensor.Name))));
        }

        return results;
    }

    private static string[] Cases(string folder)
        => Directory.Exists(folder) ? [.. Directory.EnumerateDirectories(folder).Where(IsCase).Order(StringComparer.Ordinal)] : [];

    private static double NoiseOf(JsonDocument noise, string name) => noise.RootElement.TryGetProperty(name, out JsonElement value)
        ? value.GetDouble() : 0;

    private static string Find(string folder, string name, string? models)
    {
        string full = Path.GetFullPath(folder);
        string beside = models is null ? Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(full) ?? full) ?? full, "models", name)
            : File.Exists(Path.Combine(models, "config.json")) ? models : Path.Combine(models, name);
        return Directory.Exists(beside) ? beside
            : throw new StorageException($"{beside}: is not there. {folder} holds values of the model '{name}'; "
            + "name the folder that holds it (--model DIR).");
    }
}
