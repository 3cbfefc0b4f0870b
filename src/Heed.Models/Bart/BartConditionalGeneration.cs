using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Bart;

/// <summary>BART or Marian: reads a text, writes another. The output layer is the decoder's token table, and adds a fixed bias.</summary>
public sealed class BartConditionalGeneration : SequenceToSequenceModel
{
    private readonly BartConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public BartConditionalGeneration(BartConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _config = config;
        ParameterScope at = parameters.Root / "model";
        Embedding Table(ParameterScope place, int entries, bool output)
            => new(entries, config.Width, place, Initializer.NormalExceptRow(config.InitialDeviation, config.PaddingId ?? -1), config.PaddingId, isOutput: output);
        Embedding reading = Table(config.SharedTokens ? at / "shared" : at / "encoder" / "embed_tokens", config.Vocabulary, config.SharedTokens && config.TiedOutput);
        Embedding writing = config.SharedTokens ? reading : Table(at / "decoder" / "embed_tokens", config.DecoderVocabulary, config.TiedOutput);
        Encoder = new BartStack(config, decoder: false, reading, at / "encoder");
        Decoder = new BartStack(config, decoder: true, writing, at / "decoder");
        Head = config.TiedOutput
            ? new Linear(writing.Weight, bias: null)
            : new Linear(config.Width, config.DecoderVocabulary, parameters.Root / "lm_head", bias: false, initializer: Initializer.Normal(config.InitialDeviation));
        OutputBias = parameters.Root.Parameter("final_logits_bias", new Shape(1, config.DecoderVocabulary), Initializer.Zeros);
        OutputBias.NeedsGradient = false;
        OutputBias.MayBeUnused = true;
        TiedNames = TiedNamesOf(config, writing);
    }

    /// <inheritdoc/>
    public override string Architecture => _config.Marian ? "MarianMTModel" : "BartForConditionalGeneration";

    /// <summary>The stack that reads.</summary>
    public BartStack Encoder { get; }

    /// <summary>The stack that writes.</summary>
    public BartStack Decoder { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Head { get; }

    /// <summary>[1, V]: added to the scores; stored, but not trained.</summary>
    public Parameter OutputBias { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Decoder.Blocks.Select(b => b.Attention.CacheShape with { Cross = true })];

    /// <inheritdoc/>
    protected override int OutputVocabulary => _config.DecoderVocabulary;

    /// <inheritdoc/>
    public override int DecoderStartId => _config.DecoderStartId ?? (_config.Marian ? _config.PaddingId : _config.EndId) ?? 0;

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, default, context, details);
    }

    /// <inheritdoc/>
    public override Variable Decode(TokenBatch batch, Variable memory, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch, _config.DecoderVocabulary);
        return Decoder.Forward(batch, memory, context, details);
    }

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(hidden) + OutputBias.ToVariable();

    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets)
        => Loss.VocabularyCrossEntropy(hidden, Head.Weight.AsWeight(), OutputBias.ToVariable().Reshape(_config.DecoderVocabulary), targets, SumOfNats);

    private static Dictionary<string, string> TiedNamesOf(BartConfig config, Embedding writing)
    {
        Dictionary<string, string> tied = [];
        if (config.SharedTokens)
        {
            tied["model.encoder.embed_tokens.weight"] = writing.Weight.Name;
            tied["model.decoder.embed_tokens.weight"] = writing.Weight.Name;
        }

        if (config.TiedOutput) tied["lm_head.weight"] = writing.Weight.Name;
        return tied;
    }
}
