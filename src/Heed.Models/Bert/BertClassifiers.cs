using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Bert;

/// <summary>BERT or RoBERTa that classifies a text by its first token: BERT through the pooler, RoBERTa through a layer of the head.</summary>
public sealed class BertSequenceClassifier : SequenceClassifier
{
    private readonly BertConfig _config;
    private readonly Dropout _dropout;
    private readonly Linear? _dense;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public BertSequenceClassifier(BertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        _config = config;
        _dropout = new Dropout(config.ClassifierDropout ?? config.Dropout);
        bool roberta = config is RobertaConfig;
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        Bert = new BertEncoder(config, parameters.Root / config.Prefix, pooler: !roberta);
        ParameterScope at = parameters.Root / "classifier";
        _dense = roberta ? new Linear(config.Width, config.Width, at / "dense", initializer: normal) : null;
        Classifier = new Linear(config.Width, config.Labels.Count, roberta ? at / "out_proj" : at, initializer: normal);
    }

    /// <inheritdoc/>
    public override string Architecture => _config.ClassPrefix + "ForSequenceClassification";

    /// <summary>The stack of layers.</summary>
    public BertEncoder Bert { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => BertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null) => base.Run(BertEncoder.WithPositions(_config, inputs), options);

    /// <inheritdoc/>
    protected override Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details)
    {
        CheckIds(batch, maximumLength: _config.PositionRows);
        Variable hidden = Bert.Forward(batch, context, details);                                                                            // [N, D]
        Variable first = _dense is null
            ? Bert.Pool(hidden, batch.FirstRows())
            : _dense.Forward(_dropout.Forward(hidden.Gather(batch.FirstRows()), context, "classifier.dense")).Activate(Activation.Tanh);    // [B, D]
        return Classifier.Forward(_dropout.Forward(first, context, "classifier"));                                                          // [B, L]
    }
}

/// <summary>BERT that tells whether the second segment follows the first (class 0) or not (class 1): the second head of its pre-training alone.</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
public sealed class BertNextSentencePredictor : SequenceClassifier
{
    private readonly BertConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public BertNextSentencePredictor(BertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        _config = config;
        Bert = new BertEncoder(config, parameters.Root / config.Prefix, pooler: true);
        NextSentence = new Linear(config.Width, 2, parameters.Root / "cls" / "seq_relationship", initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => "BertForNextSentencePrediction";

    /// <summary>The stack of layers.</summary>
    public BertEncoder Bert { get; }

    /// <summary>The first token's pooled row to scores of "follows" and "random".</summary>
    public Linear NextSentence { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => BertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    protected override Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details)
    {
        CheckIds(batch, maximumLength: _config.PositionRows);
        return NextSentence.Forward(Bert.Pool(Bert.Forward(batch, context, details), batch.FirstRows()));     // [B, 2]
    }
}

/// <summary>BERT or RoBERTa that classifies each token.</summary>
public sealed class BertTokenClassifier : TokenClassifier
{
    private readonly BertConfig _config;
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public BertTokenClassifier(BertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        _config = config;
        _dropout = new Dropout(config.ClassifierDropout ?? config.Dropout);
        Bert = new BertEncoder(config, parameters.Root / config.Prefix);
        Classifier = new Linear(config.Width, config.Labels.Count, parameters.Root / "classifier", initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => _config.ClassPrefix + "ForTokenClassification";

    /// <summary>The stack of layers.</summary>
    public BertEncoder Bert { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => BertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    public override TokenBatch Pack(ModelInputs inputs, bool keepPadding = false) => BertEncoder.Pack(_config, inputs, keepPadding);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch, maximumLength: _config.PositionRows);
        return Bert.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    protected override Variable Classify(Variable hidden, ForwardContext context) => Classifier.Forward(_dropout.Forward(hidden, context, "classifier"));
}

/// <summary>BERT or RoBERTa that finds the start and the end of an answer.</summary>
public sealed class BertQuestionAnswerer : QuestionAnswerer
{
    private readonly BertConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public BertQuestionAnswerer(BertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        _config = config;
        Bert = new BertEncoder(config, parameters.Root / config.Prefix);
        Outputs = new Linear(config.Width, 2, parameters.Root / "qa_outputs", initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => _config.ClassPrefix + "ForQuestionAnswering";

    /// <summary>The stack of layers.</summary>
    public BertEncoder Bert { get; }

    /// <summary>Rows to scores of start and end.</summary>
    public Linear Outputs { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => BertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    public override TokenBatch Pack(ModelInputs inputs, bool keepPadding = false) => BertEncoder.Pack(_config, inputs, keepPadding);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch, maximumLength: _config.PositionRows);
        return Bert.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    protected override Variable Score(Variable hidden, ForwardContext context) => Outputs.Forward(hidden);
}
