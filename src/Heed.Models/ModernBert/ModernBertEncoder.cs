using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.ModernBert;

/// <summary>One pre-norm layer; the first has no norm before its attention, for the embeddings have one.  x: [N, D] → [N, D].</summary>
/// <remarks>Warner et al. 2024, arXiv:2412.13663 §2.1. Scope names are the released checkpoint's keys.</remarks>
internal sealed class ModernBertLayer(ModernBertConfig config, IRotation rotation, int layer, ParameterScope at) : Module(at)
{
    /// <summary>Norm before attention, or null.</summary>
    public LayerNorm? AttentionNorm { get; } = layer == 0 ? null : ModernBertEncoder.NormOf(config, (at / "attn_norm").As("attn_norm"));

    /// <summary>Self-attention, without a mask or within a window on both sides.</summary>
    public MultiHeadAttention Attention { get; } = new(ModernBertEncoder.AttentionOf(config, rotation, layer), (at / "attn").As("attn"));

    /// <summary>Norm before the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = ModernBertEncoder.NormOf(config, (at / "mlp_norm").As("mlp_norm"));

    /// <summary>Gated feed-forward part.</summary>
    public FeedForward FeedForward { get; } = new(ModernBertEncoder.FeedForwardOf(config), (at / "mlp").As("mlp"));

    private Residual AttentionResidual { get; } = new(config.AttentionDropout, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(0, at, "mlp_out");

    /// <summary>x + attention(norm(x)), then + feed-forward(norm(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        Variable y = Attention.Forward(AttentionNorm?.Forward(x, context) ?? x, context);                               // [N, D]
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, y, context));                                     // [N, D]
        y = FeedForward.Forward(FeedForwardNorm.Forward(x, context), context);                                          // [N, D]
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, y, context));
        return context.Visit(Site, "out", x);
    }
}

/// <summary>ModernBERT's stack: tokens → norm → layers → final norm.</summary>
internal sealed class ModernBertEncoder : TokenStack
{
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>model</c> in models with a head.</summary>
    public ModernBertEncoder(ModernBertConfig config, ParameterScope at)
        : base(config, at)
    {
        _dropout = new Dropout(config.EmbeddingDropout, "embed");
        Initializer exceptPadding = Initializer.NormalExceptRow(config.InitialDeviation, config.PaddingId ?? -1);
        ParameterScope tokens = (at / "embeddings" / "tok_embeddings").As("embed");
        Tokens = new Embedding(config.Vocabulary, config.Width, tokens, exceptPadding, config.PaddingId, isOutput: config.TiedOutput);
        EmbeddingNorm = NormOf(config, (at / "embeddings" / "norm").As("embed.norm"));
        int K = config.Width / config.Heads;
        RotaryConfig rope = new() { HeadWidth = K, Theta = config.Theta, MaximumLength = config.ContextLength, Scaling = config.Scaling };
        RotaryPositions all = new(rope), window = new(rope with { Theta = config.WindowTheta, Scaling = config.WindowScaling });
        ParameterScope layers = at / "layers";
        Layers =
        [
            .. config.WindowLayers.Select((near, i) => new ModernBertLayer(config, near ? window : all, i, (layers / i).As($"blocks.{i}"))),
        ];
        FinalNorm = NormOf(config, (at / "final_norm").As("final_norm"));
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>Norm of the tokens' rows.</summary>
    public LayerNorm EmbeddingNorm { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<ModernBertLayer> Layers { get; }

    /// <summary>Norm after the last layer.</summary>
    public LayerNorm FinalNorm { get; }

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable x = EmbeddingNorm.Forward(context.Visit("", "embed.token", Tokens.Forward(batch.Ids)), context);      // [N, D]
        x = context.Visit("", "embed.out", _dropout.Forward(x, context));
        return LayerStack.Run(Layers, x, context, (layer, y) => layer.Forward(y, context), y => FinalNorm.Forward(y, context));
    }

    internal static LayerNorm NormOf(ModernBertConfig c, ParameterScope at) => new(c.Width, c.NormEpsilon, at, c.NormBias);

    internal static AttentionConfig AttentionOf(ModernBertConfig c, IRotation rotation, int layer) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        FusedName = "Wqkv",
        Names = AttentionNames.Bart with { Output = "Wo" },
        Bias = c.AttentionBias,
        OutputBias = c.AttentionBias,
        Window = c.WindowLayers[layer] ? (c.Window / 2) + 1 : 0,
        Layer = layer,
        Rotation = rotation,
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
        OutputInitializer = OutOf(c),
    };

    internal static FeedForwardConfig FeedForwardOf(ModernBertConfig c) => new()
    {
        Width = c.Width,
        InnerWidth = c.InnerWidth,
        Activation = c.Activation,
        UpName = "Wi",
        FusedGate = true,
        DownName = "Wo",
        Bias = c.FeedForwardBias,
        InnerDropout = c.FeedForwardDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
        DownInitializer = OutOf(c),
    };

    /// <summary>Each layer adds twice to the stream, so that what the layers add starts smaller the more of them there are.</summary>
    private static Initializer OutOf(ModernBertConfig c) => Initializer.Normal(c.InitialDeviation / MathF.Sqrt(2 * c.Layers));
}
