using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Models.Files;

namespace Heed.Models;

/// <summary>A model over one stack that is read as a whole; without a head it gives rows, for embeddings. BERT and kin, T5's encoder,
/// custom encoders, decoders without their output.</summary>
public class EncoderModel : Model
{
    /// <summary>An encoder without a head.</summary>
    /// <param name="architecture">Hugging Face's class name.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="stack">The layers.</param>
    /// <param name="pooler">BERT's layer on the first token, or null; training on the rows leaves it as it is.</param>
    public EncoderModel(string architecture, ParameterSet parameters, TokenStack stack, Linear? pooler = null)
        : base(architecture, (stack ?? throw new ArgumentNullException(nameof(stack))).Config, parameters)
    {
        (Stack, Pooler) = (stack, pooler);
        if (pooler is null) return;
        pooler.Weight.AllowUnused();
        if (pooler.Bias is { } bias) bias.AllowUnused();
    }

    /// <summary>The layers.</summary>
    public TokenStack Stack { get; }

    /// <summary>The layer on the first token, or null.</summary>
    public Projection? Pooler { get; private set; }

    /// <summary>Builds the bare stack of a configuration's family.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">The family has no such head, or the sizes do not fit together.</exception>
    public static EncoderModel Create(ModelConfig config, ParameterSet parameters)
        => (EncoderModel)ModelFamilies.Build(HeadKind.None, config, parameters);

    /// <summary>The rows of the last layer, computed in the model's <see cref="Model.Context"/>.</summary>
    /// <param name="batch">From <see cref="Pack"/>.</param>
    /// <param name="context">From <see cref="TokenBatch.Context"/>.</param>
    /// <returns>[N, D].</returns>
    /// <exception cref="InputException">An id is outside the vocabulary, or the input is longer than the positions reach.</exception>
    public Variable Encode(TokenBatch batch, ForwardContext context)
    {
        using ContextScope entered = Context.Enter();
        return Stack.Run(batch, context);
    }

    /// <summary>The rows that run, at the positions at which the architecture counts them.</summary>
    /// <param name="inputs">Padded grids.</param>
    public TokenBatch Pack(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return Stack.WithPositions(inputs).Pack();
    }

    /// <summary>Gives the rows, and the pooled first token if there is a pooler.</summary>
    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        TokenBatch batch = Pack(inputs);
        ForwardContext context = run.Context(batch);
        Variable hidden = Encode(batch, context);                                                    // [N, D]
        return new ModelOutput
        {
            LastHiddenState = batch.ToGrid(hidden.Value),
            PoolerOutput = Pooler?.Forward(hidden.Gather(batch.FirstRows()), context).Activate(Activation.Tanh).Value,
        };
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (!ReferenceEquals(old, Pooler)) return false;
        Pooler = replacement;
        return true;
    }

    /// <summary>Without a head there is nothing to predict, and no part of a loss.</summary>
    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs) => [];

    /// <summary>The rows for labels that stand at their tokens.</summary>
    private protected TokenBatch PackForLabels(ModelInputs inputs) => PaddingRows.ForTokenLabels(Stack.WithPositions(inputs), shift: 0);

    /// <summary>Number of labels that count.</summary>
    private protected static long Count(ReadOnlySpan<int> labels)
    {
        long count = 0;
        foreach (int label in labels)
            if (label != CausalLanguageModel.IgnoredLabel) count++;
        return count;
    }
}
