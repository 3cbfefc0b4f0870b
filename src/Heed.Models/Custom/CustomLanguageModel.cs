using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Custom;

/// <summary>One decoder layer with norms in front of or behind its parts.  x: [N, D] → [N, D].</summary>
public sealed class CustomBlock : Module
{
    private readonly CustomConfig _config;
    private readonly string _site;
    private readonly Dropout _dropout;
    private readonly Func<Variable, AttentionContext, Variable> _attentionNorm;
    private readonly Func<Variable, AttentionContext, Variable> _feedForwardNorm;

    internal CustomBlock(CustomConfig config, int layer, IRotation? rotation, IDistanceBias? distances, ParameterScope at)
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
            Causal = true,
            Window = config.Window,
            Layer = layer,
            Rotation = rotation,
            DistanceBias = distances,
            Sparsity = config.Sparsity,
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

    /// <summary>Causal self-attention.</summary>
    public MultiHeadAttention Attention { get; }

    /// <summary>Two layers with an activation or a gate between.</summary>
    public FeedForward FeedForward { get; }

    /// <summary>Pre-norm: x + part(norm(x)); post-norm: norm(x + part(x)).</summary>
    public Variable Forward(Variable x, AttentionContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(_site, "resid_pre", x);
        x = Around(x, "attn_out", _attentionNorm, y => Attention.Forward(y, context), context);              // [N, D]
        x = context.Visit(_site, "resid_mid", x);
        x = Around(x, "mlp_out", _feedForwardNorm, y => FeedForward.Forward(y, context), context);           // [N, D]
        return context.Visit(_site, "resid_post", x);
    }

    /// <summary>The norm that the configuration names.</summary>
    internal static Func<Variable, AttentionContext, Variable> NormAt(CustomConfig config, ParameterScope at)
        => config.RmsNorm ? new RmsNorm(config.Width, config.NormEpsilon, at).Forward : new LayerNorm(config.Width, config.NormEpsilon, at).Forward;

    private Variable Around(Variable x, string name, Func<Variable, AttentionContext, Variable> norm, Func<Variable, Variable> part, AttentionContext context)
    {
        Variable y = part(_config.NormFirst ? norm(x, context) : x);
        x += context.Visit(_site, name, _dropout.Forward(y, context, $"{_site}.{name}"));
        return _config.NormFirst ? x : norm(x, context);
    }
}

/// <summary>A decoder whose positions, norms, attention and feed-forward parts are chosen by its configuration, with its output over the vocabulary.</summary>
public sealed class CustomLanguageModel : CausalLanguageModel
{
    private readonly CustomConfig _config;
    private readonly Dropout _dropout;
    private readonly Func<int[], Variable>? _positions;
    private readonly Func<Variable, AttentionContext, Variable>? _finalNorm;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public CustomLanguageModel(CustomConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _config = config;
        _dropout = new Dropout(config.Dropout);
        ParameterScope at = parameters.Root / "model";
        Tokens = new Embedding(config.Vocabulary, config.Width, at / "embed_tokens", isOutput: config.TiedOutput);
        int headWidth = config.Width / config.Heads;
        IRotation? rotation = config.Positions == PositionKind.Rope ? new RotaryPositions(new RotaryConfig { HeadWidth = headWidth, MaximumLength = config.ContextLength }) : null;
        IDistanceBias? distances = config.Positions switch
        {
            PositionKind.Alibi => new AlibiBias(config.Heads),
            PositionKind.Relative => new RelativeBias(32, 128, config.Heads, bothDirections: false, at / "relative_bias"),
            _ => null,
        };
        _positions = config.Positions switch
        {
            PositionKind.Sinusoidal => p => new SinusoidalPositions(config.Width).Forward(p),
            PositionKind.Learned => new Embedding(config.ContextLength, config.Width, at / "embed_positions").Forward,
            _ => null,
        };
        CustomBlock[] blocks = new CustomBlock[config.Layers];
        for (int i = 0; i < blocks.Length; i++) blocks[i] = new CustomBlock(config, i, rotation, distances, (at / "layers" / i).As($"blocks.{i}"));
        Blocks = blocks;
        _finalNorm = config.NormFirst ? CustomBlock.NormAt(config, (at / "norm").As("norm_final")) : null;
        Head = config.TiedOutput ? new Linear(Tokens.Weight, bias: null) : new Linear(config.Width, config.Vocabulary, parameters.Root / "lm_head", bias: false);
    }

    /// <inheritdoc/>
    public override string Architecture => "CustomDecoder";

    /// <summary>Token table, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<CustomBlock> Blocks { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => _config.TiedOutput
        ? new Dictionary<string, string> { ["lm_head.weight"] = "model.embed_tokens.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Hidden(TokenBatch batch, AttentionContext context, RunDetails? details = null)
    {
        CheckIds(batch);
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

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(hidden);

    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets) => Loss.VocabularyCrossEntropy(hidden, Head.Weight, null, targets, SumOfNats);
}
