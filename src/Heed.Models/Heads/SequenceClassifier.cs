using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models;

/// <summary>What the scores of a sequence classifier mean (<c>problem_type</c>).</summary>
public enum ClassificationKind
{
    /// <summary>One class is right: softmax and cross-entropy.</summary>
    SingleLabel,

    /// <summary>Each class is right or not: sigmoids and binary cross-entropy.</summary>
    MultiLabel,

    /// <summary>Numbers: mean squared error.</summary>
    Regression,
}

/// <summary>A model that gives a text classes or numbers, over an encoder or a decoder.</summary>
public sealed class SequenceClassifier : Model
{
    /// <summary>A stack with a head that reads one row of a text.</summary>
    /// <param name="architecture">Hugging Face's class name.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="stack">The layers.</param>
    /// <param name="head">A text's rows to scores.</param>
    public SequenceClassifier(string architecture, ParameterSet parameters, TokenStack stack, SequenceHead head)
        : base(architecture, (stack ?? throw new ArgumentNullException(nameof(stack))).Config, parameters)
    {
        ArgumentNullException.ThrowIfNull(head);
        (Stack, Head) = (stack, head);
    }

    /// <summary>The layers.</summary>
    public TokenStack Stack { get; }

    /// <summary>A text's rows to scores.</summary>
    public SequenceHead Head { get; }

    /// <summary>What the scores mean; null is decided by the labels, as Hugging Face does.</summary>
    public ClassificationKind? Kind => Config.ClassificationKind;

    /// <summary>Builds the sequence classifier of a configuration's family.</summary>
    /// <param name="config">Sizes and settings; its labels are the classes.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">The family has no such head, or the sizes do not fit together.</exception>
    public static SequenceClassifier Create(ModelConfig config, ParameterSet parameters)
        => (SequenceClassifier)ModelFamilies.Build(HeadKind.SequenceClassifier, config, parameters);

    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        TokenBatch batch = Stack.WithPositions(inputs).Pack();
        ForwardContext context = run.Context(batch);
        Variable scores = Head.Forward(Stack.Run(batch, context), batch, context, Config.PaddingId);     // [B, L]
        scores = context.Visit("", "logits", scores);
        LossPart[] losses = LossOf(inputs, scores, run) is { } sum ? [new LossPart("labels", sum, CountTargets(inputs)[0])] : [];
        if (inputs.SoftLabels is { } soft)
        {
            Variable taught = Loss.Distillation(scores, Tensor.Create(soft.Logits, scores.Shape), soft.Temperature) * scores.Shape[0];
            losses = [.. losses.Select(l => l with { Weight = 1 - soft.Weight }),
                new LossPart("teacher", taught, scores.Shape[0], soft.Weight)];
        }

        return new ModelOutput { Losses = losses, Logits = scores.Value };
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement) => Head.TryExchange(old, replacement);

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (Numbers(inputs, Config.Labels.Count) is { } numbers) return [numbers.Count];
        long labels = inputs.Labels is null ? 0 : inputs.Labels.Cells.LongCount(c => c != CausalLanguageModel.IgnoredLabel);
        return inputs.SoftLabels is null ? [labels] : [labels, inputs.InputIds.Rows];
    }

    /// <summary>Labels that are numbers: those with a fraction, and whole ones where the model regresses, which with one output it does
    /// unless <c>problem_type</c> says otherwise.</summary>
    private IReadOnlyList<float>? Numbers(ModelInputs inputs, int outputs)
    {
        if (inputs.NumberLabels is { } numbers) return numbers;
        bool regression = Kind is ClassificationKind.Regression || (Kind is null && outputs == 1);
        return regression && inputs.Labels is { } labels ? [.. labels.Cells.Select(label => (float)label)] : null;
    }

    private Variable? LossOf(ModelInputs inputs, Variable scores, ModelRun run)
    {
        if (Numbers(inputs, scores.Shape.Last) is { } numbers)
        {
            if (Kind is ClassificationKind.SingleLabel)
            {
                throw new InputException("labels: are numbers with a fraction, "
                    + "and problem_type of config.json is \"single_label_classification\", whose labels are whole class ids. "
                    + "Correct the one that is wrong.");
            }

            if (numbers.Count != scores.Shape.Count)
                throw new InputException($"labels: {numbers.Count} numbers were given for scores {scores.Shape}; "
                    + "one a score was expected.");
            Tensor target = Tensor.Create([.. numbers], scores.Shape);
            bool regression = Kind is ClassificationKind.Regression || (Kind is null && scores.Shape.Last == 1);
            return (regression ? Loss.MeanSquaredError(scores, target) : Loss.BinaryCrossEntropy(scores, target)) * scores.Shape.Count;
        }

        if (inputs.Labels is not { } labels) return null;
        if (labels.Cells.Length != scores.Shape[0])
            throw new InputException($"labels: {labels.Cells.Length} classes were given for {scores.Shape[0]} texts; "
                + "one a text was expected.");
        CheckLabels(labels.Cells, scores.Shape.Last);
        return Loss.CrossEntropy(scores, labels.Cells, run.Loss());
    }
}
