using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Bart;

/// <summary>One post-norm layer of the encoder or the decoder.  x: [N, D] → [N, D], N the batch's real tokens.</summary>
/// <remarks>Vaswani et al. 2017, §3.1, with the activation of the configuration. Scope names are the released checkpoint's keys.</remarks>
internal sealed class BartBlock : Module
{
    private readonly Residual _attentionResidual;
    private readonly Residual _crossAttentionResidual;
    private readonly Residual _feedForwardResidual;

    internal BartBlock(BartConfig config, bool decoder, int layer, ParameterScope at)
        : base(at)
    {
        float epsilon = BartConfig.NormEpsilon;
        AttentionConfig attention = AttentionOf(config, decoder, layer);
        Attention = new MultiHeadAttention(attention with { Causal = decoder }, (at / "self_attn").As("attn"));
        AttentionNorm = new LayerNorm(config.Width, epsilon, (at / "self_attn_layer_norm").As("attn_norm"));
        if (decoder)
        {
            CrossAttention = new MultiHeadAttention(attention, (at / "encoder_attn").As("cross_attn"));
            CrossAttentionNorm = new LayerNorm(config.Width, epsilon, (at / "encoder_attn_layer_norm").As("cross_attn_norm"));
        }

        FeedForward = new FeedForward(FeedForwardOf(config, decoder), at.As("mlp"));
        FeedForwardNorm = new LayerNorm(config.Width, epsilon, (at / "final_layer_norm").As("mlp_norm"));
        _attentionResidual = new Residual(config.Dropout, at, "attn_out");
        _crossAttentionResidual = new Residual(config.Dropout, at, "cross_attn_out");
        _feedForwardResidual = new Residual(config.Dropout, at, "mlp_out");
    }

    /// <summary>Self-attention; causal in the decoder.</summary>
    public MultiHeadAttention Attention { get; }

    /// <summary>Norm after self-attention.</summary>
    public LayerNorm AttentionNorm { get; }

    /// <summary>Attention to the encoder's rows; null in the encoder.</summary>
    public MultiHeadAttention? CrossAttention { get; }

    /// <summary>Norm after cross-attention; null in the encoder.</summary>
    public LayerNorm? CrossAttentionNorm { get; }

    /// <summary>Two layers with an activation between.</summary>
    public FeedForward FeedForward { get; }

    /// <summary>Norm after the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; }

    /// <summary>norm(x + attention(x)), in the decoder norm(x + cross-attention(x)), then norm(x + feed-forward(x)).</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="memory">[S, D], the encoder's rows; not read in the encoder.</param>
    /// <param name="context">The stack's context.</param>
    public Variable Forward(Variable x, Variable memory, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(Site, "resid_pre", x);
        x = context.Visit(Site, "resid_mid", _attentionResidual.Add(x, Attention.Forward(x, context), context));         // [N, D]
        x = AttentionNorm.Forward(x, context);
        if (CrossAttention is not null)
        {
            Variable y = CrossAttention.ForwardCross(x, memory, context);                                               // [N, D]
            x = context.Visit(Site, "resid_mid_cross", _crossAttentionResidual.Add(x, y, context));
            x = CrossAttentionNorm!.Forward(x, context);
        }

        x = context.Visit(Site, "resid_post", _feedForwardResidual.Add(x, FeedForward.Forward(x, context), context));    // [N, D]
        return context.Visit(Site, "out", FeedForwardNorm.Forward(x, context));
    }

    private static AttentionConfig AttentionOf(BartConfig c, bool decoder, int layer) => new()
    {
        Width = c.Width,
        Heads = decoder ? c.Heads : c.EncoderHeads,
        Names = AttentionNames.Bart,
        Layer = layer,
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };

    private static FeedForwardConfig FeedForwardOf(BartConfig c, bool decoder) => new()
    {
        Width = c.Width,
        InnerWidth = decoder ? c.InnerWidth : c.EncoderInnerWidth,
        Activation = c.Activation,
        UpName = "fc1",
        DownName = "fc2",
        InnerDropout = c.ActivationDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };
}

/// <summary>The encoder or the decoder: tokens and positions → norm (BART) → blocks.</summary>
internal sealed class BartStack : Module
{
    /// <summary>The first rows of BART's position table belong to no position.</summary>
    private const int PositionOffset = 2;

    private readonly BartConfig _config;
    private readonly Dropout _dropout;
    private readonly SinusoidalPositions? _sinusoids;

    internal BartStack(BartConfig config, bool decoder, Embedding tokens, ParameterScope at)
        : base(at)
    {
        _config = config;
        _dropout = new Dropout(config.Dropout, at.As("embed").Site);
        Tokens = tokens;
        if (config.Marian)
        {
            _sinusoids = new SinusoidalPositions(config.Width, SinusoidalLayout.Halves);
        }
        else
        {
            Initializer normal = Initializer.Normal(config.InitialDeviation);
            Positions = new Embedding(
                config.ContextLength + PositionOffset, config.Width, (at / "embed_positions").As("pos_embed"), normal);
            EmbeddingNorm = new LayerNorm(config.Width, BartConfig.NormEpsilon, (at / "layernorm_embedding").As("embed.norm"));
        }

        Blocks = [.. Enumerable.Range(0, decoder ? config.Layers : config.EncoderLayers).Select(i
            => new BartBlock(config, decoder, i, (at / "layers" / i).As($"blocks.{i}")))];
    }

    /// <summary>Token table, [V, D]; often one for both stacks.</summary>
    public Embedding Tokens { get; }

    /// <summary>BART's position table, [T + 2, D]; null in Marian.</summary>
    public Embedding? Positions { get; }

    /// <summary>BART's norm after the embeddings; null in Marian.</summary>
    public LayerNorm? EmbeddingNorm { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<BartBlock> Blocks { get; }

    /// <summary>Tokens to the rows of the last layer, [N, D].</summary>
    /// <param name="batch">The tokens.</param>
    /// <param name="memory">[S, D], the encoder's rows; not read in the encoder.</param>
    /// <param name="context">The stack's context.</param>
    internal Variable Forward(TokenBatch batch, Variable memory, ForwardContext context)
    {
        Variable tokens = Tokens.Forward(batch.Ids);                                                                    // [N, D]
        if (_config.ScaledEmbedding) tokens *= MathF.Sqrt(_config.Width);
        Variable positions = Positions is null
            ? _sinusoids!.Forward(batch.PositionArray)
            : Positions.Forward(Array.ConvertAll(batch.PositionArray, p => p + PositionOffset));                            // [N, D]
        Variable x = context.Visit(Site, "embed.token", tokens) + context.Visit(Site, "embed.position", positions);
        if (EmbeddingNorm is not null) x = EmbeddingNorm.Forward(x, context);
        x = context.Visit(Site, "embed.out", _dropout.Forward(x, context));
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, memory, context));
    }
}
