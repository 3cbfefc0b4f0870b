using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Recurrent;

/// <summary>Tokens → LSTM layers → the states at the ends of the text → scores of the classes.</summary>
public sealed class LstmClassifier : SequenceClassifier
{
    private readonly LstmConfig _config;
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public LstmClassifier(LstmConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _config = config;
        _dropout = new Dropout(config.Dropout);
        Tokens = new Embedding(config.Vocabulary, config.EmbeddingWidth, parameters.Root / "embed_tokens");
        Layers = new Lstm(config.EmbeddingWidth, config.Width, parameters.Root / "lstm", config.Layers, config.BothDirections);
        Head = new Linear(config.Width * (config.BothDirections ? 2 : 1), Math.Max(1, config.Labels.Count), parameters.Root / "classifier");
    }

    /// <inheritdoc/>
    public override string Architecture => "LstmClassifierModel";

    /// <summary>Token table, [V, E].</summary>
    public Embedding Tokens { get; }

    /// <summary>The recurrent layers.</summary>
    public Lstm Layers { get; }

    /// <summary>States to scores.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    protected override Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details)
    {
        CheckIds(batch);
        ArgumentNullException.ThrowIfNull(context);
        _ = Rows.Check(batch, "input_ids");
        Variable x = _dropout.Forward(context.Visit("", "embed", Tokens.Forward(batch.Ids)), context, "embed");       // [N, E]
        details?.AddRows("hidden_states", x, batch);
        (Variable rows, RecurrentState state) = Layers.Forward(x, batch.Starts);                                      // [N, H·directions]
        details?.AddRows("hidden_states", rows, batch);
        Variable ends = _config.BothDirections ? Variable.Concatenate(-1, state.Hidden[^2], state.Hidden[^1]) : state.Hidden[^1];
        return Head.Forward(_dropout.Forward(context.Visit("lstm", "out", ends), context, "lstm"));                   // [B, L]
    }
}
