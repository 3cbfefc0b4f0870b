using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A model that gives each token a class: names, parts of speech.</summary>
public abstract class TokenClassifier : EncoderModel
{
    /// <summary>For derived classes.</summary>
    protected TokenClassifier(ModelConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
    }

    /// <summary>Scores of the classes.</summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="context">Whose dropout decides.</param>
    /// <returns>[N, L].</returns>
    protected abstract Variable Classify(Variable hidden, ForwardContext context);

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        (TokenBatch batch, ForwardContext context, Variable hidden, RunDetails? details) = Encode(inputs, options ?? RunOptions.Default, inputs.PaddingPredicts(shift: 0));
        Variable scores = Classify(hidden, context);
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        tensors["logits"] = batch.ToGrid(scores.Value);
        LossPart[] losses = [];
        if (inputs.Labels is not null)
        {
            int[] labels = batch.Pick(inputs.Labels);
            CheckLabels(labels, scores.Shape.Last);
            losses = [new LossPart("labels", Loss.CrossEntropy(scores, labels, SumOfNats), Count(labels))];
        }

        options?.Hooks?.CheckUsed();
        return new ModelOutput { Losses = losses, Tensors = tensors };
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return [inputs.Labels is null ? 0 : Count(Pack(inputs, inputs.PaddingPredicts(shift: 0)).Pick(inputs.Labels))];
    }
}
