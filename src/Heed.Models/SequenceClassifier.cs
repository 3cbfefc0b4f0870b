using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

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

/// <summary>A model that gives a text classes or numbers.</summary>
public abstract class SequenceClassifier : Model
{
    /// <summary>For derived classes.</summary>
    protected SequenceClassifier(ModelConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(config);
        Kind = config.ClassificationKind;
    }

    /// <summary>What the scores mean; null is decided by the labels, as Hugging Face does.</summary>
    public ClassificationKind? Kind { get; }

    /// <summary>The scores of each sequence.</summary>
    /// <returns>[B, L].</returns>
    protected abstract Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details);

    /// <summary>True where padding must run too; see <see cref="TokenBatch.FromGrid"/>.</summary>
    protected virtual bool KeepsPadding => false;

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= RunOptions.Default;
        TokenBatch batch = inputs.Pack(KeepsPadding);
        RunDetails? details = options.Details ? new RunDetails() : null;
        if (details is not null) options = options with { Hooks = details.Patterns(options.Hooks, "blocks.", ".attn.pattern", "attentions", batch) };
        Variable scores = Classify(batch, batch.Context(options), details);
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        tensors["logits"] = scores.Value;
        long count = CountTargets(inputs)[0];
        LossPart[] losses = Loss(inputs, scores) is { } sum ? [new LossPart("labels", sum, count)] : [];
        options.Hooks?.CheckUsed();
        return new ModelOutput { Losses = losses, Tensors = tensors };
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.NumberLabels is { } numbers) return [numbers.Length];
        return [inputs.Labels is null ? 0 : inputs.Labels.Cells.LongCount(c => c != CausalLanguageModel.IgnoredLabel)];
    }

    /// <summary>Row of the rightmost token of each sequence whose id is not the padding id; of a sequence that has no other id, the first, as in transformers.</summary>
    protected int[] LastRows(TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int[] rows = new int[batch.GridRows];
        for (int b = 0; b < rows.Length; b++)
        {
            (int first, int last) = (batch.Starts[b], batch.Starts[b + 1] - 1);
            if (last < first) throw new InputException($"input_ids: row {b} has no real token; a text to classify has at least one.");
            while (last > first && batch.Ids[last] == Config.PaddingId) last--;
            rows[b] = last;
        }

        return rows;
    }

    private Variable? Loss(ModelInputs inputs, Variable scores)
    {
        if (inputs.NumberLabels is { } numbers)
        {
            if (Kind is ClassificationKind.SingleLabel)
                throw new InputException("labels: are numbers with a fraction, and problem_type of config.json is \"single_label_classification\", whose labels are whole class ids. Correct the one that is wrong.");
            if (numbers.Length != scores.Shape.Count) throw new InputException($"labels: {numbers.Length} numbers were given for scores {scores.Shape}; one a score was expected.");
            Tensor target = Tensor.Create(numbers, scores.Shape);
            bool regression = Kind is ClassificationKind.Regression || (Kind is null && scores.Shape.Last == 1);
            return (regression ? Engine.Autograd.Loss.MeanSquaredError(scores, target) : Engine.Autograd.Loss.BinaryCrossEntropy(scores, target)) * scores.Shape.Count;
        }

        if (inputs.Labels is not { } labels) return null;
        if (labels.Cells.Length != scores.Shape[0]) throw new InputException($"labels: {labels.Cells.Length} classes were given for {scores.Shape[0]} texts; one a text was expected.");
        CheckLabels(labels.Cells, scores.Shape.Last);
        return Engine.Autograd.Loss.CrossEntropy(scores, labels.Cells, new CrossEntropySettings { Reduction = Reduction.Sum, IgnoreIndex = CausalLanguageModel.IgnoredLabel });
    }
}
