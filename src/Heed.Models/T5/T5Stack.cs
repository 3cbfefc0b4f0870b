using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.T5;

/// <summary>One pre-norm layer of the encoder or the decoder.  x: [N, D] → [N, D], N the batch's real tokens.</summary>
/// <remarks>Raffel et al. 2020, §2.1: norms without bias, no biases anywhere, scores that are not scaled. Scope names are the released
/// checkpoint's keys.</remarks>
internal sealed class T5Block : Module
{
    private readonly Residual _attentionResidual;
    private readonly Residual _crossAttentionResidual;
    private readonly Residual _feedForwardResidual;

    /// <summary>Makes the layer's parameters.</summary>
    /// <param name="config">Sizes and settings.</param>
    /// <param name="decoder">True: causal, and attends to the encoder.</param>
    /// <param name="layer">The layer's number, from 0.</param>
    /// <param name="distances">The stack's biases; the first layer holds their table. It gets the place of that table and makes it, or
    /// returns the one that is there.</param>
    /// <param name="at">Where <c>layer.0</c> … are named.</param>
    internal T5Block(T5Config config, bool decoder, int layer, Func<ParameterScope, RelativeBias> distances, ParameterScope at)
        : base(at)
    {
        ParameterScope self = at / "layer" / 0, feedForward = at / "layer" / (decoder ? 2 : 1);
        RelativeBias bias = distances((self / "SelfAttention" / "relative_attention_bias").As("attn.bias"));
        Attention = new MultiHeadAttention(
            AttentionOf(config, layer) with { Causal = decoder, DistanceBias = bias }, (self / "SelfAttention").As("attn"));
        AttentionNorm = new RmsNorm(config.Width, config.NormEpsilon, (self / "layer_norm").As("attn_norm"));
        if (decoder)
        {
            CrossAttention = new MultiHeadAttention(AttentionOf(config, layer), (at / "layer" / 1 / "EncDecAttention").As("cross_attn"));
            CrossAttentionNorm = new RmsNorm(config.Width, config.NormEpsilon, (at / "layer" / 1 / "layer_norm").As("cross_attn_norm"));
        }

        FeedForward = new FeedForward(FeedForwardOf(config), (feedForward / "DenseReluDense").As("mlp"));
        FeedForwardNorm = new RmsNorm(config.Width, config.NormEpsilon, (feedForward / "layer_norm").As("mlp_norm"));
        _attentionResidual = new Residual(config.Dropout, at, "attn_out");
        _crossAttentionResidual = new Residual(config.Dropout, at, "cross_attn_out");
        _feedForwardResidual = new Residual(config.Dropout, at, "mlp_out");
    }

    /// <summary>Norm before self-attention.</summary>
    public RmsNorm AttentionNorm { get; }

    /// <summary>Self-attention; causal in the decoder.</summary>
    public MultiHeadAttention Attention { get; }

    /// <summary>Norm before cross-attention; null in the encoder.</summary>
    public RmsNorm? CrossAttentionNorm { get; }

    /// <summary>Attention to the encoder's rows; null in the encoder.</summary>
    public MultiHeadAttention? CrossAttention { get; }

    /// <summary>Norm before the feed-forward part.</summary>
    public RmsNorm FeedForwardNorm { get; }

    /// <summary>Two layers with an activation or a gate between.</summary>
    public FeedForward FeedForward { get; }

    /// <summary>x + attention(norm(x)), in the decoder + cross-attention(norm(x)), then + feed-forward(norm(x)).</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="memory">[S, D], the encoder's rows; not read in the encoder.</param>
    /// <param name="context">The stack's context.</param>
    public Variable Forward(Variable x, Variable memory, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(Site, "resid_pre", x);
        x = _attentionResidual.Add(x, Attention.Forward(AttentionNorm.Forward(x, context), context),
            context);                                // [N, D]
        x = context.Visit(Site, "resid_mid", x);
        if (CrossAttention is not null)
        {
            Variable y = CrossAttention.ForwardCross(CrossAttentionNorm!.Forward(x, context), memory, context);             // [N, D]
            x = context.Visit(Site, "resid_mid_cross", _crossAttentionResidual.Add(x, y, context));
        }

        x = _feedForwardResidual.Add(x, FeedForward.Forward(FeedForwardNorm.Forward(x, context), context),
            context);                             // [N, D]
        return context.Visit(Site, "out", context.Visit(Site, "resid_post", x));
    }

    private static AttentionConfig AttentionOf(T5Config c, int layer) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        HeadWidth = c.HeadWidth,
        Scale = 1,
        Bias = false,
        OutputBias = false,
        Names = new AttentionNames("q", "k", "v", "o"),
        Layer = layer,
        Dropout = c.Dropout,
        QueryInitializer = Initializer.Normal(c.InitialFactor / MathF.Sqrt((float)c.Width * c.HeadWidth)),
        Initializer = Initializer.Normal(c.InitialFactor / MathF.Sqrt(c.Width)),
        OutputInitializer = Initializer.Normal(c.InitialFactor / MathF.Sqrt((float)c.Heads * c.HeadWidth)),
    };

    private static FeedForwardConfig FeedForwardOf(T5Config c) => new()
    {
        Width = c.Width,
        InnerWidth = c.InnerWidth,
        Activation = c.Activation,
        GateName = c.Gated ? "wi_0" : null,
        UpName = c.Gated ? "wi_1" : "wi",
        DownName = "wo",
        Bias = false,
        InnerDropout = c.Dropout,
        Initializer = Initializer.Normal(c.InitialFactor / MathF.Sqrt(c.Width)),
        DownInitializer = Initializer.Normal(c.InitialFactor / MathF.Sqrt(c.InnerWidth)),
    };
}

/// <summary>The encoder or the decoder: embeddings → blocks → final norm. Positions enter as biases of distances, one table for all
/// layers.</summary>
internal sealed class T5Stack : Module
{
    private readonly Dropout _embedDropout;
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint: <c>encoder</c> or <c>decoder</c>.</summary>
    internal T5Stack(T5Config config, bool decoder, ParameterScope at)
        : base(at)
    {
        _embedDropout = new Dropout(config.Dropout, at.As("embed").Site);
        _dropout = new Dropout(config.Dropout, at.As("norm_final").Site);
        RelativeBias? distances = null;
        Blocks = [.. Enumerable.Range(0, decoder ? config.Layers : config.EncoderLayers)
            .Select(i => new T5Block(config, decoder, i, Distances, (at / "block" / i).As($"blocks.{i}")))];
        FinalNorm = new RmsNorm(config.Width, config.NormEpsilon, (at / "final_layer_norm").As("final_norm"));

        RelativeBias Distances(ParameterScope place) => distances ??= new RelativeBias(
            config.DistanceBuckets, config.FarthestDistance, config.Heads, bothDirections: !decoder, place,
                Initializer.Normal(config.InitialFactor / MathF.Sqrt(config.Width)));
    }

    /// <summary>The layers.</summary>
    public IReadOnlyList<T5Block> Blocks { get; }

    /// <summary>Norm after the last layer.</summary>
    public RmsNorm FinalNorm { get; }

    /// <summary>Embeddings to the rows of the last layer after the final norm, [N, D].</summary>
    /// <param name="tokens">[N, D], rows of the token table.</param>
    /// <param name="memory">[S, D], the encoder's rows; not read in the encoder.</param>
    /// <param name="context">The stack's context.</param>
    internal Variable Forward(Variable tokens, Variable memory, ForwardContext context)
    {
        Variable x = context.Visit(Site, "embed.out", _embedDropout.Forward(context.Visit(Site, "embed.token", tokens), context));
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, memory, context), y
            => _dropout.Forward(FinalNorm.Forward(y, context), context));
    }
}
