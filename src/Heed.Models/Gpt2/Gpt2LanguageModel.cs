using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Gpt2;

/// <summary>GPT-2 with its output over the vocabulary.</summary>
public sealed class Gpt2LanguageModel : CausalLanguageModel
{

    /// <summary>Builds the model; values come from the set's source.</summary>
    public Gpt2LanguageModel(Gpt2Config config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        Transformer = new Gpt2Model(config, parameters.Root / "transformer");
        Head = config.TiedOutput
            ? new Linear(Transformer.Tokens.Weight, bias: null)
            : new Linear(config.Width, config.Vocabulary, parameters.Root / "lm_head", bias: false, initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => "GPT2LMHeadModel";

    /// <summary>The stack of layers.</summary>
    public Gpt2Model Transformer { get; }

    /// <summary>Rows to scores over the vocabulary; shares the token table where the configuration says so.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => ((Gpt2Config)Config).TiedOutput
        ? new Dictionary<string, string> { ["lm_head.weight"] = "transformer.wte.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Transformer.Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Hidden(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Transformer.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(hidden);

    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets) => Loss.VocabularyCrossEntropy(hidden, Head.Weight.AsWeight(), null, targets, SumOfNats);
}
