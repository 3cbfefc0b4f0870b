using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Gpt2;

/// <summary>GPT-2 that classifies a text by its last token.</summary>
public sealed class Gpt2SequenceClassifier : SequenceClassifier
{
    /// <summary>Builds the model; values come from the set's source.</summary>
    public Gpt2SequenceClassifier(Gpt2Config config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        Transformer = new Gpt2Model(config, parameters.Root / "transformer");
        Score = new Linear(config.Width, config.Labels.Count, parameters.Root / "score", bias: false, initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => "GPT2ForSequenceClassification";

    /// <summary>The stack of layers.</summary>
    public Gpt2Model Transformer { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Score { get; }

    /// <inheritdoc/>
    protected override Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details)
    {
        CheckIds(batch);
        Variable hidden = Transformer.Forward(batch, context, details);                 // [N, D]
        return Score.Forward(hidden.Gather(LastRows(batch)));                           // [B, L]
    }
}
