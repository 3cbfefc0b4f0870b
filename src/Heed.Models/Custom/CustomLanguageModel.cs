using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Custom;

/// <summary>A decoder of one's own with its output over the vocabulary.</summary>
public sealed class CustomLanguageModel : CausalLanguageModel
{
    private readonly CustomConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public CustomLanguageModel(CustomConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        _config = config with { Encoder = false };
        Decoder = new CustomStack(_config, parameters.Root / "model", tokensAreOutput: config.TiedOutput);
        Head = config.TiedOutput ? new Linear(Decoder.Tokens.Weight, bias: null) : new Linear(config.Width, config.Vocabulary, parameters.Root / "lm_head", bias: false);
    }

    /// <inheritdoc/>
    public override string Architecture => "CustomDecoder";

    /// <summary>The stack of layers.</summary>
    public CustomStack Decoder { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => _config.TiedOutput
        ? new Dictionary<string, string> { ["lm_head.weight"] = "model.embed_tokens.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Decoder.Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null) => base.Run(CustomStack.WithPositions(inputs), options);

    /// <inheritdoc/>
    public override Variable Hidden(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Decoder.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(hidden);

    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets) => Loss.VocabularyCrossEntropy(hidden, Head.Weight.AsWeight(), null, targets, SumOfNats);
}
