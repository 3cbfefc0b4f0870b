using Heed.Engine.Autograd;

namespace Heed.Engine.Nn;

/// <summary>One encoder layer: self-attention, then feed-forward, each with its residual and norm.  x: [N, D] → [N, D].</summary>
/// <remarks>Vaswani et al. 2017, §3.1. Parameters are named as in torch's <c>TransformerEncoderLayer</c>, with separate
/// projections.</remarks>
internal sealed class TransformerEncoderLayer(TransformerConfig config, ParameterScope at) : Module(at)
{
    /// <summary>Self-attention.</summary>
    public MultiHeadAttention Attention { get; } = new(config.Attention(causal: false), (at / "self_attn").As("attn"));

    /// <summary>Norm of the attention part.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "norm1").As("attn_norm"));

    /// <summary>Two products with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(config.FeedForward, at.As("mlp"));

    /// <summary>Norm of the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "norm2").As("mlp_norm"));

    private Residual AttentionResidual { get; } = new(config.Dropout, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.Dropout, at, "mlp_out");

    /// <summary>Pre-norm: x + part(norm(x)); post-norm: norm(x + part(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        Variable y = Attention.Forward(config.NormFirst ? AttentionNorm.Forward(x, context) : x, context);              // [N, D]
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, y, context));
        if (!config.NormFirst) x = AttentionNorm.Forward(x, context);
        y = FeedForward.Forward(config.NormFirst ? FeedForwardNorm.Forward(x, context) : x, context);                   // [N, D]
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, y, context));
        return context.Visit(Site, "out", config.NormFirst ? x : FeedForwardNorm.Forward(x, context));
    }
}

/// <summary>The encoder: its layers and, where wanted, a norm after the last.  x: [N, D] → [N, D].</summary>
public sealed class TransformerEncoder : Module
{
    /// <summary>Makes the layers at <c>layers.0</c> … and the norm at <c>norm</c>.</summary>
    public TransformerEncoder(TransformerConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        TransformerEncoderLayer[] layers = new TransformerEncoderLayer[config.EncoderLayers];
        for (int i = 0; i < layers.Length; i++) layers[i] = new TransformerEncoderLayer(config, (at / "layers" / i).As($"blocks.{i}"));
        Layers = layers;
        Norm = config.FinalNorm ? new LayerNorm(config.Width, config.NormEpsilon, (at / "norm").As("final_norm")) : null;
    }

    /// <summary>The layers.</summary>
    internal IReadOnlyList<TransformerEncoderLayer> Layers { get; }

    /// <summary>Norm after the last layer, or null.</summary>
    public LayerNorm? Norm { get; }

    /// <summary>Runs the layers.</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return LayerStack.Run(Layers, x, context, (layer, y) => layer.Forward(y, context), Norm is null ? null : y
            => Norm.Forward(y, context));
    }
}
