using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Gemma3;

/// <summary>One layer of Gemma 3: each part between a norm of its input and a norm of its result.  x: [N, D] → [N, D].</summary>
/// <remarks>Gemma Team 2025, arXiv:2503.19786 §2. Scope names are the released checkpoint's keys.</remarks>
internal sealed class Gemma3Block(Gemma3Config config, IRotation rotation, int layer, ParameterScope at) : Module(at)
{
    /// <summary>Norm before attention.</summary>
    public RmsNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "input_layernorm").As("attn_norm"), offset: 1);

    /// <summary>Self-attention with normed and rotated queries and keys.</summary>
    public MultiHeadAttention Attention { get; } = new(Gemma3Model.AttentionOf(config, rotation, layer), (at / "self_attn").As("attn"));

    /// <summary>Norm after attention, before it is added.</summary>
    public RmsNorm AttentionOutNorm { get; } = new(config.Width, config.NormEpsilon, (at / "post_attention_layernorm").As("attn_out_norm"),
        offset: 1);

    /// <summary>Norm before the feed-forward part.</summary>
    public RmsNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "pre_feedforward_layernorm").As("mlp_norm"),
        offset: 1);

    /// <summary>Gated feed-forward part.</summary>
    public FeedForward FeedForward { get; } = new(Gemma3Model.FeedForwardOf(config), (at / "mlp").As("mlp"));

    /// <summary>Norm after the feed-forward part, before it is added.</summary>
    public RmsNorm FeedForwardOutNorm { get; } = new(config.Width, config.NormEpsilon,
        (at / "post_feedforward_layernorm").As("mlp_out_norm"), offset: 1);

    private Residual AttentionResidual { get; } = new(0, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(0, at, "mlp_out");

    /// <summary>x + norm(attention(norm(x))), then + norm(feed-forward(norm(x))).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(Site, "resid_pre", x);
        Variable y = Attention.Forward(AttentionNorm.Forward(x, context), context);                                     // [N, D]
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, AttentionOutNorm.Forward(y, context), context));  // [N, D]
        y = FeedForward.Forward(FeedForwardNorm.Forward(x, context), context);                                          // [N, D]
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, FeedForwardOutNorm.Forward(y, context), context));
        return context.Visit(Site, "out", x);
    }
}

/// <summary>Gemma 3's stack: tokens · √D → blocks → final norm.</summary>
internal sealed class Gemma3Model : DecoderStack
{
    /// <summary>Makes the parameters at a place of the checkpoint, <c>model</c> in saved models with a head.</summary>
    public Gemma3Model(Gemma3Config config, ParameterScope at)
        : base(config, at)
    {
        Initializer exceptPadding = Initializer.NormalExceptRow(config.InitialDeviation, config.PaddingId ?? -1);
        Tokens = new Embedding(
            config.Vocabulary, config.Width, (at / "embed_tokens").As("embed"), exceptPadding, config.PaddingId, config.TiedOutput);
        RotaryConfig rope = new()
        {
            HeadWidth = config.HeadWidth,
            Theta = config.Theta,
            MaximumLength = config.ContextLength,
            Scaling = config.Scaling
        };
        RotaryPositions all = new(rope), window = new(rope with { Theta = config.WindowTheta, Scaling = config.WindowScaling });
        Blocks = [.. config.WindowLayers.Select((near, i) => new Gemma3Block(config, near ? window : all, i,
            (at / "layers" / i).As($"blocks.{i}")))];
        FinalNorm = new RmsNorm(config.Width, config.NormEpsilon, (at / "norm").As("final_norm"), offset: 1);
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<Gemma3Block> Blocks { get; }

    /// <summary>Norm after the last layer.</summary>
    public RmsNorm FinalNorm { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable x = context.Visit("", "embed.token", Tokens.Forward(batch.Ids) * MathF.Sqrt(Config.Width));            // [N, D]
        x = context.Visit("", "embed.out", x);
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context), y => FinalNorm.Forward(y, context));
    }

    internal static AttentionConfig AttentionOf(Gemma3Config c, IRotation rotation, int layer) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        KeyHeads = c.KeyHeads,
        HeadWidth = c.HeadWidth,
        Names = AttentionNames.Llama,
        Bias = c.AttentionBias,
        OutputBias = c.AttentionBias,
        Scale = (float)(1 / Math.Sqrt(c.ScoreWidth)),
        Causal = !c.Bidirectional,
        Window = !c.WindowLayers[layer] ? 0 : c.Bidirectional ? (c.Window / 2) + 1 : c.Window,
        Layer = layer,
        Rotation = rotation,
        HeadNorm = at => new RmsNorm(c.HeadWidth, c.NormEpsilon, at, offset: 1),
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };

    internal static FeedForwardConfig FeedForwardOf(Gemma3Config c) => new()
    {
        Width = c.Width,
        InnerWidth = c.InnerWidth,
        Activation = c.Activation,
        UpName = "up_proj",
        DownName = "down_proj",
        GateName = "gate_proj",
        Bias = false,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };
}
