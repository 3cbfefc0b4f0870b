using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Llama;

/// <summary>One pre-norm decoder layer with RMSNorm, RoPE and a gated feed-forward part.  x: [N, D] → [N, D].</summary>
/// <remarks>Touvron et al. 2023, arXiv:2302.13971 §2.2. Scope names are the released checkpoint's keys.</remarks>
internal sealed class LlamaBlock(LlamaConfig config, RotaryPositions rotation, int layer, ParameterScope at) : Module(at)
{
    /// <summary>Norm before attention.</summary>
    public RmsNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "input_layernorm").As("attn_norm"));

    /// <summary>Causal self-attention with rotated queries and keys.</summary>
    public MultiHeadAttention Attention { get; } = new(LlamaModel.AttentionOf(config, rotation, layer), (at / "self_attn").As("attn"));

    /// <summary>Norm before the feed-forward part.</summary>
    public RmsNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "post_attention_layernorm").As("mlp_norm"));

    /// <summary>Gated feed-forward part.</summary>
    public FeedForward FeedForward { get; } = new(LlamaModel.FeedForwardOf(config), (at / "mlp").As("mlp"));

    private Residual AttentionResidual { get; } = new(0, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(0, at, "mlp_out");

    /// <summary>x + attention(norm(x)), then + feed-forward(norm(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(Site, "resid_pre", x);
        x = AttentionResidual.Add(x, Attention.Forward(AttentionNorm.Forward(x, context), context), context);           // [N, D]
        x = context.Visit(Site, "resid_mid", x);
        x = FeedForwardResidual.Add(x, FeedForward.Forward(FeedForwardNorm.Forward(x, context), context), context);     // [N, D]
        return context.Visit(Site, "out", context.Visit(Site, "resid_post", x));
    }
}

/// <summary>The decoder of LLaMA and kin: tokens → blocks → final norm.</summary>
internal sealed class LlamaModel : DecoderStack
{
    /// <summary>Makes the parameters at a place of the checkpoint, <c>model</c> in saved models.</summary>
    public LlamaModel(LlamaConfig config, ParameterScope at)
        : base(config, at)
    {
        Initializer exceptPadding = Initializer.NormalExceptRow(config.InitialDeviation, config.PaddingId ?? -1);
        Tokens = new Embedding(
            config.Vocabulary, config.Width, (at / "embed_tokens").As("embed"), exceptPadding, config.PaddingId, config.TiedOutput);
        RotaryPositions rotation = new(new RotaryConfig
        {
            HeadWidth = config.HeadWidth,
            Theta = config.Theta,
            MaximumLength = config.ContextLength,
            Scaling = config.Scaling
        });
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new LlamaBlock(config, rotation, i,
            (at / "layers" / i).As($"blocks.{i}")))];
        FinalNorm = new RmsNorm(config.Width, config.NormEpsilon, (at / "norm").As("final_norm"));
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<LlamaBlock> Blocks { get; }

    /// <summary>Norm after the last layer.</summary>
    public RmsNorm FinalNorm { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable x = context.Visit("", "embed.token", Tokens.Forward(batch.Ids));                   // [N, D]
        x = context.Visit("", "embed.out", x);
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context), y => FinalNorm.Forward(y, context));
    }

    internal static AttentionConfig AttentionOf(LlamaConfig c, RotaryPositions rotation, int layer) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        KeyHeads = c.KeyHeads,
        HeadWidth = c.HeadWidth,
        Names = AttentionNames.Llama,
        Bias = c.AttentionBias,
        OutputBias = c.OutputBias,
        Causal = true,
        Window = c.WindowOf(layer),
        Layer = layer,
        Rotation = rotation,
        HeadNorm = c.Kind == LlamaKind.Qwen3 ? at => new RmsNorm(c.HeadWidth, c.NormEpsilon, at) : null,
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };

    internal static FeedForwardConfig FeedForwardOf(LlamaConfig c) => new()
    {
        Width = c.Width,
        InnerWidth = c.InnerWidth,
        Activation = c.Activation,
        UpName = "up_proj",
        DownName = "down_proj",
        GateName = "gate_proj",
        Bias = c.FeedForwardBias,
        Initializer = Initializer.Normal(c.InitialDeviation),
    };
}
