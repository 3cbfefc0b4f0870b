using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>A model that predicts hidden tokens from all others.</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
public abstract class MaskedLanguageModel : EncoderModel
{
    /// <summary>For derived classes.</summary>
    protected MaskedLanguageModel(ModelConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
    }

    /// <summary>Scores over the vocabulary.</summary>
    /// <param name="hidden">[R, D]: rows of the last layer.</param>
    /// <returns>[R, V].</returns>
    public Variable Logits(Variable hidden) => Scores(Transform(hidden, null));

    /// <summary>What the output layer reads: the head's own layer and norm, row by row.</summary>
    /// <param name="hidden">[R, D]: rows of the last layer.</param>
    /// <param name="context">Whose hooks see the norm; null where nobody looks.</param>
    /// <returns>[R, D].</returns>
    protected abstract Variable Transform(Variable hidden, ForwardContext? context);

    /// <summary>The output layer.</summary>
    /// <param name="transformed">[R, D]: rows of <see cref="Transform"/>.</param>
    /// <returns>[R, V].</returns>
    protected abstract Variable Scores(Variable transformed);

    /// <summary>Sum of −log p(target) over rows, without holding the logits.</summary>
    /// <param name="transformed">[R, D]: rows of <see cref="Transform"/>.</param>
    /// <param name="targets">[R] ids.</param>
    /// <returns>[]: nats.</returns>
    protected abstract Variable LossSum(Variable transformed, int[] targets);

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= RunOptions.Default;
        (TokenBatch batch, ForwardContext context, Variable hidden, RunDetails? details) = Encode(inputs, options, inputs.PaddingPredicts(shift: 0));
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        Variable? transformed = WholeTransform(hidden, context, options);
        if (options.Logits) tensors["logits"] = batch.ToGrid(Scores(transformed!.Value).Value);
        options.Hooks?.CheckUsed();
        return new ModelOutput { Losses = inputs.Labels is null ? [] : [Predict(hidden, transformed, batch.Pick(inputs.Labels))], Tensors = tensors };
    }

    /// <summary>The head's layer and norm on all rows, where logits are wanted or hooks look; else null: a loss needs few rows.</summary>
    private protected Variable? WholeTransform(Variable hidden, ForwardContext context, RunOptions options)
        => options.Logits || options.Hooks is not null ? Transform(hidden, options.Hooks is null ? null : context) : default(Variable?);

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return [inputs.Labels is null ? 0 : Count(Pack(inputs, inputs.PaddingPredicts(shift: 0)).Pick(inputs.Labels))];
    }

    /// <summary>The loss of the hidden tokens; the head runs on their rows alone, unless it has run already.</summary>
    /// <param name="hidden">[N, D].</param>
    /// <param name="transformed">[N, D] of <see cref="WholeTransform"/>.</param>
    /// <param name="labels">[N].</param>
    private protected LossPart Predict(Variable hidden, Variable? transformed, int[] labels)
    {
        int[] rows = [.. Enumerable.Range(0, labels.Length).Where(n => labels[n] != CausalLanguageModel.IgnoredLabel)];
        int[] targets = Array.ConvertAll(rows, n => labels[n]);
        foreach (int target in targets)
            if ((uint)target >= (uint)Config.Vocabulary) throw new InputException($"labels: {target} is no token of this {Config.ModelType} model; ids are 0 to {Config.Vocabulary - 1}, and {CausalLanguageModel.IgnoredLabel} is left out.");
        return new LossPart("tokens", rows.Length == 0 ? Tensor.Scalar(0) : LossSum(transformed is { } all ? all.Gather(rows) : Transform(hidden.Gather(rows), null), targets), rows.Length);
    }
}
