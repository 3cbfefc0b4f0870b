using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.DistilBert;

/// <summary>One post-norm encoder layer.  x: [N, D] → [N, D], N the batch's real tokens.</summary>
/// <remarks>Sanh et al. 2019, §3: BERT's layer. Scope names are the released checkpoint's keys.</remarks>
internal sealed class DistilBertLayer(DistilBertConfig config, ParameterScope at) : Module(at)
{
    /// <summary>Self-attention without a mask.</summary>
    public MultiHeadAttention Attention { get; } = new(DistilBertEncoder.AttentionOf(config), (at / "attention").As("attn"));

    /// <summary>Norm after attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, DistilBertConfig.NormEpsilon, (at / "sa_layer_norm").As("attn_norm"));

    /// <summary>Two layers with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(DistilBertEncoder.FeedForwardOf(config), (at / "ffn").As("mlp"));

    /// <summary>Norm after the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, DistilBertConfig.NormEpsilon, (at / "output_layer_norm").As("mlp_norm"));

    private Residual AttentionResidual { get; } = new(0, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.Dropout, at, "mlp_out");

    /// <summary>norm(x + attention(x)), then norm(x + feed-forward(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, Attention.Forward(x, context), context));         // [N, D]
        x = AttentionNorm.Forward(x, context);
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, FeedForward.Forward(x, context), context));    // [N, D]
        return context.Visit(Site, "out", FeedForwardNorm.Forward(x, context));
    }
}

/// <summary>DistilBERT's stack: tokens and positions → norm → layers.</summary>
internal sealed class DistilBertEncoder : TokenStack
{
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>distilbert</c> in models with a head.</summary>
    public DistilBertEncoder(DistilBertConfig config, ParameterScope at)
        : base(config, at)
    {
        _dropout = new Dropout(config.Dropout, "embed");
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        ParameterScope tables = at / "embeddings";
        Tokens = new Embedding(config.Vocabulary, config.Width, (tables / "word_embeddings").As("embed"),
            config.PaddingId is { } id ? Initializer.NormalExceptRow(config.InitialDeviation, id) : normal, config.PaddingId,
                isOutput: config.TiedOutput);
        Initializer places = config.SinusoidalPositions ? Initializer.Sinusoids : normal;
        Positions = new Embedding(config.PositionRows, config.Width, (tables / "position_embeddings").As("pos_embed"), places);
        EmbeddingNorm = new LayerNorm(config.Width, DistilBertConfig.NormEpsilon, (tables / "LayerNorm").As("embed.norm"));
        Layers = [.. Enumerable.Range(0, config.Layers).Select(i => new DistilBertLayer(config,
            (at / "transformer" / "layer" / i).As($"blocks.{i}")))];
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>Position table.</summary>
    public Embedding Positions { get; }

    /// <summary>Norm of the sum of the two.</summary>
    public LayerNorm EmbeddingNorm { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<DistilBertLayer> Layers { get; }

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable tokens = context.Visit("", "embed.token", Tokens.Forward(batch.Ids));                    // [N, D]
        Variable positions = context.Visit("", "embed.position", Positions.Forward(batch.Positions));    // [N, D]
        Variable x = _dropout.Forward(EmbeddingNorm.Forward(tokens + positions, context), context);
        x = context.Visit("", "embed.out", x);
        return LayerStack.Run(Layers, x, context, (layer, y) => layer.Forward(y, context));
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
