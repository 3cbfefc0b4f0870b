using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A whole model: its configuration, its parameters by the names of the released checkpoints, and one way to run it on padded inputs.</summary>
public abstract class Model : Module, IDisposable
{
    /// <summary>For derived classes.</summary>
    protected Model(ModelConfig config, ParameterSet parameters)
        : base((parameters ?? throw new ArgumentNullException(nameof(parameters))).Root)
    {
        Config = config;
        Parameters = parameters;
    }

    /// <summary>Sizes and settings.</summary>
    public ModelConfig Config { get; }

    /// <summary>All parameters, in the order of the model.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Hugging Face's class name, such as <c>GPT2LMHeadModel</c>; it stands in <c>architectures</c>.</summary>
    public abstract string Architecture { get; }

    /// <summary>Runs the model on a batch: logits, losses where labels are given, and details where asked.</summary>
    /// <param name="inputs">Padded grids; the results are padded likewise, zeros where the mask is 0.</param>
    /// <param name="options">Dropout, hooks, details; null: plain inference.</param>
    /// <exception cref="InputException">An id is outside the vocabulary, or the input is longer than the positions reach.</exception>
    public abstract ModelOutput Run(ModelInputs inputs, RunOptions? options = null);

    /// <summary>Number of targets of each part of the loss, in the order of <see cref="ModelOutput.Losses"/>, known before the model runs: what a step divides by, once over all its micro-batches.</summary>
    public abstract long[] CountTargets(ModelInputs inputs);

    /// <summary>The parameter whose values another one shares, by the other's key in checkpoints: <c>lm_head.weight</c> → <c>transformer.wte.weight</c>.</summary>
    public virtual IReadOnlyDictionary<string, string> TiedNames { get; } = new Dictionary<string, string>();

    /// <summary>True for a stored tensor that belongs to another head of the same stack (BERT's next-sentence layer beside a masked-token head): it is left out without a word.</summary>
    /// <param name="stored">Its key, under today's name.</param>
    public virtual bool LeavesOut(string stored) => false;

    /// <summary>How each parameter was stored in the folder that was loaded; empty for a model made from nothing. Saving keeps these types.</summary>
    public IReadOnlyDictionary<string, Checkpoints.DType> StoredTypes { get; internal set; } = new Dictionary<string, Checkpoints.DType>();

    /// <summary>Returns the memory of all weights.</summary>
    public void Dispose()
    {
        Parameters.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Refuses labels that are no class; the ignored one passes.</summary>
    internal void CheckLabels(ReadOnlySpan<int> labels, int classes)
    {
        foreach (int label in labels)
            if (label != CausalLanguageModel.IgnoredLabel && (uint)label >= (uint)classes)
                throw new InputException($"labels: {label} is no label of this {Config.ModelType} model; labels are 0 to {classes - 1}, and {CausalLanguageModel.IgnoredLabel} is left out.");
    }

    /// <summary>Refuses ids outside the vocabulary and inputs that are too long.</summary>
    protected void CheckIds(TokenBatch batch, int vocabulary = 0, int maximumLength = 0)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int size = vocabulary > 0 ? vocabulary : Config.Vocabulary;
        int longest = maximumLength > 0 ? maximumLength : Config.MaximumLength;
        for (int n = 0; n < batch.Rows; n++)
        {
            if ((uint)batch.Ids[n] >= (uint)size)
                throw new InputException($"input_ids: token {n} has the id {batch.Ids[n]}; the vocabulary of this {Config.ModelType} model has the ids 0 to {size - 1}. Use the tokenizer that belongs to the model.");
            if ((uint)batch.Positions[n] >= (uint)longest)
                throw new InputException($"input_ids: token {n} is at position {batch.Positions[n]}; this {Config.ModelType} model has {longest} positions. Shorten or split the text.");
        }
    }
}
