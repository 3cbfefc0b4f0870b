using Heed.Checkpoints;
using Heed.Engine.Kernels;
using Heed.Engine.Runtime;

namespace Heed.Models.Files;

/// <summary>How a model folder is opened.</summary>
public sealed record LoadOptions
{
    /// <summary>Inference at the stored precision; anything missing is an error.</summary>
    public static LoadOptions Default { get; } = new();

    /// <summary>True: weights stay plain, ready to be trained. False: they are packed for products while they load.</summary>
    public bool ForTraining { get; init; }

    /// <summary>How weights of products and tables are held in inference; null: as they are stored. Gains and biases are float32
    /// always.</summary>
    public WeightFormat? Format { get; init; }

    /// <summary>The head to build instead of the one that <c>architectures</c> names: <c>BertForSequenceClassification</c> over a
    /// pre-trained BERT.</summary>
    public string? Architecture { get; init; }

    /// <summary>A configuration to use instead of the file's: with other labels, say.</summary>
    public Func<ModelConfig, ModelConfig>? Configure { get; init; }

    /// <summary>True: missing tensors get their first values, unexpected ones are left out, and both are only reported (a new head on old
    /// weights).</summary>
    public bool AllowMissing { get; init; }

    /// <summary>True: weights that are NaN or infinite are refused instead of reported.</summary>
    public bool Strict { get; init; }

    /// <summary>Seed of the first values of missing tensors.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where the model computes and whose budget its weights are charged to; if omitted,
    /// <see cref="ComputeContext.Current"/>.</summary>
    public ComputeContext? Context { get; init; }

    /// <summary>Limit for the weights, in bytes; if omitted, what is left of the context's budget.</summary>
    public long? MaximumBytes { get; init; }

    /// <summary>Of an adapter's folder: the base model, instead of the one that its <c>adapter_config.json</c> names.</summary>
    public IModelFiles? Base { get; init; }

    /// <summary>The folder of a base model by its name on the hub and its revision, or null; the hub lies above the models.</summary>
    internal Func<string, string?, string?>? FindModel { get; init; }

    /// <summary>What an adapter makes of the weights while they are read, or null.</summary>
    internal Adapters.MergedWeights? Merged { get; init; }

    /// <summary>Parameters that the files lack and that begin as copies of others: an output layer that parts from the token table.</summary>
    internal IReadOnlyDictionary<string, string>? Copies { get; init; }

    /// <summary>Receives how many bytes of weights are read, after each tensor.</summary>
    internal IProgress<LoadProgress>? Progress { get; init; }

    /// <summary>Stops loading before the next tensor.</summary>
    internal CancellationToken CancellationToken { get; init; }

    /// <summary>Reports everything that is odd but accepted, a sentence each; may be null. A <see cref="Progress{T}"/> reports later, on
    /// the caller's synchronization context.</summary>
    public IProgress<string>? Warnings { get; init; }
}

/// <summary>What loading found, tensor by tensor.</summary>
/// <param name="Missing">Parameters of the model that the files do not have.</param>
/// <param name="Unexpected">Tensors of the files that the model does not have.</param>
/// <param name="Mismatched">Tensors whose shape is not the parameter's: name, stored shape, expected shape.</param>
public sealed record LoadReport(IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected, IReadOnlyList<string> Mismatched)
{
    /// <summary>True where every tensor found its parameter and every parameter its tensor.</summary>
    public bool IsComplete => Missing.Count == 0 && Unexpected.Count == 0 && Mismatched.Count == 0;

    /// <summary>How each parameter was stored: float32, float16, bfloat16.</summary>
    public IReadOnlyDictionary<string, DType> StoredTypes { get; init; } = new Dictionary<string, DType>();
}
