using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Transformer2017;

/// <summary>The Transformer of "Attention is all you need": tokens·√D + sines → encoder; tokens·√D + sines → decoder → scores.</summary>
/// <remarks>Vaswani et al. 2017, figure 1. Parameters are named as in torch's <c>nn.Transformer</c>, with separate projections.</remarks>
public sealed class Transformer2017Model : SequenceToSequenceModel
{
    private readonly Transformer2017Config _config;
    private readonly SinusoidalPositions _positions;
    private readonly Dropout _dropout;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public Transformer2017Model(Transformer2017Config config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _config = config;
        _positions = new SinusoidalPositions(config.Width);
        _dropout = new Dropout(config.Dropout);
        // With √D in front, rows of the table enter with deviation 1; as the output layer it gives scores of the same size.
        Initializer normal = Initializer.Normal(1 / MathF.Sqrt(config.Width));
        Tokens = new Embedding(config.Vocabulary, config.Width, parameters.Root / "shared", normal, isOutput: config.TiedOutput);
        Encoder = new TransformerEncoder(config.Parts, parameters.Root / "encoder");
        Decoder = new TransformerDecoder(config.Parts, parameters.Root / "decoder");
        Head = config.TiedOutput ? new Linear(Tokens.Weight, bias: null) : new Linear(config.Width, config.Vocabulary, parameters.Root / "lm_head", bias: false, initializer: normal);
    }

    /// <inheritdoc/>
    public override string Architecture => "Transformer2017";

    /// <summary>Token table of both languages, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>The stack that reads.</summary>
    public TransformerEncoder Encoder { get; }

    /// <summary>The stack that writes.</summary>
    public TransformerDecoder Decoder { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => _config.TiedOutput
        ? new Dictionary<string, string> { ["lm_head.weight"] = "shared.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Decoder.Layers.Select(l => l.Attention.CacheShape with { Cross = true })];

    /// <inheritdoc/>
    public override int DecoderStartId => _config.DecoderStartId ?? _config.BeginId ?? _config.PaddingId ?? 0;

    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        Variable x = Embed(batch, context, "encoder");                                             // [S, D]
        details?.AddRows("encoder_hidden_states", x, batch);
        x = LayerStack.Run(Encoder.Layers, x, context, (layer, y) => layer.Forward(y, context), Gather(details, "encoder_hidden_states", batch, Encoder.Norm is null, Encoder.Layers.Count));
        return Finish(Encoder.Norm, x, context, details, "encoder_hidden_states", batch);
    }

    /// <inheritdoc/>
    public override Variable Decode(TokenBatch batch, Variable memory, ForwardContext context, RunDetails? details = null)
    {
        Variable x = Embed(batch, context, "decoder");                                             // [N, D]
        details?.AddRows("decoder_hidden_states", x, batch);
        x = LayerStack.Run(Decoder.Layers, x, context, (layer, y) => layer.Forward(y, memory, context), Gather(details, "decoder_hidden_states", batch, Decoder.Norm is null, Decoder.Layers.Count));
        return Finish(Decoder.Norm, x, context, details, "decoder_hidden_states", batch);
    }

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(hidden);

    /// <summary>Sum of −log p(target); while a tape records, with the label smoothing that the configuration names.</summary>
    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets)
        => Loss.VocabularyCrossEntropy(hidden, Head.Weight.AsWeight(), null, targets, Tape.IsRecording ? SumOfNats with { LabelSmoothing = _config.LabelSmoothing } : SumOfNats);

    private Variable Embed(TokenBatch batch, ForwardContext context, string stack)
    {
        CheckIds(batch);
        ArgumentNullException.ThrowIfNull(context);
        Variable tokens = context.Visit(stack, "embed", Tokens.Forward(batch.Ids) * MathF.Sqrt(_config.Width));            // [N, D]
        Variable positions = context.Visit(stack, "pos_embed", _positions.Forward(batch.Positions));                       // [N, D]
        return _dropout.Forward(tokens + positions, context, $"{stack}.embed");
    }

    private static Action<int, Variable>? Gather(RunDetails? details, string list, TokenBatch batch, bool last, int layers) => details is null ? null : (i, y) =>
    {
        if (last || i < layers - 1) details.AddRows(list, y, batch);
    };

    private static Variable Finish(LayerNorm? norm, Variable x, ForwardContext context, RunDetails? details, string list, TokenBatch batch)
    {
        if (norm is null) return x;
        x = norm.Forward(x, context);
        details?.AddRows(list, x, batch);
        return x;
    }
}
