using Heed.Engine.Autograd;
using Heed.Engine.Nn;

namespace Heed.Models.Llama;

/// <summary>One pre-norm decoder layer with RMSNorm, RoPE and a gated feed-forward part.  x: [N, D] → [N, D].</summary>
/// <remarks>Touvron et al. 2023, arXiv:2302.13971 §2.2. Scope names are the released checkpoint's keys.</remarks>
public sealed class LlamaBlock(LlamaConfig config, RotaryPositions rotation, int layer, ParameterScope at) : Module(at)
{
    /// <summary>Norm in front of attention.</summary>
    public RmsNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "input_layernorm").As("norm1"));

    /// <summary>Causal self-attention with rotated queries and keys.</summary>
    public MultiHeadAttention Attention { get; } = new(LlamaModel.AttentionOf(config, rotation, layer), (at / "self_attn").As("attn"));

    /// <summary>Norm in front of the feed-forward part.</summary>
    public RmsNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "post_attention_layernorm").As("norm2"));

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
        return context.Visit(Site, "resid_post", x);
    }
}

/// <summary>The decoder of LLaMA and kin: tokens → blocks → final norm.</summary>
public sealed class LlamaModel : Module
{
    /// <summary>Makes the parameters at a place of the checkpoint, <c>model</c> in saved models.</summary>
    public LlamaModel(LlamaConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        Tokens = new Embedding(config.Vocabulary, config.Width, (at / "embed_tokens").As("embed"), Initializer.NormalExceptRow(config.InitialDeviation, config.PaddingId ?? -1), config.PaddingId, config.TiedOutput);
        RotaryPositions rotation = new(new RotaryConfig { HeadWidth = config.HeadWidth, Theta = config.Theta, MaximumLength = config.ContextLength, Scaling = config.Scaling });
        LlamaBlock[] blocks = new LlamaBlock[config.Layers];
        for (int i = 0; i < blocks.Length; i++) blocks[i] = new LlamaBlock(config, rotation, i, (at / "layers" / i).As($"blocks.{i}"));
        Blocks = blocks;
        FinalNorm = new RmsNorm(config.Width, config.NormEpsilon, (at / "norm").As("norm_final"));
    }

    /// <summary>Token table, [V, D].</summary>
    public Embedding Tokens { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<LlamaBlock> Blocks { get; }

    /// <summary>Norm behind the last layer.</summary>
    public RmsNorm FinalNorm { get; }

    /// <summary>Tokens to the rows of the last layer after the final norm, [N, D].</summary>
    public Variable Forward(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(context);
        Variable x = context.Visit("", "embed", Tokens.Forward(batch.Ids));                     // [N, D]
        details?.AddRows("hidden_states", x, batch);
        x = LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context), details is null ? null : (i, y) =>
        {
            if (i < Blocks.Count - 1) details.AddRows("hidden_states", y, batch);
        });
        x = FinalNorm.Forward(x, context);
        details?.AddRows("hidden_states", x, batch);
        return x;
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
        HeadNorm = c.Kind == LlamaKind.Qwen3 ? at => new RmsNorm(c.HeadWidth, c.NormEpsilon, at).Forward : null,
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

/// <summary>LLaMA and kin with the output over the vocabulary.</summary>
public sealed class LlamaLanguageModel : CausalLanguageModel
{
    private readonly LlamaConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public LlamaLanguageModel(LlamaConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _config = config;
        Decoder = new LlamaModel(config, parameters.Root / "model");
        Head = config.TiedOutput
            ? new Linear(Decoder.Tokens.Weight, bias: null)
            : new Linear(config.Width, config.Vocabulary, parameters.Root / "lm_head", bias: false, initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => LlamaFamily.NameOf(_config.Kind) + "ForCausalLM";

    /// <summary>The stack of layers.</summary>
    public LlamaModel Decoder { get; }

    /// <summary>Rows to scores over the vocabulary.</summary>
    public Linear Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> TiedNames => _config.TiedOutput
        ? new Dictionary<string, string> { ["lm_head.weight"] = "model.embed_tokens.weight" }
        : new Dictionary<string, string>();

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Decoder.Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Hidden(TokenBatch batch, ForwardContext context, RunDetails? details = null)
    {
        CheckIds(batch);
        return Decoder.Forward(batch, context, details);
    }

    /// <inheritdoc/>
    public override Variable Logits(Variable hidden) => Head.Forward(hidden);

    /// <inheritdoc/>
    public override Variable LossSum(Variable hidden, int[] targets) => Loss.VocabularyCrossEntropy(hidden, Head.Weight.AsWeight(), null, targets, SumOfNats);
}

/// <summary>LLaMA and kin that classify a text by its last token.</summary>
public sealed class LlamaSequenceClassifier : SequenceClassifier
{
    private readonly LlamaConfig _config;

    /// <summary>Builds the model; values come from the set's source.</summary>
    public LlamaSequenceClassifier(LlamaConfig config, ParameterSet parameters)
        : base(config, parameters)
    {
        config.Validate();
        _config = config;
        Decoder = new LlamaModel(config, parameters.Root / "model");
        Score = new Linear(config.Width, config.Labels.Count, parameters.Root / "score", bias: false, initializer: Initializer.Normal(config.InitialDeviation));
    }

    /// <inheritdoc/>
    public override string Architecture => LlamaFamily.NameOf(_config.Kind) + "ForSequenceClassification";

    /// <summary>The stack of layers.</summary>
    public LlamaModel Decoder { get; }

    /// <summary>Rows to scores of the classes.</summary>
    public Linear Score { get; }

    /// <inheritdoc/>
    protected override Variable Classify(TokenBatch batch, ForwardContext context, RunDetails? details)
    {
        CheckIds(batch);
        return Score.Forward(Decoder.Forward(batch, context, details).Gather(LastRows(batch)));   // [B, L]
    }
}
