using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Models.Files;

namespace Heed.Models;

/// <summary>A model with an encoder that reads a text and a decoder that writes another: BART, T5, Marian, the Transformer of 2017,
/// recurrent ones.</summary>
public sealed class SequenceToSequenceModel : Model
{
    /// <summary>Two stacks with an output over the decoder's vocabulary.</summary>
    /// <param name="architecture">Hugging Face's class name.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="stacks">The layers that read and those that write.</param>
    /// <param name="head">Rows to scores.</param>
    public SequenceToSequenceModel(string architecture, ParameterSet parameters, EncoderDecoder stacks, VocabularyHead head)
        : base(architecture, (stacks ?? throw new ArgumentNullException(nameof(stacks))).Config, parameters)
    {
        ArgumentNullException.ThrowIfNull(head);
        (Stacks, Head) = (stacks, head);
    }

    /// <summary>The layers that read and those that write.</summary>
    public EncoderDecoder Stacks { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public VocabularyHead Head { get; }

    /// <summary>The sizes of each decoder layer's keys and values, with <see cref="KeyValueShape.Cross"/>, for a
    /// <see cref="KeyValueCache"/>.</summary>
    public IReadOnlyList<KeyValueShape> CacheLayers => Stacks.CacheLayers;

    /// <summary><c>decoder_start_token_id</c>: the id before every text that the decoder writes.</summary>
    public int DecoderStartId => Stacks.StartId;

    /// <summary>Builds the model of a configuration's family.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">The family has no such head, or the sizes do not fit together.</exception>
    public static SequenceToSequenceModel Create(ModelConfig config, ParameterSet parameters)
        => (SequenceToSequenceModel)ModelFamilies.Build(HeadKind.SequenceToSequence, config, parameters);

    /// <summary>The encoder's rows after its last norm, computed in the model's <see cref="Model.Context"/>.</summary>
    /// <param name="batch">The texts to read.</param>
    /// <param name="context">From <see cref="TokenBatch.Context"/>; hook sites <c>encoder.blocks.i…</c>.</param>
    /// <returns>[S, D].</returns>
    /// <exception cref="InputException">An id is outside the vocabulary, or the input is longer than the positions reach.</exception>
    public Variable Encode(TokenBatch batch, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Check(Config, Config.Vocabulary, Config.MaximumLength);
        using ContextScope entered = Context.Enter();
        return Stacks.Encode(batch, context);
    }

    /// <summary>The decoder's rows after its last norm, computed in the model's <see cref="Model.Context"/>.</summary>
    /// <param name="batch">Ids that the decoder has written so far; with a cache in <paramref name="context"/> only the new ones.</param>
    /// <param name="memory">[S, D] of <see cref="Encode"/>; not read where the cache has the encoder's keys and values already.</param>
    /// <param name="context">With <see cref="ForwardContext.Memory"/>, the encoder's context; hook sites <c>decoder.blocks.i…</c>.</param>
    /// <returns>[N, D].</returns>
    /// <exception cref="InputException">An id is outside the vocabulary, or the input is longer than the positions reach.</exception>
    public Variable Decode(TokenBatch batch, Variable memory, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.Check(Config, Stacks.OutputVocabulary, Config.MaximumLength);
        using ContextScope entered = Context.Enter();
        return Stacks.Decode(batch, memory, context);
    }

    /// <summary>Scores over the vocabulary, computed in the model's <see cref="Model.Context"/>.</summary>
    /// <param name="hidden">[R, D]: rows of <see cref="Decode"/>.</param>
    /// <returns>[R, V].</returns>
    public Variable Logits(Variable hidden)
    {
        using ContextScope entered = Context.Enter();
        return Head.Forward(hidden);
    }

    /// <summary>Sum of −log p(target) over rows, without holding probabilities.</summary>
    /// <param name="hidden">[N, D]: rows of <see cref="Decode"/>.</param>
    /// <param name="targets">[N] ids; <see cref="CausalLanguageModel.IgnoredLabel"/> is left out.</param>
    /// <param name="settings">Smoothing, class weights, ignored index; their reduction is not read. Null: a plain sum, while a tape records
    /// with the architecture's own smoothing.</param>
    /// <returns>[]: nats.</returns>
    public Variable LossSum(Variable hidden, int[] targets, CrossEntropySettings? settings = null)
    {
        using ContextScope entered = Context.Enter();
        return Head.LossSum(hidden, targets, ModelRun.LossOf(settings, Stacks.LabelSmoothing));
    }

    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        TokenBatch source = inputs.Pack(), target = DecoderBatch(inputs);
        if (source.GridRows != target.GridRows)
            throw new InputException($"decoder_input_ids: {target.GridRows} rows were given for {source.GridRows} rows of input_ids; "
                + "one a text was expected.");
        ForwardContext reading = run.EncoderContext(source);
        Variable memory = Encode(source, reading);                                                   // [S, D]
        ForwardContext writing = run.DecoderContext(target, reading, source);
        Variable hidden = Decode(target, memory, writing);                                           // [N, D]
        LossPart[] losses = [];
        if (inputs.Labels is { } labels)
        {
            int[] targets = target.Pick(labels);
            CheckLabels(targets, Stacks.OutputVocabulary);
            losses = [new LossPart("tokens", LossSum(hidden, targets, run.Options.Loss),
                targets.LongCount(t => t != CausalLanguageModel.IgnoredLabel))];
        }

        return new ModelOutput
        {
            Losses = losses,
            Logits = run.Options.Logits ? target.ToGrid(writing.Visit("", "logits", Logits(hidden)).Value) : null,
            EncoderLastHiddenState = run.Options.Details ? source.ToGrid(memory.Value) : null,
        };
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement) => Head.TryExchange(old, replacement);

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Labels is not { } labels) return [0];
        return [DecoderBatch(inputs).Pick(labels).LongCount(t => t != CausalLanguageModel.IgnoredLabel)];
    }

    /// <summary>The decoder's input while it learns: the labels after the start id, one column to the right; ignored labels become
    /// padding.</summary>
    /// <exception cref="InputException">The labels need a padding id and the configuration has none.</exception>
    private TokenGrid ShiftRight(TokenGrid labels)
    {
        int[] cells = new int[labels.Cells.Length];
        for (int b = 0; b < labels.Rows; b++)
        {
            for (int t = 0; t < labels.Columns; t++)
            {
                int id = t == 0 ? DecoderStartId : labels[b, t - 1];
                if (id == CausalLanguageModel.IgnoredLabel)
                {
                    id = Config.PaddingId ?? throw new InputException($"labels: row {b} has ignored labels, which become padding in "
                        + $"the decoder's input, and config.json sets no pad_token_id. "
                        + "Set it, or give decoder_input_ids.");
                }

                cells[(b * labels.Columns) + t] = id;
            }
        }

        return new TokenGrid(labels.Rows, labels.Columns, cells);
    }

    private TokenBatch DecoderBatch(ModelInputs inputs)
    {
        TokenGrid? labels = inputs.Labels;
        TokenGrid ids = inputs.DecoderInputIds ?? (labels is null
            ? throw new InputException("decoder_input_ids: the decoder needs its own ids; give them, or labels from which they are made.")
            : ShiftRight(labels));
        if (labels is not null && (labels.Rows != ids.Rows || labels.Columns != ids.Columns))
            throw new InputException($"labels: the grid is [{labels.Rows}, {labels.Columns}] and decoder_input_ids are [{ids.Rows}, "
                + $"{ids.Columns}]; they must be equal.");
        return TokenBatch.FromGrid(ids, inputs.DecoderAttentionMask);
    }
}
