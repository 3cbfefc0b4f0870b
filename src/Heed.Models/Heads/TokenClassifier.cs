using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models;

/// <summary>A model that gives each token a class: names, parts of speech.</summary>
public sealed class TokenClassifier : EncoderModel
{
    private readonly Dropout _dropout;

    /// <summary>An encoder with a layer to the classes.</summary>
    /// <param name="architecture">Hugging Face's class name.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="stack">The layers.</param>
    /// <param name="classifier">Rows to scores of the classes.</param>
    /// <param name="dropout">Probability of dropout before it.</param>
    public TokenClassifier(string architecture, ParameterSet parameters, TokenStack stack, Linear classifier, float dropout = 0)
        : base(architecture, parameters, stack)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        Classifier = classifier;
        _dropout = new Dropout(dropout, "classifier");
    }

    /// <summary>Rows to scores of the classes.</summary>
    public Projection Classifier { get; private set; }

    /// <summary>What is done to the rows before that layer (ModernBERT), or null.</summary>
    internal HeadTransform? Transform { get; init; }

    /// <summary>Builds the token classifier of a configuration's family.</summary>
    /// <param name="config">Sizes and settings; its labels are the classes.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">The family has no such head, or the sizes do not fit together.</exception>
    public static new TokenClassifier Create(ModelConfig config, ParameterSet parameters)
        => (TokenClassifier)ModelFamilies.Build(HeadKind.TokenClassifier, config, parameters);

    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        TokenBatch batch = PackForLabels(inputs);
        ForwardContext context = run.Context(batch);
        Variable hidden = Encode(batch, context);                                                    // [N, D]
        if (Transform is not null) hidden = Transform.Forward(hidden, context);
        Variable scores = Classifier.Forward(_dropout.Forward(hidden, context), context);            // [N, L]
        scores = context.Visit("", "logits", scores);
        LossPart[] losses = [];
        if (inputs.Labels is not null)
        {
            int[] labels = batch.Pick(inputs.Labels);
            CheckLabels(labels, scores.Shape.Last);
            losses = [new LossPart("labels", Loss.CrossEntropy(scores, labels, run.Loss()), Count(labels))];
        }

        return new ModelOutput { Losses = losses, Logits = batch.ToGrid(scores.Value) };
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (!ReferenceEquals(old, Classifier))
            return Transform?.TryExchange(old, replacement) == true || base.Exchange(old, replacement);
        Classifier = replacement;
        return true;
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return [inputs.Labels is null ? 0 : Count(PackForLabels(inputs).Pick(inputs.Labels))];
    }
}
