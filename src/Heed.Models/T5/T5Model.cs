using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.T5;

/// <summary>T5's two stacks over one token table.</summary>
internal sealed class T5Model : EncoderDecoder
{
    private readonly T5Config _config;

    /// <summary>Makes the parameters: <c>shared</c>, <c>encoder</c>, <c>decoder</c>.</summary>
    public T5Model(T5Config config, ParameterScope at)
        : base(config, at)
    {
        _config = config;
        OutputTokens = new Embedding(
            config.Vocabulary, config.Width, (at / "shared").As("embed"), Initializer.Normal(config.InitialFactor),
            isOutput: config.TiedOutput);
        Encoder = new T5Stack(config, decoder: false, (at / "encoder").As("encoder"));
        Decoder = new T5Stack(config, decoder: true, (at / "decoder").As("decoder"));
        (at / "encoder" / "embed_tokens").Share("weight", OutputTokens.Weight);
        (at / "decoder" / "embed_tokens").Share("weight", OutputTokens.Weight);
    }

    /// <summary>Token table of both stacks, [V, D].</summary>
    public override Embedding OutputTokens { get; }

    /// <summary>The stack that reads.</summary>
    public T5Stack Encoder { get; }

    /// <summary>The stack that writes.</summary>
    public T5Stack Decoder { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers
        => [.. Decoder.Blocks.Select(b => b.Attention.CacheShape with { Cross = true })];

    /// <inheritdoc/>
    public override int StartId => _config.DecoderStartId ?? _config.PaddingId ?? 0;

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context)
        => Encoder.Forward(OutputTokens.Forward(batch.Ids), default, context);

    /// <inheritdoc/>
    public override Variable Decode(TokenBatch batch, Variable memory, ForwardContext context)
        => Decoder.Forward(OutputTokens.Forward(batch.Ids), memory, context);
}

/// <summary>T5's encoder alone: a text to rows.</summary>
internal sealed class T5Encoder : TokenStack
{
    /// <summary>Makes the parameters: <c>shared</c> and <c>encoder</c>.</summary>
    public T5Encoder(T5Config config, ParameterScope at)
        : base(config, at)
    {
        Tokens = new Embedding(config.Vocabulary, config.Width, (at / "shared").As("embed"), Initializer.Normal(config.InitialFactor));
        Encoder = new T5Stack(config, decoder: false, (at / "encoder").As("encoder"));
        (at / "encoder" / "embed_tokens").Share("weight", Tokens.Weight);
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>The layers.</summary>
    public T5Stack Encoder { get; }

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
        => Encoder.Forward(Tokens.Forward(batch.Ids), default, context);
}
