using Heed.Engine.Nn;
using Heed.Engine.Runtime;

namespace Heed.Models;

/// <summary>
/// A whole model: a stack and a head, its configuration, its parameters by the names of the released checkpoints, and one way to run it on
/// padded inputs. Families provide stacks; the heads of <c>Heads/</c> derive from this class.
/// </summary>
public abstract class Model : Module, IDisposable
{
    private UseCount _uses;

    /// <summary>For derived classes.</summary>
    /// <param name="architecture">Hugging Face's class name, such as <c>GPT2LMHeadModel</c>.</param>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="parameters">All parameters.</param>
    protected Model(string architecture, ModelConfig config, ParameterSet parameters)
        : base((parameters ?? throw new ArgumentNullException(nameof(parameters))).Root)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentNullException.ThrowIfNull(config);
        Architecture = architecture;
        Config = config;
        Parameters = parameters;
    }

    /// <summary>Hugging Face's class name, such as <c>GPT2LMHeadModel</c>; it stands in <c>architectures</c>.</summary>
    public string Architecture { get; }

    /// <summary>Sizes and settings.</summary>
    public ModelConfig Config { get; }

    /// <summary>All parameters, in the order of the model.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Where the model computes: the context in which it was built or loaded.</summary>
    public ComputeContext Context { get; } = ComputeContext.Current;

    /// <summary>The parameter whose values another one shares, by the other's key in checkpoints: <c>lm_head.weight</c> →
    /// <c>transformer.wte.weight</c>.</summary>
    public IReadOnlyDictionary<string, string> TiedNames => Parameters.SharedNames;

    /// <summary>The adapter that the model carries, or null.</summary>
    internal Adapters.Adapter? Adapter { get; set; }

    /// <summary>How each parameter was stored in the folder that was loaded; empty for a model made from nothing. Saving keeps these
    /// types.</summary>
    public IReadOnlyDictionary<string, Checkpoints.DType> StoredTypes { get; internal set; } = new Dictionary<string, Checkpoints.DType>();

    /// <summary>Runs the model on a batch, in its <see cref="Context"/>: logits, losses where labels are given, and details where
    /// asked.</summary>
    /// <param name="inputs">Padded grids; the results are padded likewise, zeros where the mask is 0.</param>
    /// <param name="options">Dropout, hooks, details; null: plain inference.</param>
    /// <exception cref="InputException">An id is outside the vocabulary, the input is longer than the positions reach, grids differ in
    /// size, or no token is real.</exception>
    /// <exception cref="ObjectDisposedException">The context, or a weight with the model, was disposed.</exception>
    public ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        inputs.Check();
        using ContextScope entered = Context.Enter();
        ModelRun run = new(options ?? RunOptions.Default);
        ModelOutput output = run.WithDetails(Forward(inputs, run));
        run.Options.Hooks?.CheckUsed();
        return output;
    }

    /// <summary>Number of targets of each part of the loss, in the order of <see cref="ModelOutput.Losses"/>, known before the model runs:
    /// what a step divides by, once over all its micro-batches.</summary>
    public abstract long[] CountTargets(ModelInputs inputs);

    /// <summary>What the head computes.</summary>
    /// <param name="inputs">Padded grids.</param>
    /// <param name="run">Makes the contexts in which stacks run, and gathers details.</param>
    protected abstract ModelOutput Forward(ModelInputs inputs, ModelRun run);

    /// <summary>Returns the memory of all weights: now, or when the last call that runs on another thread has ended. Later calls are
    /// refused.</summary>
    public void Dispose()
    {
        if (_uses.Close()) Parameters.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Enters the model's context and keeps the weights until the result is disposed: once per call, on each thread that
    /// computes.</summary>
    /// <exception cref="ObjectDisposedException">The model or its context was disposed.</exception>
    internal ModelUse Enter()
    {
        ObjectDisposedException.ThrowIf(!_uses.TryBegin(), this);
        try
        {
            return new ModelUse(this, Context.Enter());
        }
        catch
        {
            EndUse();
            throw;
        }
    }

    internal void EndUse()
    {
        if (_uses.End()) Parameters.Dispose();
    }

    /// <summary>Refuses labels that are no class; the ignored one passes.</summary>
    internal void CheckLabels(ReadOnlySpan<int> labels, int classes)
    {
        foreach (int label in labels)
            if (label != CausalLanguageModel.IgnoredLabel && (uint)label >= (uint)classes)
                throw new InputException($"labels: {label} is no label of this {Config.ModelType} model; labels are 0 to {classes - 1}, "
                    + $"and {CausalLanguageModel.IgnoredLabel} is left out.");
    }
}
