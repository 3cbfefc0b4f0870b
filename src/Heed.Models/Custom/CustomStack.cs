using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Custom;

/// <summary>One layer with norms before or after its parts.  x: [N, D] → [N, D].</summary>
internal sealed class CustomBlock : Module
{
    private readonly CustomConfig _config;
    private readonly Norm _attentionNorm;
    private readonly Norm _feedForwardNorm;
    private readonly Residual _attentionResidual;
    private readonly Residual _feedForwardResidual;

    internal CustomBlock(
        CustomConfig config, int layer, IRotation? rotation, IDistanceBias? distances, IBlockSparsity? sparsity, ParameterScope at)
        : base(at)
    {
        _config = config;
        _attentionResidual = new Residual(config.Dropout, at, "attn_out");
        _feedForwardResidual = new Residual(config.Dropout, at, "mlp_out");
        _attentionNorm = NormAt(config, (at / "norm1").As("attn_norm"));
        Attention = new MultiHeadAttention(new AttentionConfig
        {
            Width = config.Width,
            Heads = config.Heads,
            KeyHeads = config.KeyHeads,
            Names = AttentionNames.Llama,
            Causal = !config.Encoder,
            Window = config.Attention == CustomAttention.Window ? config.Window : 0,
            Layer = layer,
            Rotation = rotation,
            DistanceBias = distances,
            Sparsity = sparsity,
            Features = config.FeaturesOf(layer),
            Dropout = config.Dropout,
        }, (at / "attn").As("attn"));
        _feedForwardNorm = NormAt(config, (at / "norm2").As("mlp_norm"));
        FeedForward = new FeedForward(new FeedForwardConfig
        {
            Width = config.Width,
            InnerWidth = config.InnerWidth,
            Activation = config.Activation,
            UpName = "up_proj",
            DownName = "down_proj",
            GateName = config.Gated ? "gate_proj" : null,
            InnerDropout = config.Dropout,
        }, (at / "mlp").As("mlp"));
    }

    /// <summary>Self-attention; causal in decoders.</summary>
    public MultiHeadAttention Attention { get; }

    /// <summary>Two layers with an activation or a gate between.</summary>
    public FeedForward FeedForward { get; }

    /// <summary>Pre-norm: x + part(norm(x)); post-norm: norm(x + part(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(Site, "resid_pre", x);
        Variable y = Attention.Forward(_config.NormFirst ? _attentionNorm.Forward(x, context) : x, context);            // [N, D]
        x = context.Visit(Site, "resid_mid", _attentionResidual.Add(x, y, context));
        if (!_config.NormFirst) x = _attentionNorm.Forward(x, context);
        y = FeedForward.Forward(_config.NormFirst ? _feedForwardNorm.Forward(x, context) : x, context);                 // [N, D]
        x = context.Visit(Site, "resid_post", _feedForwardResidual.Add(x, y, context));
        return context.Visit(Site, "out", _config.NormFirst ? x : _feedForwardNorm.Forward(x, context));
    }

    /// <summary>The norm that the configuration names.</summary>
    internal static Norm NormAt(CustomConfig config, ParameterScope at)
        => config.RmsNorm ? new RmsNorm(config.Width, config.NormEpsilon, at) : new LayerNorm(config.Width, config.NormEpsilon, at);
}

/// <summary>A stack whose positions, norms and attention are chosen by its configuration: tokens and positions → blocks → final norm, where
/// norms stand in front.</summary>
internal sealed class CustomStack : DecoderStack
{
    private const int DistanceBuckets = 32, FarthestDistance = 128;    // T5's own sizes (Raffel et al., arXiv:1910.10683, §2.1)

    private readonly CustomConfig _config;
    private readonly Dropout _dropout;
    private readonly Func<int[], Variable>? _positions;
    private readonly Norm? _finalNorm;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>model</c> in saved models.</summary>
    /// <param name="config">Sizes and choices.</param>
    /// <param name="at">Where the parameters are named.</param>
    /// <param name="tokensAreOutput">True where a head reads the token table as its output layer.</param>
    public CustomStack(CustomConfig config, ParameterScope at, bool tokensAreOutput)
        : base(config, at)
    {
        _config = config;
        _dropout = new Dropout(config.Dropout, "embed");
        Tokens = new Embedding(config.Vocabulary, config.Width, (at / "embed_tokens").As("embed"), isOutput: tokensAreOutput);
        IRotation? rotation = config.Positions == PositionKind.Rope
            ? new RotaryPositions(new RotaryConfig
            {
                HeadWidth = config.Width / config.Heads,
                Theta = config.Theta,
                MaximumLength = config.ContextLength
            })
            : null;
        IDistanceBias? distances = config.Positions switch
        {
            PositionKind.Alibi => new AlibiBias(config.Heads, bothDirections: config.Encoder),
            PositionKind.Relative => new RelativeBias(DistanceBuckets, FarthestDistance, config.Heads, bothDirections: config.Encoder,
                at / "relative_bias"),
            _ => null,
        };
        _positions = config.Positions switch
        {
            PositionKind.Sinusoidal => p => new SinusoidalPositions(config.Width).Forward(p),
            PositionKind.Learned => new Embedding(config.ContextLength, config.Width, (at / "embed_positions").As("pos_embed")).Forward,
            _ => null,
        };
        IBlockSparsity? sparsity = config.Sparsity;
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new CustomBlock(config, i, rotation, distances, sparsity,
            (at / "layers" / i).As($"blocks.{i}")))];
        _finalNorm = config.NormFirst ? CustomBlock.NormAt(config, (at / "norm").As("final_norm")) : null;
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<CustomBlock> Blocks { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable x = Tokens.Forward(batch.Ids);                                                                         // [N, D]
        if (_config.Positions == PositionKind.Sinusoidal) x *= MathF.Sqrt(_config.Width);
        x = context.Visit("", "embed.token", x);
        if (_positions is not null) x += context.Visit("", "embed.position", _positions(batch.PositionArray));
        x = context.Visit("", "embed.out", _dropout.Forward(x, context));
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context), _finalNorm is null ? null : y
            => _finalNorm.Forward(y, context));
    }

    /// <summary>The inputs with positions that count each row's real tokens from 0, if none are given: padding on either side changes
    /// nothing.</summary>
    /// <inheritdoc/>
    public override ModelInputs WithPositions(ModelInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.PositionIds is not null || inputs.AttentionMask is not { } mask) return inputs;
        int[] positions = new int[mask.Cells.Length];
        for (int b = 0; b < mask.Rows; b++)
        {
            int count = 0;
            for (int t = 0; t < mask.Columns; t++)
            {
                positions[(b * mask.Columns) + t] = count;
                if (mask[b, t] != 0 && t + 1 < mask.Columns) count++;
            }
        }

        return inputs with { PositionIds = new TokenGrid(mask.Rows, mask.Columns, positions) };
    }
}
