using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A model with an encoder that reads a text and a decoder that writes another: BART, T5, Marian, custom ones.</summary>
public abstract class SequenceToSequenceModel : Model
{
    /// <summary>For derived classes.</summary>
    protected SequenceToSequenceModel(ModelConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
    }

    /// <summary>The sizes of each decoder layer's keys and values, with <see cref="KeyValueShape.Cross"/>, for a <see cref="KeyValueCache"/>.</summary>
    public abstract IReadOnlyList<KeyValueShape> CacheLayers { get; }

    /// <summary>Ids that the decoder writes; the encoder's vocabulary where it is the same.</summary>
    protected virtual int OutputVocabulary => Config.Vocabulary;

    /// <summary><c>decoder_start_token_id</c>: the id in front of every text that the decoder writes.</summary>
    public abstract int DecoderStartId { get; }

    /// <summary>Sums nats over targets: what a step divides by is known only over all its micro-batches.</summary>
    protected static CrossEntropySettings SumOfNats { get; } = new() { Reduction = Reduction.Sum, IgnoreIndex = CausalLanguageModel.IgnoredLabel };

    /// <summary>The encoder's rows after its last norm.</summary>
    /// <param name="batch">The texts to read.</param>
    /// <param name="context">From <see cref="TokenBatch.Context"/>; hook sites <c>encoder.blocks.i…</c>.</param>
    /// <param name="details">Gathers <c>encoder_hidden_states</c>, or null.</param>
    /// <returns>[S, D].</returns>
    public abstract Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null);

    /// <summary>The decoder's rows after its last norm.</summary>
    /// <param name="batch">Ids that the decoder has written so far; with a cache in <paramref name="context"/> only the new ones.</param>
    /// <param name="memory">[S, D] of <see cref="Encode"/>; not read where the cache has the encoder's keys and values already.</param>
    /// <param name="context">With <see cref="ForwardContext.Memory"/>, the encoder's context; hook sites <c>decoder.blocks.i…</c>.</param>
    /// <param name="details">Gathers <c>decoder_hidden_states</c>, or null.</param>
    /// <returns>[N, D].</returns>
    public abstract Variable Decode(TokenBatch batch, Variable memory, ForwardContext context, RunDetails? details = null);

    /// <summary>Scores over the vocabulary.</summary>
    /// <param name="hidden">[R, D]: rows of <see cref="Decode"/>.</param>
    /// <returns>[R, V].</returns>
    public abstract Variable Logits(Variable hidden);

    /// <summary>Sum of −log p(target) over rows, without holding probabilities.</summary>
    /// <param name="hidden">[N, D]: rows of <see cref="Decode"/>.</param>
    /// <param name="targets">[N] ids; <see cref="CausalLanguageModel.IgnoredLabel"/> is left out.</param>
    /// <returns>[]: nats.</returns>
    public abstract Variable LossSum(Variable hidden, int[] targets);

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= RunOptions.Default;
        TokenBatch source = inputs.Pack();
        TokenBatch target = DecoderBatch(inputs);
        if (source.GridRows != target.GridRows) throw new InputException($"decoder_input_ids: {target.GridRows} rows were given for {source.GridRows} rows of input_ids; one a text was expected.");
        RunDetails? details = options.Details ? new RunDetails() : null;
        if (details is not null)
        {
            Hooks hooks = details.Patterns(options.Hooks, "encoder.blocks.", ".attn.pattern", "encoder_attentions", source);
            details.Patterns(hooks, "decoder.blocks.", ".attn.pattern", "decoder_attentions", target);
            details.Patterns(hooks, "decoder.blocks.", ".cross_attn.pattern", "cross_attentions", target, source);
            options = options with { Hooks = hooks };
        }

        ForwardContext reading = source.Context(options);
        Variable memory = Encode(source, reading, details);                                        // [S, D]
        details?.Set("encoder_last_hidden_state", source.ToGrid(memory.Value));
        Variable hidden = Decode(target, memory, target.Context(options, reading), details);       // [N, D]
        LossPart[] losses = [];
        if (inputs.Labels is { } labels)
        {
            int[] targets = target.Pick(labels);
            CheckLabels(targets, OutputVocabulary);
            losses = [new LossPart("tokens", LossSum(hidden, targets), targets.LongCount(t => t != CausalLanguageModel.IgnoredLabel))];
        }

        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        if (options.Logits) tensors["logits"] = target.ToGrid(Logits(hidden).Value);
        options.Hooks?.CheckUsed();
        return new ModelOutput { Losses = losses, Tensors = tensors };
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Labels is not { } labels) return [0];
        return [DecoderBatch(inputs).Pick(labels).LongCount(t => t != CausalLanguageModel.IgnoredLabel)];
    }

    /// <summary>The decoder's input while it learns: the labels behind the start id, one column to the right; ignored labels become padding.</summary>
    /// <param name="labels">[B, T].</param>
    /// <returns>[B, T].</returns>
    /// <exception cref="InputException">The labels need a padding id and the configuration has none.</exception>
    protected TokenGrid ShiftRight(TokenGrid labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        int[] cells = new int[labels.Cells.Length];
        for (int b = 0; b < labels.Rows; b++)
        {
            for (int t = 0; t < labels.Columns; t++)
            {
                int id = t == 0 ? DecoderStartId : labels[b, t - 1];
                if (id == CausalLanguageModel.IgnoredLabel)
                    id = Config.PaddingId ?? throw new InputException($"labels: row {b} has ignored labels, which become padding in the decoder's input, and config.json sets no pad_token_id. Set it, or give decoder_input_ids.");
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
            throw new InputException($"labels: the grid is [{labels.Rows}, {labels.Columns}] and decoder_input_ids are [{ids.Rows}, {ids.Columns}]; they must be equal.");
        return TokenBatch.FromGrid(ids, inputs.DecoderAttentionMask);
    }
}
