using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.DistilBert;

/// <summary>One post-norm encoder layer.  x: [N, D] → [N, D], N the batch's real tokens.</summary>
/// <remarks>Sanh et al. 2019, §3: BERT's layer. Scope names are the released checkpoint's keys.</remarks>
public sealed class DistilBertLayer(DistilBertConfig config, ParameterScope at) : Module(at)
{
    /// <summary>Self-attention without a mask.</summary>
    public MultiHeadAttention Attention { get; } = new(DistilBertEncoder.AttentionOf(config), (at / "attention").As("attn"));

    /// <summary>Norm behind attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, DistilBertConfig.NormEpsilon, (at / "sa_layer_norm").As("norm1"));

    /// <summary>Two layers with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(DistilBertEncoder.FeedForwardOf(config), (at / "ffn").As("mlp"));

    /// <summary>Norm behind the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, DistilBertConfig.NormEpsilon, (at / "output_layer_norm").As("norm2"));

    private Residual AttentionResidual { get; } = new(0, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.Dropout, at, "mlp_out");

    /// <summary>norm(x + attention(x)), then norm(x + feed-forward(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, Attention.Forward(x, context), context));         // [N, D]
        x = AttentionNorm.Forward(x, context);
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, FeedForward.Forward(x, context), context));    // [N, D]
        return FeedForwardNorm.Forward(x, context);
    }
}

/// <summary>DistilBERT's stack: tokens and positions → norm → layers.</summary>
public sealed class DistilBertEncoder : Module
{
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>distilbert</c> in models with a head.</summary>
    public DistilBertEncoder(DistilBertConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        _dropout = new Dropout(config.Dropout);
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        ParameterScope tables = at / "embeddings";
        Tokens = new Embedding(config.Vocabulary, config.Width, (tables / "word_embeddings").As("embed"),
            config.PaddingId is { } id ? Initializer.NormalExceptRow(config.InitialDeviation, id) : normal, config.PaddingId, isOutput: config.TiedOutput);
        Positions = new Embedding(config.PositionRows, config.Width, (tables / "position_embeddings").As("pos_embed"),
            config.SinusoidalPositions ? Initializer.Sinusoids : normal);
        EmbeddingNorm = new LayerNorm(config.Width, DistilBertConfig.NormEpsilon, (tables / "LayerNorm").As("norm_embed"));
        DistilBertLayer[] layers = new DistilBertLayer[config.Layers];
        for (int i = 0; i < layers.Length; i++) layers[i] = new DistilBertLayer(config, (at / "transformer" / "layer" / i).As($"blocks.{i}"));
        Layers = layers;
    }

    /// <summary>Token table, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>Position table.</summary>
    public Embedding Positions { get; }

    /// <summary>Norm behind the sum of the two.</summary>
    public LayerNorm EmbeddingNorm { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<DistilBertLayer> Layers { get; }

    /// <summary>Tokens to the rows of the last layer, [N, D].</summary>
    public Variable Forward(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(context);
        Variable tokens = context.Visit("", "embed", Tokens.Forward(batch.Ids));                   // [N, D]
        Variable positions = context.Visit("", "pos_embed", Positions.Forward(batch.Positions));   // [N, D]
        Variable x = _dropout.Forward(EmbeddingNorm.Forward(tokens + positions, context), context, "embed");
        details?.AddRows("hidden_states", x, batch);
        return LayerStack.Run(Layers, x, context, (layer, y) => layer.Forward(y, context), details is null ? null : (_, y) => details.AddRows("hidden_states", y, batch));
    }

    internal static AttentionConfig AttentionOf(DistilBertConfig c) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        Names = new AttentionNames("q_lin", "k_lin", "v_lin", "out_lin"),
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };

    internal static FeedForwardConfig FeedForwardOf(DistilBertConfig c) => new()
    {
        Width = c.Width,
        InnerWidth = c.InnerWidth,
        Activation = c.Activation,
        UpName = "lin1",
        DownName = "lin2",
        Initializer = Initializer.Normal(c.InitialDeviation),
    };
}
