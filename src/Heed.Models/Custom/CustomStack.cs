using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Custom;

/// <summary>One layer with norms in front of or behind its parts.  x: [N, D] → [N, D].</summary>
public sealed class CustomBlock : Module
{
    private readonly CustomConfig _config;
    private readonly string _site;
    private readonly Dropout _dropout;
    private readonly Func<Variable, ForwardContext, Variable> _attentionNorm;
    private readonly Func<Variable, ForwardContext, Variable> _feedForwardNorm;

    internal CustomBlock(CustomConfig config, int layer, IRotation? rotation, IDistanceBias? distances, IBlockSparsity? sparsity, ParameterScope at)
    {
        _config = config;
        _site = at.Site;
        _dropout = new Dropout(config.Dropout);
        _attentionNorm = NormAt(config, (at / "norm1").As("norm1"));
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
        _feedForwardNorm = NormAt(config, (at / "norm2").As("norm2"));
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
        x = context.Visit(_site, "resid_pre", x);
        x = Around(x, "attn_out", _attentionNorm, y => Attention.Forward(y, context), context);              // [N, D]
        x = context.Visit(_site, "resid_mid", x);
        x = Around(x, "mlp_out", _feedForwardNorm, y => FeedForward.Forward(y, context), context);           // [N, D]
        return context.Visit(_site, "resid_post", x);
    }

    /// <summary>The norm that the configuration names.</summary>
    internal static Func<Variable, ForwardContext, Variable> NormAt(CustomConfig config, ParameterScope at) => NormsAt(config, at).Shown;

    /// <summary>The same for rows that nobody looks at, and for rows that hooks see.</summary>
    internal static (Func<Variable, Variable> Plain, Func<Variable, ForwardContext, Variable> Shown) NormsAt(CustomConfig config, ParameterScope at)
    {
        if (config.RmsNorm)
        {
            RmsNorm rms = new(config.Width, config.NormEpsilon, at);
            return (rms.Forward, rms.Forward);
        }

        LayerNorm layer = new(config.Width, config.NormEpsilon, at);
        return (layer.Forward, layer.Forward);
    }

    private Variable Around(Variable x, string name, Func<Variable, ForwardContext, Variable> norm, Func<Variable, Variable> part, ForwardContext context)
    {
        Variable y = part(_config.NormFirst ? norm(x, context) : x);
        x += context.Visit(_site, name, _dropout.Forward(y, context, $"{_site}.{name}"));
        return _config.NormFirst ? x : norm(x, context);
    }
}

/// <summary>A stack whose positions, norms and attention are chosen by its configuration: tokens and positions → blocks → final norm, where norms stand in front.</summary>
public sealed class CustomStack : Module
{
    private const int DistanceBuckets = 32, FarthestDistance = 128;    // T5's own sizes (Raffel et al., arXiv:1910.10683, §2.1)

    private readonly CustomConfig _config;
    private readonly Dropout _dropout;
    private readonly Func<int[], Variable>? _positions;
    private readonly Func<Variable, ForwardContext, Variable>? _finalNorm;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>model</c> in saved models.</summary>
    /// <param name="config">Sizes and choices.</param>
    /// <param name="at">Where the parameters are named.</param>
    /// <param name="tokensAreOutput">True where a head reads the token table as its output layer.</param>
    public CustomStack(CustomConfig config, ParameterScope at, bool tokensAreOutput)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        _config = config;
        _dropout = new Dropout(config.Dropout);
        Tokens = new Embedding(config.Vocabulary, config.Width, at / "embed_tokens", isOutput: tokensAreOutput);
        IRotation? rotation = config.Positions == PositionKind.Rope
            ? new RotaryPositions(new RotaryConfig { HeadWidth = config.Width / config.Heads, Theta = config.Theta, MaximumLength = config.ContextLength })
            : null;
        IDistanceBias? distances = config.Positions switch
        {
            PositionKind.Alibi => new AlibiBias(config.Heads, bothDirections: config.Encoder),
            PositionKind.Relative => new RelativeBias(DistanceBuckets, FarthestDistance, config.Heads, bothDirections: config.Encoder, at / "relative_bias"),
            _ => null,
        };
        _positions = config.Positions switch
        {
            PositionKind.Sinusoidal => p => new SinusoidalPositions(config.Width).Forward(p),
            PositionKind.Learned => new Embedding(config.ContextLength, config.Width, at / "embed_positions").Forward,
            _ => null,
        };
        IBlockSparsity? sparsity = config.Sparsity;
        CustomBlock[] blocks = new CustomBlock[config.Layers];
        for (int i = 0; i < blocks.Length; i++) blocks[i] = new CustomBlock(config, i, rotation, distances, sparsity, (at / "layers" / i).As($"blocks.{i}"));
        Blocks = blocks;
        _finalNorm = config.NormFirst ? CustomBlock.NormAt(config, (at / "norm").As("norm_final")) : null;
    }

    /// <summary>Token table, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<CustomBlock> Blocks { get; }

    /// <summary>Tokens to the rows of the last layer, [N, D].</summary>
    public Variable Forward(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(context);
        Variable x = context.Visit("", "embed", Tokens.Forward(batch.Ids));                                   // [N, D]
        if (_config.Positions == PositionKind.Sinusoidal) x *= MathF.Sqrt(_config.Width);
        if (_positions is not null) x += context.Visit("", "pos_embed", _positions(batch.Positions));
        x = _dropout.Forward(x, context, "embed");
        details?.AddRows("hidden_states", x, batch);
        x = LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context), details is null ? null : (i, y) =>
        {
            if (_finalNorm is null || i < Blocks.Count - 1) details.AddRows("hidden_states", y, batch);
        });
        if (_finalNorm is null) return x;
        x = _finalNorm(x, context);
        details?.AddRows("hidden_states", x, batch);
        return x;
    }

    /// <summary>The inputs with positions that count each row's real tokens from 0, where none are given: padding on either side changes nothing.</summary>
    internal static ModelInputs WithPositions(ModelInputs inputs)
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
