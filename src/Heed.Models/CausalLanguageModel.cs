using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A model that predicts each token from those before it: GPT, GPT-2, LLaMA and kin, BLOOM, custom decoders.</summary>
public abstract class CausalLanguageModel : Model
{
    /// <summary>For derived classes.</summary>
    protected CausalLanguageModel(ModelConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
    }

    /// <summary>Label that is not counted.</summary>
    public const int IgnoredLabel = -100;

    /// <summary>Sums nats over targets: what a step divides by is known only over all its micro-batches.</summary>
    protected static CrossEntropySettings SumOfNats { get; } = new() { Reduction = Reduction.Sum, IgnoreIndex = IgnoredLabel };

    /// <summary>The sizes of each layer's keys and values, for a <see cref="KeyValueCache"/>.</summary>
    public abstract IReadOnlyList<KeyValueShape> CacheLayers { get; }

    /// <summary>The rows of the last layer after the final norm.</summary>
    /// <param name="batch">New tokens; with a cache in <paramref name="context"/> its sequences go on.</param>
    /// <param name="context">From <see cref="TokenBatch.Context"/>.</param>
    /// <param name="details">Gathers hidden states, or null.</param>
    /// <returns>[N, D].</returns>
    public abstract Variable Hidden(TokenBatch batch, ForwardContext context, RunDetails? details = null);

    /// <summary>Scores over the vocabulary.</summary>
    /// <param name="hidden">[R, D]: rows of <see cref="Hidden"/>.</param>
    /// <returns>[R, V].</returns>
    public abstract Variable Logits(Variable hidden);

    /// <summary>Sum of −log p(target) over rows, without holding probabilities.</summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="targets">[N] ids; <see cref="IgnoredLabel"/> is left out.</param>
    /// <returns>[]: nats.</returns>
    public abstract Variable LossSum(Variable hidden, int[] targets);

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= RunOptions.Default;
        TokenBatch batch = Pack(inputs);
        RunDetails? details = options.Details ? new RunDetails() : null;
        if (details is not null) options = options with { Hooks = details.Patterns(options.Hooks, "blocks.", ".attn.pattern", "attentions", batch) };
        Variable hidden = Hidden(batch, batch.Context(options), details);
        LossPart[] losses = [];
        if (inputs.Labels is not null)
        {
            int[] targets = Targets(inputs, batch);
            CheckLabels(targets, Config.Vocabulary);
            losses = [new LossPart("tokens", LossSum(hidden, targets), targets.LongCount(t => t != IgnoredLabel))];
        }

        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        if (options.Logits) tensors["logits"] = batch.ToGrid(Logits(hidden).Value);
        options.Hooks?.CheckUsed();
        return new ModelOutput { Losses = losses, Tensors = tensors };
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return [inputs.Labels is null ? 0 : Targets(inputs, Pack(inputs)).LongCount(t => t != IgnoredLabel)];
    }

    /// <summary>The label that each row predicts: the one a column further on, unless the labels are shifted already.</summary>
    protected static int[] Targets(ModelInputs inputs, TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(batch);
        TokenGrid labels = inputs.Labels!;
        if (inputs.LabelsAreShifted) return batch.Pick(labels);
        return Array.ConvertAll(batch.Cells, cell => (cell % labels.Columns) + 1 < labels.Columns ? labels.Cells[cell + 1] : IgnoredLabel);
    }

    /// <summary>The rows to run. A label behind padding (the first token of a left-padded text) is predicted by that padding in transformers and counts in the loss.</summary>
    private static TokenBatch Pack(ModelInputs inputs) => inputs.Pack(keepPadding: !inputs.LabelsAreShifted && inputs.PaddingPredicts(shift: 1));
}
