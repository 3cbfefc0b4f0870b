using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Transformer2017;

/// <summary>The Transformer of "Attention is all you need": tokens·√D + sines → encoder; tokens·√D + sines → decoder.</summary>
/// <remarks>Vaswani et al. 2017, figure 1. Parameters are named as in torch's <c>nn.Transformer</c>, with separate projections.</remarks>
internal sealed class Transformer2017Model : EncoderDecoder
{
    private readonly Transformer2017Config _config;
    private readonly SinusoidalPositions _positions;
    private readonly Dropout _encoderDropout;
    private readonly Dropout _decoderDropout;

    /// <summary>Makes the parameters: <c>shared</c>, <c>encoder</c>, <c>decoder</c>.</summary>
    public Transformer2017Model(Transformer2017Config config, ParameterScope at)
        : base(config, at)
    {
        _config = config;
        _positions = new SinusoidalPositions(config.Width);
        _encoderDropout = new Dropout(config.Dropout, "encoder.embed");
        _decoderDropout = new Dropout(config.Dropout, "decoder.embed");
        // With √D before it, rows of the table enter with deviation 1; as the output layer it gives scores of the same size.
        OutputTokens = new Embedding(
            config.Vocabulary, config.Width, (at / "shared").As("embed"), Initializer.Normal(1 / MathF.Sqrt(config.Width)),
            isOutput: config.TiedOutput);
        Encoder = new TransformerEncoder(config.Parts, (at / "encoder").As("encoder"));
        Decoder = new TransformerDecoder(config.Parts, (at / "decoder").As("decoder"));
    }

    /// <summary>Token table of both languages, [V, D].</summary>
    public override Embedding OutputTokens { get; }

    /// <summary>The stack that reads.</summary>
    public TransformerEncoder Encoder { get; }

    /// <summary>The stack that writes.</summary>
    public TransformerDecoder Decoder { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers
        => [.. Decoder.Layers.Select(l => l.Attention.CacheShape with { Cross = true })];

    /// <inheritdoc/>
    public override int StartId => _config.DecoderStartId ?? _config.BeginId ?? _config.PaddingId ?? 0;

    /// <inheritdoc/>
    public override float LabelSmoothing => _config.LabelSmoothing;

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context)
        => Encoder.Forward(Embed(batch, context, "encoder", _encoderDropout), context);

    /// <inheritdoc/>
    public override Variable Decode(TokenBatch batch, Variable memory, ForwardContext context)
        => Decoder.Forward(Embed(batch, context, "decoder", _decoderDropout), memory, context);

    private Variable Embed(TokenBatch batch, ForwardContext context, string stack, Dropout dropout)
    {
        Variable tokens = context.Visit(stack, "embed.token", OutputTokens.Forward(batch.Ids) * MathF.Sqrt(_config.Width));
        Variable positions = context.Visit(stack, "embed.position", _positions.Forward(batch.PositionArray));              // [N, D]
        return context.Visit(stack, "embed.out", dropout.Forward(tokens + positions, context));
    }
}
