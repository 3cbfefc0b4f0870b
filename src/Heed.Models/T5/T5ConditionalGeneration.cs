using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.T5;

/// <summary>T5: reads a text, writes another. One token table for both stacks, and for the output where the configuration says so.</summary>
public sealed class T5ConditionalGeneration : SequenceToSequenceModel
{
    private readonly T5Config _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public T5ConditionalGeneration(T5Config config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _config = config;
        Initializer normal = Initializer.Normal(config.InitialFactor);
        Tokens = new Embedding(config.Vocabulary, config.Width, parameters.Root / "shared", normal, isOutput: config.TiedOutput);
        Encoder = new T5Stack(config, decoder: false, parameters.Root / "encoder");
        Decoder = new T5Stack(config, decoder: true, parameters.Root / "decoder");
        Head = config.TiedOutput ? new Linear(Tokens.Weight, bias: null) : new Linear(config.Width, config.Vocabulary, parameters.Root / "lm_head", bias: false, initializer: normal);
        Dictionary<string, string> tied = new() { ["encoder.embed_tokens.weight"] = "shared.weight", ["decoder.embed_tokens.weight"] = "shared.weight" };
        if (config.TiedOutput) tied["lm_head.weight"] = "shared.weight";
        TiedNames = tied;
    }

    /// <inheritdoc/>
    public override string Architecture => "T5ForConditionalGeneration";

    /// <summary>Token table, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>The stack that reads.</summary>
    public T5Stack Encoder { get; }

    /// <summary>The stack that writes.</summary>
    public T5Stack Decoder { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Decoder.Blocks.Select(b => b.Attention.CacheShape with { Cross = true })];

    /// <inheritdoc/>
    public override int DecoderStartId => _config.DecoderStartId ?? _config.PaddingId ?? 0;

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(Tokens.Forward(batch.Ids), default, batch, context, details);
    }

    /// <inheritdoc/>
    public override Variable Decode(TokenBatch batch, Variable memory, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Decoder.Forward(Tokens.Forward(batch.Ids), memory, batch, context, details);
    }

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(Scaled(hidden));

    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets) => Loss.VocabularyCrossEntropy(Scaled(hidden), Head.Weight.AsWeight(), null, targets, SumOfNats);

    private Variable Scaled(Variable hidden) => _config.ScaledOutput ? hidden * (1 / MathF.Sqrt(_config.Width)) : hidden;
}
