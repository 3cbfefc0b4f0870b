using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Verification;

/// <summary>How <see cref="ModelVerifier"/> runs.</summary>
public sealed record VerifyOptions
{
    /// <summary>Everything that a reference holds.</summary>
    public static VerifyOptions Default { get; } = new();

    /// <summary>False: the reference's generations are left out, and counted.</summary>
    public bool Generation { get; init; } = true;

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
    internal LoadOptions Loading(bool forTraining = false)
        => new() { ForTraining = forTraining, Configure = Configure, Strict = Strict, Warnings = forTraining ? null : Warnings };

    /// <summary>Takes the place of the reference's optimizer: for tests that plant a fault.</summary>
    internal Func<ParameterSet, Optimizer>? Optimizer { get; init; }
}
