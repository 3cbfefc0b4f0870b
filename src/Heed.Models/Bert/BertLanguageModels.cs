using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Bert;

/// <summary>BERT or RoBERTa that predicts masked tokens.</summary>
public class BertMaskedLanguageModel : MaskedLanguageModel
{
    private readonly BertConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public BertMaskedLanguageModel(BertConfig config, ParameterSet parameters)
        : this(config, parameters, pooler: false)
    {
    }

    private protected BertMaskedLanguageModel(BertConfig config, ParameterSet parameters, bool pooler)
        : base(config, parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _config = config;
        Bert = new BertEncoder(config, parameters.Root / config.Prefix, pooler);
        Head = new BertVocabularyHead(config, parameters.Root, Bert.Tokens.Weight);
    }

    /// <inheritdoc/>
    public override string Architecture => _config.ClassPrefix + "ForMaskedLM";

    /// <summary>The stack of layers.</summary>
    public BertEncoder Bert { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public BertVocabularyHead Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => Head.TiedNames(_config);

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
    protected override Variable Transform(Variable hidden, ForwardContext? context) => Head.Transform(hidden, context);

    /// <inheritdoc/>
    protected override Variable Scores(Variable transformed) => Head.Decoder.Forward(transformed);

    /// <inheritdoc/>
    protected override Variable LossSum(Variable transformed, int[] targets)
        => Loss.VocabularyCrossEntropy(transformed, Head.Decoder.Weight.AsWeight(), Head.Decoder.Bias?.ToVariable(), targets, SumOfNats);
}

/// <summary>BERT with both heads of its pre-training: masked tokens, and whether the second segment follows the first.</summary>
/// <remarks>Devlin et al. 2019, §3.1.</remarks>
public sealed class BertPreTraining : BertMaskedLanguageModel
{
    /// <summary>Builds the model; values come from the set's source.</summary>
    public BertPreTraining(BertConfig config, ParameterSet parameters)
        : base(config, parameters, pooler: true)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        NextSentence = new Linear(config.Width, 2, parameters.Root / "cls" / "seq_relationship", initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => "BertForPreTraining";

    /// <summary>The first token's pooled row to scores of "follows" and "random".</summary>
    public Linear NextSentence { get; }

    /// <inheritdoc/>
    public override ModelOutput Run(ModelInputs inputs, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= RunOptions.Default;
        (TokenBatch batch, ForwardContext context, Variable hidden, RunDetails? details) = Encode(inputs, options, inputs.PaddingPredicts(shift: 0));
        Variable? transformed = WholeTransform(hidden, context, options);
        Variable follows = NextSentence.Forward(Bert.Pool(hidden, batch.FirstRows()));                 // [B, 2]
        Dictionary<string, Tensor> tensors = details is null ? [] : new Dictionary<string, Tensor>(details.Tensors);
        if (options.Logits) tensors["prediction_logits"] = batch.ToGrid(Scores(transformed!.Value).Value);
        tensors["seq_relationship_logits"] = follows.Value;
        List<LossPart> losses = [];
        if (inputs.Labels is not null) losses.Add(Predict(hidden, transformed, batch.Pick(inputs.Labels)));
        if (inputs.NextSentenceLabel is { } labels)
        {
            if (labels.Length != batch.GridRows || Array.Exists(labels, l => l is not (0 or 1 or CausalLanguageModel.IgnoredLabel)))
                throw new InputException($"next_sentence_label: {batch.GridRows} labels of 0 (follows) or 1 (random) were expected.");
            losses.Add(new LossPart("next sentence", Loss.CrossEntropy(follows, labels, SumOfNats), Count(labels)));
        }

        options.Hooks?.CheckUsed();
        return new ModelOutput { Losses = losses, Tensors = tensors };
    }

    /// <inheritdoc/>
    public override long[] CountTargets(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        List<long> counts = [];
        if (inputs.Labels is not null) counts.Add(base.CountTargets(inputs)[0]);
        if (inputs.NextSentenceLabel is { } labels) counts.Add(Count(labels));
        return [.. counts];
    }
}
