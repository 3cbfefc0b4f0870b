using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Custom;

/// <summary>An encoder of one's own without a head: rows, for embeddings.</summary>
public sealed class CustomEncoder : EncoderModel
{
    /// <summary>Builds the model; values come from the set's source.</summary>
    public CustomEncoder(CustomConfig config, ParameterSet parameters)
        : base(config, parameters) => Encoder = new CustomStack(config with { Encoder = true }, parameters.Root / "model", tokensAreOutput: false);

    /// <inheritdoc/>
    public override string Architecture => "CustomEncoder";

    /// <summary>The stack of layers.</summary>
    public CustomStack Encoder { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => CustomFamily.IsHead(stored);

    /// <inheritdoc/>
    public override TokenBatch Pack(ModelInputs inputs, bool keepPadding = false) => CustomStack.WithPositions(inputs).Pack(keepPadding);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, context, details);
    }
}

/// <summary>An encoder of one's own that predicts masked tokens, through BERT's head: a layer, an activation and a norm, then the token table with a bias.</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
public sealed class CustomMaskedLanguageModel : MaskedLanguageModel
{
    private readonly CustomConfig _config;
    private readonly Linear _dense;
    private readonly Norm _norm;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public CustomMaskedLanguageModel(CustomConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        _config = config with { Encoder = true };
        Encoder = new CustomStack(_config, parameters.Root / "model", tokensAreOutput: config.TiedOutput);
        ParameterScope at = parameters.Root / "lm_head";
        _dense = new Linear(config.Width, config.Width, at / "dense");
        _norm = CustomBlock.NormAt(config, (at / "norm").As("norm_head"));
        Decoder = config.TiedOutput
            ? new Linear(Encoder.Tokens.Weight, at.Parameter("bias", new Shape(config.Vocabulary), Initializer.Zeros))
            : new Linear(config.Width, config.Vocabulary, at / "decoder");
    }

    /// <inheritdoc/>
    public override string Architecture => "CustomEncoderForMaskedLM";

    /// <summary>The stack of layers.</summary>
    public CustomStack Encoder { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Decoder { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => _config.TiedOutput
        ? new Dictionary<string, string> { ["lm_head.decoder.weight"] = "model.embed_tokens.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override TokenBatch Pack(ModelInputs inputs, bool keepPadding = false) => CustomStack.WithPositions(inputs).Pack(keepPadding);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    protected override Variable Transform(Variable hidden, ForwardContext? context)
    {
        Variable x = _dense.Forward(hidden).Activate(_config.Activation);               // [R, D]
        return context is null ? _norm.Forward(x) : _norm.Forward(x, context);
    }

    /// <inheritdoc/>
    protected override Variable Scores(Variable transformed) => Decoder.Forward(transformed);

    /// <inheritdoc/>
    protected override Variable LossSum(Variable transformed, int[] targets) => Loss.VocabularyCrossEntropy(transformed, Decoder.Weight.AsWeight(), Decoder.Bias?.ToVariable(), targets, SumOfNats);
}

/// <summary>An encoder of one's own that classifies a text by its first token, through a layer with tanh.</summary>
public sealed class CustomSequenceClassifier : SequenceClassifier
{
    private readonly Dropout _dropout;
    private readonly Linear _dense;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public CustomSequenceClassifier(CustomConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        Encoder = new CustomStack(config with { Encoder = true }, parameters.Root / "model", tokensAreOutput: false);
        _dropout = new Dropout(config.Dropout);
        ParameterScope at = parameters.Root / "classifier";
        _dense = new Linear(config.Width, config.Width, at / "dense");
        Classifier = new Linear(config.Width, config.Labels.Count, at / "out_proj");
    }

    /// <inheritdoc/>
    public override string Architecture => "CustomEncoderForSequenceClassification";

    /// <summary>The stack of layers.</summary>
    public CustomStack Encoder { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => CustomFamily.IsHead(stored);

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null) => base.Run(CustomStack.WithPositions(inputs), options);

    /// <inheritdoc/>
    protected override Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details)
    {
        CheckIds(batch);
        Variable first = Encoder.Forward(batch, context, details).Gather(batch.FirstRows());                                                       // [B, D]
        first = _dense.Forward(_dropout.Forward(first, context, "classifier.dense")).Activate(Activation.Tanh);                                    // [B, D]
        return Classifier.Forward(_dropout.Forward(first, context, "classifier"));                                                                 // [B, L]
    }
}

/// <summary>An encoder of one's own that classifies each token.</summary>
public sealed class CustomTokenClassifier : TokenClassifier
{
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public CustomTokenClassifier(CustomConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        Encoder = new CustomStack(config with { Encoder = true }, parameters.Root / "model", tokensAreOutput: false);
        _dropout = new Dropout(config.Dropout);
        Classifier = new Linear(config.Width, config.Labels.Count, parameters.Root / "classifier");
    }

    /// <inheritdoc/>
    public override string Architecture => "CustomEncoderForTokenClassification";

    /// <summary>The stack of layers.</summary>
    public CustomStack Encoder { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => CustomFamily.IsHead(stored);

    /// <inheritdoc/>
    public override TokenBatch Pack(ModelInputs inputs, bool keepPadding = false) => CustomStack.WithPositions(inputs).Pack(keepPadding);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    protected override Variable Classify(Variable hidden, ForwardContext context) => Classifier.Forward(_dropout.Forward(hidden, context, "classifier"));
}
