using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Gpt2;

/// <summary>One pre-norm decoder layer.  x: [N, D] → [N, D], N the batch's real tokens.</summary>
/// <remarks>Radford et al. 2019, §2.3. Scope names are the released checkpoint's keys.</remarks>
internal sealed class Gpt2Block(Gpt2Config config, int layer, ParameterScope at) : Module(at)
{
    /// <summary>Norm before attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "ln_1").As("attn_norm"));

    /// <summary>Causal self-attention.</summary>
    public MultiHeadAttention Attention { get; } = new(Gpt2Model.AttentionOf(config, layer), (at / "attn").As("attn"));

    /// <summary>Norm before the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "ln_2").As("mlp_norm"));

    /// <summary>Two layers with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(Gpt2Model.FeedForwardOf(config), (at / "mlp").As("mlp"));

    private Residual AttentionResidual { get; } = new(config.ResidualDropout, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.ResidualDropout, at, "mlp_out");

    /// <summary>x + attention(norm(x)), then + feed-forward(norm(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        x = context.Visit(Site, "resid_pre", x);
        x = AttentionResidual.Add(x, Attention.Forward(AttentionNorm.Forward(x, context), context), context);           // [N, D]
        x = context.Visit(Site, "resid_mid", x);
        x = FeedForwardResidual.Add(x, FeedForward.Forward(FeedForwardNorm.Forward(x, context), context), context);     // [N, D]
        return context.Visit(Site, "out", context.Visit(Site, "resid_post", x));
    }
}

/// <summary>GPT-2's decoder: tokens and positions → blocks → final norm.</summary>
internal sealed class Gpt2Model : DecoderStack
{
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>transformer</c> in saved models.</summary>
    public Gpt2Model(Gpt2Config config, ParameterScope at)
        : base(config, at)
    {
        _dropout = new Dropout(config.EmbeddingDropout, "embed");
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        Tokens = new Embedding(config.Vocabulary, config.Width, (at / "wte").As("embed"), normal, isOutput: config.TiedOutput);
        Positions = new Embedding(config.ContextLength, config.Width, (at / "wpe").As("pos_embed"), normal);
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new Gpt2Block(config, i, (at / "h" / i).As($"blocks.{i}")))];
        FinalNorm = new LayerNorm(config.Width, config.NormEpsilon, (at / "ln_f").As("final_norm"));
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>Position table, [T, D].</summary>
    public Embedding Positions { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<Gpt2Block> Blocks { get; }

    /// <summary>Norm after the last layer.</summary>
    public LayerNorm FinalNorm { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable tokens = context.Visit("", "embed.token", Tokens.Forward(batch.Ids));                    // [N, D]
        Variable positions = context.Visit("", "embed.position", Positions.Forward(batch.Positions));    // [N, D]
        Variable x = context.Visit("", "embed.out", _dropout.Forward(tokens + positions, context));
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context), y => FinalNorm.Forward(y, context));
    }

    internal static AttentionConfig AttentionOf(Gpt2Config c, int layer) => new()
    {
        Width = c.Width,
        Heads = c.Heads,
        FusedName = "c_attn",
        Names = new AttentionNames("", "", "", "c_proj"),
        InputMajor = true,
        Causal = true,
        Layer = layer,
        Scale = (c.ScaledScores ? 1 / MathF.Sqrt(c.Width / c.Heads) : 1) / (c.ScaledByLayer ? layer + 1 : 1),
        Dropout = c.AttentionDropout,
        Initializer = Initializer.Normal(c.InitialDeviation),
        OutputInitializer = Initializer.Normal(c.InitialDeviation / MathF.Sqrt(2 * c.Layers)),
    };

    internal static FeedForwardConfig FeedForwardOf(Gpt2Config c) => new()
    {
        Width = c.Width,
        InnerWidth = c.InnerWidth,
        Activation = c.Activation,
        UpName = "c_fc",
        DownName = "c_proj",
        InputMajor = true,
        Initializer = Initializer.Normal(c.InitialDeviation),
        DownInitializer = Initializer.Normal(c.InitialDeviation / MathF.Sqrt(2 * c.Layers)),
    };
}
