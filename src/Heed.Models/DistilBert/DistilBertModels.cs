using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.DistilBert;

/// <summary>DistilBERT without a head: rows, for embeddings.</summary>
public sealed class DistilBertModel : EncoderModel
{
    /// <summary>Builds the model; values come from the set's source.</summary>
    public DistilBertModel(DistilBertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Encoder = new DistilBertEncoder(config, parameters.Root);
    }

    /// <inheritdoc/>
    public override string Architecture => "DistilBertModel";

    /// <summary>The stack of layers.</summary>
    public DistilBertEncoder Encoder { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => DistilBertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, context, details);
    }
}

/// <summary>DistilBERT that predicts masked tokens.</summary>
public sealed class DistilBertMaskedLanguageModel : MaskedLanguageModel
{
    private readonly Linear _transform;
    private readonly LayerNorm _norm;
    private readonly DistilBertConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public DistilBertMaskedLanguageModel(DistilBertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        _config = config;
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        Encoder = new DistilBertEncoder(config, parameters.Root / "distilbert");
        _transform = new Linear(config.Width, config.Width, parameters.Root / "vocab_transform", initializer: normal);
        _norm = new LayerNorm(config.Width, DistilBertConfig.NormEpsilon, (parameters.Root / "vocab_layer_norm").As("norm_head"));
        ParameterScope at = parameters.Root / "vocab_projector";
        Projector = config.TiedOutput
            ? new Linear(Encoder.Tokens.Weight, at.Parameter("bias", new Shape(config.Vocabulary), Initializer.Zeros))
            : new Linear(config.Width, config.Vocabulary, at, initializer: normal);
    }

    /// <inheritdoc/>
    public override string Architecture => "DistilBertForMaskedLM";

    /// <summary>The stack of layers.</summary>
    public DistilBertEncoder Encoder { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Projector { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => _config.TiedOutput
        ? new Dictionary<string, string> { ["vocab_projector.weight"] = "distilbert.embeddings.word_embeddings.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    protected override Variable Transform(Variable hidden, ForwardContext? context)
    {
        Variable x = _transform.Forward(hidden).Activate(_config.Activation);           // [R, D]
        return context is null ? _norm.Forward(x) : _norm.Forward(x, context);
    }

    /// <inheritdoc/>
    protected override Variable Scores(Variable transformed) => Projector.Forward(transformed);

    /// <inheritdoc/>
    protected override Variable LossSum(Variable transformed, int[] targets) => Loss.VocabularyCrossEntropy(transformed, Projector.Weight.AsWeight(), Projector.Bias?.ToVariable(), targets, SumOfNats);
}

/// <summary>DistilBERT that classifies a text by its first token.</summary>
public sealed class DistilBertSequenceClassifier : SequenceClassifier
{
    private readonly Linear _dense;
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public DistilBertSequenceClassifier(DistilBertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        _dropout = new Dropout(config.ClassifierDropout);
        Encoder = new DistilBertEncoder(config, parameters.Root / "distilbert");
        _dense = new Linear(config.Width, config.Width, parameters.Root / "pre_classifier", initializer: normal);
        Classifier = new Linear(config.Width, config.Labels.Count, parameters.Root / "classifier", initializer: normal);
    }

    /// <inheritdoc/>
    public override string Architecture => "DistilBertForSequenceClassification";

    /// <summary>The stack of layers.</summary>
    public DistilBertEncoder Encoder { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => DistilBertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    protected override Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details)
    {
        CheckIds(batch);
        Variable hidden = Encoder.Forward(batch, context, details);                                                     // [N, D]
        Variable first = _dense.Forward(hidden.Gather(batch.FirstRows())).Activate(Activation.Relu);                    // [B, D]
        return Classifier.Forward(_dropout.Forward(first, context, "classifier"));                                      // [B, L]
    }
}

/// <summary>DistilBERT that classifies each token.</summary>
public sealed class DistilBertTokenClassifier : TokenClassifier
{
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public DistilBertTokenClassifier(DistilBertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        _dropout = new Dropout(config.Dropout);
        Encoder = new DistilBertEncoder(config, parameters.Root / "distilbert");
        Classifier = new Linear(config.Width, config.Labels.Count, parameters.Root / "classifier", initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => "DistilBertForTokenClassification";

    /// <summary>The stack of layers.</summary>
    public DistilBertEncoder Encoder { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => DistilBertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    protected override Variable Classify(Variable hidden, ForwardContext context) => Classifier.Forward(_dropout.Forward(hidden, context, "classifier"));
}

/// <summary>DistilBERT that finds the start and the end of an answer.</summary>
public sealed class DistilBertQuestionAnswerer : QuestionAnswerer
{
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public DistilBertQuestionAnswerer(DistilBertConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        _dropout = new Dropout(config.AnswerDropout);
        Encoder = new DistilBertEncoder(config, parameters.Root / "distilbert");
        Outputs = new Linear(config.Width, 2, parameters.Root / "qa_outputs", initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => "DistilBertForQuestionAnswering";

    /// <summary>The stack of layers.</summary>
    public DistilBertEncoder Encoder { get; }

    /// <summary>Rows to scores of start and end.</summary>
    public Linear Outputs { get; }

    /// <inheritdoc/>
    public override bool LeavesOut(string stored) => DistilBertFamily.IsOtherHead(stored);

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Encoder.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    protected override Variable Score(Variable hidden, ForwardContext context) => Outputs.Forward(_dropout.Forward(hidden, context, "qa_outputs"));
}
