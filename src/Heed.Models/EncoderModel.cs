using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A model over one stack in which every token sees all others: BERT and kin.</summary>
public abstract class EncoderModel : Model
{
    /// <summary>For derived classes.</summary>
    protected EncoderModel(ModelConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
    }

    /// <summary>Sums nats over targets: what a step divides by is known only over all its micro-batches.</summary>
    protected static CrossEntropySettings SumOfNats { get; } = new() { Reduction = Reduction.Sum, IgnoreIndex = CausalLanguageModel.IgnoredLabel };

    /// <summary>The rows of the last layer.</summary>
    /// <param name="batch">From <see cref="Pack"/>.</param>
    /// <param name="context">From <see cref="TokenBatch.Context"/>.</param>
    /// <param name="details">Gathers hidden states, or null.</param>
    /// <returns>[N, D].</returns>
    public abstract Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null);

    /// <summary>The rows that run, at the positions at which the architecture counts them.</summary>
    /// <param name="inputs">Padded grids.</param>
    /// <param name="keepPadding">True where padding must run too; see <see cref="TokenBatch.FromGrid"/>.</param>
    public virtual TokenBatch Pack(ModelInputs inputs, bool keepPadding = false)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return inputs.Pack(keepPadding);
    }

    /// <summary>Runs the stack on padded inputs.</summary>
    /// <param name="inputs">Padded grids.</param>
    /// <param name="options">Details, hooks, dropout.</param>
    /// <param name="keepPadding">True where padding must run too.</param>
    /// <returns>The batch, its context, [N, D], and what was gathered where <see cref="RunOptions.Details"/> is set.</returns>
    protected (TokenBatch Batch, ForwardContext Context, Variable Hidden, RunDetails? Details) Encode(ModelInputs inputs, RunOptions options, bool keepPadding = false)
    {
        ArgumentNullException.ThrowIfNull(options);
        TokenBatch batch = Pack(inputs, keepPadding);
        RunDetails? details = options.Details ? new RunDetails() : null;
        if (details is not null) options = options with { Hooks = details.Patterns(options.Hooks, "blocks.", ".attn.pattern", "attentions", batch) };
        ForwardContext context = batch.Context(options);
        return (batch, context, Encode(batch, context, details), details);
    }

    /// <summary>Without a head: gives <c>last_hidden_state</c> [B, T, D].</summary>
    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        (TokenBatch batch, _, Variable hidden, RunDetails? details) = Encode(inputs, options ?? RunOptions.Default);
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        tensors["last_hidden_state"] = batch.ToGrid(hidden.Value);
        options?.Hooks?.CheckUsed();
        return new ModelOutput { Tensors = tensors };
    }

    /// <summary>Without a head there is nothing to predict, and no part of a loss.</summary>
    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs) => [];

    /// <summary>Number of labels that count.</summary>
    protected static long Count(ReadOnlySpan<int> labels)
    {
        long count = 0;
        foreach (int label in labels)
            if (label != CausalLanguageModel.IgnoredLabel) count++;
        return count;
    }
}
