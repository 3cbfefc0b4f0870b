using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>A stack of layers from tokens to rows: what a family provides. The heads of <c>Heads/</c> read its rows.</summary>
public abstract class TokenStack : Module
{
    /// <summary>Checks the sizes before anything is made.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="at">Where the parameters are named.</param>
    /// <exception cref="ConfigException">The sizes do not fit together.</exception>
    protected TokenStack(ModelConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
    }

    /// <summary>Sizes and settings.</summary>
    public ModelConfig Config { get; }

    /// <summary>Token table, [V, D].</summary>
    public abstract Embedding Tokens { get; }

    /// <summary>Tokens to the rows of the last layer, after its norm if there is one.</summary>
    /// <param name="batch">The tokens; with a cache in <paramref name="context"/> the new ones of sequences that continue.</param>
    /// <param name="context">From <see cref="TokenBatch.Context"/>.</param>
    /// <returns>[N, D].</returns>
    public abstract Variable Forward(TokenBatch batch, ForwardContext context);

    /// <summary>The inputs with the positions that the architecture counts; those given, or columns of the grid, unless
    /// overridden.</summary>
    public virtual ModelInputs WithPositions(ModelInputs inputs) => inputs;

    /// <summary>Number of positions that a token may have.</summary>
    protected virtual int PositionCount => Config.MaximumLength;

    /// <summary>Refuses ids outside the vocabulary and inputs that are too long, then runs the stack.</summary>
    /// <exception cref="InputException">An id or a position is outside its table.</exception>
    internal Variable Run(TokenBatch batch, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        batch.Check(Config, Config.Vocabulary, PositionCount);
        return Forward(batch, context);
    }
}

/// <summary>A stack whose tokens see those before them, and whose keys and values (or states) a cache can keep.</summary>
public abstract class DecoderStack : TokenStack
{
    /// <inheritdoc/>
    protected DecoderStack(ModelConfig config, ParameterScope at)
        : base(config, at)
    {
    }

    /// <summary>The sizes of each layer's keys and values, for a <see cref="KeyValueCache"/>.</summary>
    public abstract IReadOnlyList<KeyValueShape> CacheLayers { get; }
}

/// <summary>Two stacks: an encoder reads a text, a decoder writes another. What an encoder-decoder family provides.</summary>
public abstract class EncoderDecoder : Module
{
    /// <summary>Checks the sizes before anything is made.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="at">Where the parameters are named.</param>
    /// <exception cref="ConfigException">The sizes do not fit together.</exception>
    protected EncoderDecoder(ModelConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
    }

    /// <summary>Sizes and settings.</summary>
    public ModelConfig Config { get; }

    /// <summary>The decoder's token table, [V, D]: a tied output layer reads it.</summary>
    public abstract Embedding OutputTokens { get; }

    /// <summary>The sizes of each decoder layer's keys and values, with <see cref="KeyValueShape.Cross"/>.</summary>
    public abstract IReadOnlyList<KeyValueShape> CacheLayers { get; }

    /// <summary><c>decoder_start_token_id</c>: the id before every text that the decoder writes.</summary>
    public abstract int StartId { get; }

    /// <summary>Ids that the decoder writes.</summary>
    public virtual int OutputVocabulary => Config.Vocabulary;

    /// <summary>Label smoothing of the architecture's own training, used while a tape records; 0 for none.</summary>
    public virtual float LabelSmoothing => 0;

    /// <summary>The encoder's rows after its last norm.</summary>
    /// <param name="batch">The texts to read.</param>
    /// <param name="context">The encoder's; hook sites <c>encoder.blocks.i…</c>.</param>
    /// <returns>[S, D].</returns>
    public abstract Variable Encode(TokenBatch batch, ForwardContext context);

    /// <summary>The decoder's rows after its last norm.</summary>
    /// <param name="batch">Ids written so far; with a cache in <paramref name="context"/> only the new ones.</param>
    /// <param name="memory">[S, D] of <see cref="Encode"/>; not read where the cache has the encoder's keys and values already.</param>
    /// <param name="context">With <see cref="ForwardContext.Memory"/>, the encoder's context; hook sites <c>decoder.blocks.i…</c>.</param>
    /// <returns>[N, D].</returns>
    public abstract Variable Decode(TokenBatch batch, Variable memory, ForwardContext context);
}
