using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Bart;

/// <summary>The two stacks of BART or Marian.</summary>
internal sealed class BartModel : EncoderDecoder
{
    private readonly BartConfig _config;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>model</c> in saved models.</summary>
    public BartModel(BartConfig config, ParameterScope at)
        : base(config, at)
    {
        _config = config;
        ParameterScope encoder = (at / "encoder").As("encoder"), decoder = (at / "decoder").As("decoder");
        Embedding reading = Table(
            config.SharedTokens ? (at / "shared").As("embed") : (encoder / "embed_tokens").As("embed"), config.Vocabulary,
            config.SharedTokens && config.TiedOutput);
        OutputTokens = config.SharedTokens
            ? reading
            : Table((decoder / "embed_tokens").As("embed"), config.DecoderVocabulary, config.TiedOutput);
        Encoder = new BartStack(config, decoder: false, reading, encoder);
        Decoder = new BartStack(config, decoder: true, OutputTokens, decoder);
        if (!config.SharedTokens) return;
        (encoder / "embed_tokens").Share("weight", reading.Weight);
        (decoder / "embed_tokens").Share("weight", reading.Weight);

        Embedding Table(ParameterScope place, int entries, bool output)
            => new(
                entries, config.Width, place, Initializer.NormalExceptRow(config.InitialDeviation, config.PaddingId ?? -1),
                config.PaddingId, isOutput: output);
    }

    /// <inheritdoc/>
    public override Embedding OutputTokens { get; }

    /// <summary>The stack that reads.</summary>
    public BartStack Encoder { get; }

    /// <summary>The stack that writes.</summary>
    public BartStack Decoder { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers
        => [.. Decoder.Blocks.Select(b => b.Attention.CacheShape with { Cross = true })];

    /// <inheritdoc/>
    public override int OutputVocabulary => _config.DecoderVocabulary;

    /// <inheritdoc/>
    public override int StartId => _config.DecoderStartId ?? (_config.Marian ? _config.PaddingId : _config.EndId) ?? 0;

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context) => Encoder.Forward(batch, default, context);

    /// <inheritdoc/>
    public override Variable Decode(TokenBatch batch, Variable memory, ForwardContext context) => Decoder.Forward(batch, memory, context);
}
