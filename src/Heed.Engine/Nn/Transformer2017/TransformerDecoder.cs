using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>One decoder layer: causal self-attention, attention to the encoder's rows, feed-forward. x: [N, D], memory: [S, D] → [N,
/// D].</summary>
/// <remarks>Vaswani et al. 2017, §3.1. Parameters are named as in torch's <c>TransformerDecoderLayer</c>, with separate
/// projections.</remarks>
/// <param name="config">Sizes and settings.</param>
/// <param name="at">Where the parts are named.</param>
/// <param name="layer">The layer's index in a key-value cache.</param>
internal sealed class TransformerDecoderLayer(TransformerConfig config, ParameterScope at, int layer = 0) : Module(at)
{
    /// <summary>Causal self-attention.</summary>
    public MultiHeadAttention Attention { get; } = new(config.Attention(causal: true) with { Layer = layer },
        (at / "self_attn").As("attn"));

    /// <summary>Attention to the encoder's rows.</summary>
    public MultiHeadAttention CrossAttention { get; } = new(config.Attention(causal: false) with { Layer = layer },
        (at / "multihead_attn").As("cross_attn"));

    /// <summary>Two products with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(config.FeedForward, at.As("mlp"));

    /// <summary>Norm of self-attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "norm1").As("attn_norm"));

    /// <summary>Norm of cross-attention.</summary>
    public LayerNorm CrossAttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "norm2").As("cross_attn_norm"));

    /// <summary>Norm of the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "norm3").As("mlp_norm"));

    private Residual AttentionResidual { get; } = new(config.Dropout, at, "attn_out");

    private Residual CrossAttentionResidual { get; } = new(config.Dropout, at, "cross_attn_out");

    private Residual FeedForwardResidual { get; } = new(config.Dropout, at, "mlp_out");

    /// <summary>Pre-norm: x + part(norm(x)); post-norm: norm(x + part(x)).</summary>
    public Variable Forward(Variable x, Variable memory, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        Variable y = Attention.Forward(config.NormFirst ? AttentionNorm.Forward(x, context) : x, context);              // [N, D]
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, y, context));
        if (!config.NormFirst) x = AttentionNorm.Forward(x, context);
        y = CrossAttention.ForwardCross(config.NormFirst ? CrossAttentionNorm.Forward(x, context) : x, memory, context); // [N, D]
        x = context.Visit(Site, "resid_mid_cross", CrossAttentionResidual.Add(x, y, context));
        if (!config.NormFirst) x = CrossAttentionNorm.Forward(x, context);
        y = FeedForward.Forward(config.NormFirst ? FeedForwardNorm.Forward(x, context) : x, context);                   // [N, D]
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, y, context));
        return context.Visit(Site, "out", config.NormFirst ? x : FeedForwardNorm.Forward(x, context));
    }
}

/// <summary>The decoder: its layers and, where wanted, a norm after the last.  x: [N, D], memory: [S, D] → [N, D].</summary>
public sealed class TransformerDecoder : Module
{
    /// <summary>Makes the layers at <c>layers.0</c> … and the norm at <c>norm</c>.</summary>
    public TransformerDecoder(TransformerConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        TransformerDecoderLayer[] layers = new TransformerDecoderLayer[config.DecoderLayers];
        for (int i = 0; i < layers.Length; i++) layers[i] = new TransformerDecoderLayer(config, (at / "layers" / i).As($"blocks.{i}"), i);
        Layers = layers;
        Norm = config.FinalNorm ? new LayerNorm(config.Width, config.NormEpsilon, (at / "norm").As("final_norm")) : null;
    }

    /// <summary>The layers.</summary>
    internal IReadOnlyList<TransformerDecoderLayer> Layers { get; }

    /// <summary>Norm after the last layer, or null.</summary>
    public LayerNorm? Norm { get; }

    /// <summary>Runs the layers.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="memory">[S, D], the encoder's rows.</param>
    /// <param name="context">The decoder's context, with <see cref="ForwardContext.Memory"/>.</param>
    public Variable Forward(Variable x, Variable memory, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return LayerStack.Run(Layers, x, context, (layer, y) => layer.Forward(y, memory, context), Norm is null ? null : y
            => Norm.Forward(y, context));
    }
}
