using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models.Files;

namespace Heed.Models;

/// <summary>A model that predicts hidden tokens from all others; BERT's pre-training adds whether the second segment follows the
/// first.</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
public sealed class MaskedLanguageModel : EncoderModel
{
    /// <summary>An encoder with the head of hidden tokens.</summary>
    /// <param name="architecture">Hugging Face's class name.</param>
    /// <param name="parameters">All parameters.</param>
    /// <param name="stack">The layers.</param>
    /// <param name="head">Rows to scores.</param>
    /// <param name="nextSentence">The second head of BERT's pre-training, or null.</param>
    public MaskedLanguageModel(
        string architecture, ParameterSet parameters, TokenStack stack, MaskedHead head, SequenceHead? nextSentence = null)
        : base(architecture, parameters, stack)
    {
        ArgumentNullException.ThrowIfNull(head);
        (Head, NextSentence) = (head, nextSentence);
    }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public MaskedHead Head { get; }

    /// <summary>The first token's pooled row to scores of "follows" and "random"; null without the second head.</summary>
    public SequenceHead? NextSentence { get; }

    /// <summary>Builds the masked language model of a configuration's family.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="parameters">Where parameters are made; its source fills them.</param>
    /// <exception cref="ConfigException">The family has no such head, or the sizes do not fit together.</exception>
    public static new MaskedLanguageModel Create(ModelConfig config, ParameterSet parameters)
        => (MaskedLanguageModel)ModelFamilies.Build(HeadKind.MaskedLanguageModel, config, parameters);

    /// <summary>Scores over the vocabulary, computed in the model's <see cref="Model.Context"/>.</summary>
    /// <param name="hidden">[R, D]: rows of the last layer.</param>
    /// <returns>[R, V].</returns>
    public Variable Logits(Variable hidden)
    {
        using ContextScope entered = Context.Enter();
        return Head.Vocabulary.Forward(Head.Transform(hidden));
    }

    /// <summary>Sum of −log p(target) over rows, without holding the logits.</summary>
    /// <param name="hidden">[R, D]: rows of the last layer.</param>
    /// <param name="targets">[R] ids; <see cref="CausalLanguageModel.IgnoredLabel"/> is left out.</param>
    /// <param name="settings">Smoothing, class weights, ignored index; their reduction is not read. Null: a plain sum.</param>
    /// <returns>[]: nats.</returns>
    public Variable LossSum(Variable hidden, int[] targets, CrossEntropySettings? settings = null)
    {
        using ContextScope entered = Context.Enter();
        return Head.Vocabulary.LossSum(Head.Transform(hidden), targets, ModelRun.LossOf(settings));
    }

    /// <inheritdoc/>
    protected override ModelOutput Forward(ModelInputs inputs, ModelRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        TokenBatch batch = PackForLabels(inputs);
        ForwardContext context = run.Context(batch);
        Variable hidden = Encode(batch, context);                                                    // [N, D]
        // On all rows where logits are wanted or hooks look; a loss needs few.
        bool all = run.Options.Logits || run.Options.Hooks is not null;
        Variable? transformed = all ? Head.Transform(hidden, context) : default(Variable?);
        Variable? follows = NextSentence?.Forward(hidden, batch, context, Config.PaddingId);         // [B, 2]
        List<LossPart> losses = [];
        if (inputs.Labels is not null) losses.Add(Predict(hidden, transformed, batch.Pick(inputs.Labels), run, context));
        if (follows is { } scores && inputs.NextSentenceLabel is { } given)
        {
            int[] labels = [.. given];
            if (labels.Length != batch.GridRows || Array.Exists(labels, l => l is not (0 or 1 or CausalLanguageModel.IgnoredLabel)))
                throw new InputException($"next_sentence_label: {batch.GridRows} labels of 0 (follows) or 1 (random) were expected.");
            losses.Add(new LossPart("next sentence", Loss.CrossEntropy(scores, labels, ModelRun.LossOf(null)), Count(labels)));
        }

        return new ModelOutput
        {
            Losses = losses,
            Logits = run.Options.Logits
                ? batch.ToGrid(context.Visit("", "logits", Head.Vocabulary.Forward(transformed!.Value)).Value) : null,
            NextSentenceLogits = follows?.Value,
        };
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
        => Head.TryExchange(old, replacement) || NextSentence?.TryExchange(old, replacement) == true;

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        List<long> counts = [];
        if (inputs.Labels is { } tokens) counts.Add(Count(PackForLabels(inputs).Pick(tokens)));
        else if (NextSentence is null) counts.Add(0);
        if (NextSentence is not null && inputs.NextSentenceLabel is { } labels) counts.Add(Count([.. labels]));
        return [.. counts];
    }

    /// <summary>The loss of the hidden tokens; the head runs on their rows alone, unless it has run already.</summary>
    private LossPart Predict(Variable hidden, Variable? transformed, int[] labels, ModelRun run, ForwardContext context)
    {
        int[] rows = [.. Enumerable.Range(0, labels.Length).Where(n => labels[n] != CausalLanguageModel.IgnoredLabel)];
        int[] targets = Array.ConvertAll(rows, n => labels[n]);
        foreach (int target in targets)
        {
            if ((uint)target >= (uint)Config.Vocabulary)
                throw new InputException($"labels: {target} is no token of this {Config.ModelType} model; "
                    + $"ids are 0 to {Config.Vocabulary - 1}, and {CausalLanguageModel.IgnoredLabel} is left out.");
        }

        if (rows.Length == 0) return new LossPart("tokens", Tensor.Scalar(0), 0);
        Variable read = transformed is { } all ? all.Gather(rows) : Head.Transform(hidden.Gather(rows), context);
        return new LossPart("tokens", Head.Vocabulary.LossSum(read, targets, run.Loss()), rows.Length);
    }
}
