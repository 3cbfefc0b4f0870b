using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Recurrent;

/// <summary>Tokens → LSTM layers → scores over the vocabulary. A cache keeps the states behind every token, so that it writes like any other language model.</summary>
/// <remarks>Zaremba et al. 2014, arXiv:1409.2329 §3.</remarks>
public sealed class LstmLanguageModel : CausalLanguageModel
{
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public LstmLanguageModel(LstmConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _dropout = new Dropout(config.Dropout);
        Tokens = new Embedding(config.Vocabulary, config.EmbeddingWidth, parameters.Root / "embed_tokens", isOutput: config.TiedOutput);
        Layers = new Lstm(config.EmbeddingWidth, config.Width, parameters.Root / "lstm", config.Layers);
        Head = config.TiedOutput ? new Linear(Tokens.Weight, bias: null) : new Linear(config.Width, config.Vocabulary, parameters.Root / "lm_head");
    }

    /// <inheritdoc/>
    public override string Architecture => "LstmLmModel";

    /// <summary>Token table, [V, E].</summary>
    public Embedding Tokens { get; }

    /// <summary>The recurrent layers.</summary>
    public Lstm Layers { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => ((LstmConfig)Config).TiedOutput
        ? new Dictionary<string, string> { ["lm_head.weight"] = "embed_tokens.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => Layers.CacheShapes;

    /// <inheritdoc/>
    public override Variable Hidden(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        ArgumentNullException.ThrowIfNull(context);
        _ = Rows.Check(batch, "input_ids");
        Variable x = _dropout.Forward(context.Visit("", "embed", Tokens.Forward(batch.Ids)), context, "embed");       // [N, E]
        details?.AddRows("hidden_states", x, batch);
        x = _dropout.Forward(context.Visit("lstm", "out", Layers.Forward(x, context)), context, "lstm");              // [N, H]
        details?.AddRows("hidden_states", x, batch);
        return x;
    }

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(hidden);

    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets) => Loss.VocabularyCrossEntropy(hidden, Head.Weight.AsWeight(), Head.Bias?.ToVariable(), targets, SumOfNats);
}
