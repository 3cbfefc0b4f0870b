using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Models.Files;

namespace Heed.Models;

/// <summary>A model that predicts each token from those before it: GPT, GPT-2, LLaMA and kin, BLOOM, LSTM and custom decoders.</summary>
public sealed class CausalLanguageModel : Model
{
    /// <summary>A decoder with its output over the vocabulary.</summary>
    /// <param name="architecture">Hugging Face's class name.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="stack">The layers.</param>
    /// <param name="head">Rows to scores.</param>
    public CausalLanguageModel(string architecture, ParameterSet parameters, DecoderStack stack, VocabularyHead head)
        : base(architecture, (stack ?? throw new ArgumentNullException(nameof(stack))).Config, parameters)
    {
        ArgumentNullException.ThrowIfNull(head);
        (Stack, Head) = (stack, head);
    }

    /// <summary>Label that is not counted.</summary>
    public const int IgnoredLabel = -100;

    /// <summary>The layers.</summary>
    public DecoderStack Stack { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public VocabularyHead Head { get; }

    /// <summary>The sizes of each layer's keys and values, for a <see cref="KeyValueCache"/>.</summary>
    public IReadOnlyList<KeyValueShape> CacheLayers => Stack.CacheLayers;

    /// <summary>Builds the language model of a configuration's family.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">The family has no such head, or the sizes do not fit together.</exception>
    public static CausalLanguageModel Create(ModelConfig config, ParameterSet parameters)
        => (CausalLanguageModel)ModelFamilies.Build(HeadKind.LanguageModel, config, parameters);

    /// <summary>The rows of the last layer after the final norm, computed in the model's <see cref="Model.Context"/>.</summary>
    /// <param name="batch">New tokens; with a cache in <paramref name="context"/> its sequences continue.</param>
    /// <param name="context">From <see cref="TokenBatch.Context"/>.</param>
    /// <returns>[N, D].</returns>
    /// <exception cref="InputException">An id is outside the vocabulary, or the input is longer than the positions reach.</exception>
    /// <exception cref="ArgumentException">A hook of the context names a tensor that no run so far has shown.</exception>
    public Variable Hidden(TokenBatch batch, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using ContextScope entered = Context.Enter();
        Variable hidden = Stack.Run(batch, context);
        context.Hooks?.CheckUsed();
        return hidden;
    }

    /// <summary>Scores over the vocabulary, computed in the model's <see cref="Model.Context"/>.</summary>
    /// <param name="hidden">[R, D]: rows of <see cref="Hidden"/>.</param>
    /// <returns>[R, V].</returns>
    public Variable Logits(Variable hidden)
    {
        using ContextScope entered = Context.Enter();
        return Head.Forward(hidden);
    }

    /// <summary>Sum of −log p(target) over rows, without holding probabilities.</summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="targets">[N] ids; <see cref="IgnoredLabel"/> is left out.</param>
    /// <param name="settings">Smoothing, class weights, ignored index; their reduction is not read. Null: a plain sum.</param>
    /// <returns>[]: nats.</returns>
    public Variable LossSum(Variable hidden, int[] targets, CrossEntropySettings? settings = null)
    {
        using ContextScope entered = Context.Enter();
        return Head.LossSum(hidden, targets, ModelRun.LossOf(settings));
    }

    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        inputs = Stack.WithPositions(inputs);
        TokenBatch batch = Pack(inputs);
        ForwardContext context = run.Context(batch);
        Variable hidden = Stack.Run(batch, context);                                                 // [N, D]; hooks may name the logits
        LossPart[] losses = [];
        if (inputs.Labels is not null)
        {
            int[] targets = Targets(inputs, batch);
            CheckLabels(targets, Config.Vocabulary);
            losses = [new LossPart("tokens", LossSum(hidden, targets, run.Options.Loss), targets.LongCount(t => t != IgnoredLabel))];
        }

        return new ModelOutput
        {
            Losses = losses,
            Logits = run.Options.Logits ? batch.ToGrid(context.Visit("", "logits", Logits(hidden)).Value) : null,
        };
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement) => Head.TryExchange(old, replacement);

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return [inputs.Labels is null ? 0 : Targets(inputs, Pack(inputs)).LongCount(t => t != IgnoredLabel)];
    }

    /// <summary>The label that each row predicts: the one a column further on, unless the labels are shifted already.</summary>
    private static int[] Targets(ModelInputs inputs, TokenBatch batch)
    {
        TokenGrid labels = inputs.Labels!;
        batch.RequireLabels(labels);
        if (inputs.LabelsAreShifted) return batch.Pick(labels);
        return Array.ConvertAll(batch.CellArray, cell => (cell % labels.Columns) + 1 < labels.Columns ? labels.Cells[cell + 1]
            : IgnoredLabel);
    }

    /// <summary>The rows to run. A label after padding (the first token of a left-padded text) is predicted by that padding in transformers
    /// and counts in the loss.</summary>
    private static TokenBatch Pack(ModelInputs inputs)
        => inputs.LabelsAreShifted ? inputs.Pack() : PaddingRows.ForTokenLabels(inputs, shift: 1);
}
