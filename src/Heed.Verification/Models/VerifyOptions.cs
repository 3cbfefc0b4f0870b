using System.Text.Json;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Verification;

/// <summary>How <see cref="ModelVerifier"/> runs.</summary>
public sealed record VerifyOptions
{
    /// <summary>Everything but generation.</summary>
    public static VerifyOptions Default { get; } = new();

    /// <summary>Runs the generations of a reference; null leaves them out and counts them.</summary>
    internal IGenerationRunner? Generation { get; init; }

    /// <summary>False: outputs and losses only, no gradients and no training.</summary>
    public bool Training { get; init; } = true;

    /// <summary>A folder for everything computed, as <c>NAME.safetensors</c> and <c>NAME.json</c> with the reference's names; null writes
    /// nothing.</summary>
    public string? Dump { get; init; }

    /// <summary>The folder of the model, where the reference has none beside it: sentence embeddings.</summary>
    public string? Model { get; init; }

    /// <summary>True: weights that are NaN or infinite are refused instead of reported.</summary>
    public bool Strict { get; init; }

    /// <summary>Reports each tensor whose weights are NaN or infinite, a sentence each; may be null.</summary>
    public IProgress<string>? Warnings { get; init; }

    /// <summary>Looked at before each run of the model.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Changes the configuration: for tests that plant a fault.</summary>
    internal Func<ModelConfig, ModelConfig>? Configure { get; init; }

    /// <summary>Changes the model: for tests that plant a fault.</summary>
    internal Action<Model>? Change { get; init; }

    /// <summary>Makes hooks for a run: for tests that plant a fault.</summary>
    internal Func<Hooks>? Hooks { get; init; }

    /// <summary>How the model is loaded. A model that is loaded twice is warned of once.</summary>
    internal LoadOptions Loading(bool forTraining = false) => new() { ForTraining = forTraining, Configure = Configure, Strict = Strict, Warnings = forTraining ? null : Warnings };

    /// <summary>Takes the place of the reference's optimizer: for tests that plant a fault.</summary>
    internal Func<ParameterSet, Optimizer>? Optimizer { get; init; }
}

/// <summary>Generates for <see cref="ModelVerifier"/>. The generator lives above the models; the caller brings it along.</summary>
internal interface IGenerationRunner
{
    /// <summary>Generates as <c>transformers</c>' <c>generate</c> would.</summary>
    /// <param name="model">The model, loaded for inference.</param>
    /// <param name="folder">Its folder, with <c>generation_config.json</c> for settings that are not listed.</param>
    /// <param name="inputs">Prompts, left-padded where they differ in length; the encoder's inputs for encoder-decoders.</param>
    /// <param name="settings">An object with the names of <c>generation_config.json</c>; what it lists wins.</param>
    /// <returns>Rows with prompt or start token, padded as the reference pads.</returns>
    GeneratedRows Generate(Model model, string folder, ModelInputs inputs, JsonElement settings);
}

/// <summary>What an <see cref="IGenerationRunner"/> gives.</summary>
/// <param name="Ids">One row a returned sequence, of equal lengths.</param>
/// <param name="Scores">The sequences' scores where beams were searched, else null.</param>
internal sealed record GeneratedRows(IReadOnlyList<int[]> Ids, IReadOnlyList<double>? Scores = null);
