using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Gpt1;

/// <summary>Sizes and settings of the first GPT (Radford et al. 2018, §4.1).</summary>
public sealed record Gpt1Config : ModelConfig
{
    /// <inheritdoc/>
    public override string ModelType => "openai-gpt";

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 40478;

    /// <inheritdoc/>
    /// <remarks><c>n_embd</c>.</remarks>
    public override int Width { get; init; } = 768;

    /// <inheritdoc/>
    /// <remarks><c>n_layer</c>.</remarks>
    public override int Layers { get; init; } = 12;

    /// <summary>H, heads of attention (<c>n_head</c>).</summary>
    public int Heads { get; init; } = 12;

    /// <summary>Rows of the position table, in tokens (<c>n_positions</c>).</summary>
    public int ContextLength { get; init; } = 512;

    /// <inheritdoc/>
    public override int MaximumLength => ContextLength;

    /// <summary>Added to the variance in norms (<c>layer_norm_epsilon</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Activation of the feed-forward part; GELU by tanh (<c>afn</c>).</summary>
    public Activation Activation { get; init; } = Activation.GeluTanh;

    /// <summary>Probability of dropout on the embeddings (<c>embd_pdrop</c>).</summary>
    public float EmbeddingDropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout on attention weights (<c>attn_pdrop</c>).</summary>
    public float AttentionDropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout on what is added to the residual stream (<c>resid_pdrop</c>).</summary>
    public float ResidualDropout { get; init; } = 0.1f;

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"openai-gpt: the width {Width} (n_embd) is not a multiple of the {Heads} heads (n_head). "
                + "Choose other heads or another width.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["model_type"] = "openai-gpt",
        ["afn"] = Activation switch { Activation.Relu => "relu", Activation.Silu => "swish", _ => "gelu" },
        ["attn_pdrop"] = ConfigWords.Number(AttentionDropout),
        ["bos_token_id"] = BeginId,
        ["embd_pdrop"] = ConfigWords.Number(EmbeddingDropout),
        ["eos_token_id"] = EndId,
        ["initializer_range"] = ConfigWords.Number(InitialDeviation),
        ["layer_norm_epsilon"] = ConfigWords.Number(NormEpsilon),
        ["n_embd"] = Width,
        ["n_head"] = Heads,
        ["n_layer"] = Layers,
        ["n_positions"] = ContextLength,
        ["pad_token_id"] = PaddingId,
        ["resid_pdrop"] = ConfigWords.Number(ResidualDropout),
        ["tie_word_embeddings"] = TiedOutput,
        ["vocab_size"] = Vocabulary,
    };
}

/// <summary>One post-norm decoder layer.  x: [N, D] → [N, D].</summary>
/// <remarks>Radford et al. 2018, figure 1: the norm follows each addition.</remarks>
internal sealed class Gpt1Block(Gpt1Config config, int layer, ParameterScope at) : Module(at)
{
    /// <summary>Causal self-attention.</summary>
    public MultiHeadAttention Attention { get; } = new(new AttentionConfig
    {
        Width = config.Width,
        Heads = config.Heads,
        FusedName = "c_attn",
        Names = new AttentionNames("", "", "", "c_proj"),
        InputMajor = true,
        Causal = true,
        Layer = layer,
        Dropout = config.AttentionDropout,
        Initializer = Initializer.Normal(config.InitialDeviation),
    }, (at / "attn").As("attn"));

    /// <summary>Norm after attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "ln_1").As("attn_norm"));

    /// <summary>Two layers with an activation between.</summary>
    public FeedForward FeedForward { get; } = new(new FeedForwardConfig
    {
        Width = config.Width,
        InnerWidth = 4 * config.Width,
        Activation = config.Activation,
        UpName = "c_fc",
        DownName = "c_proj",
        InputMajor = true,
        Initializer = Initializer.Normal(config.InitialDeviation),
    }, (at / "mlp").As("mlp"));

    /// <summary>Norm after the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "ln_2").As("mlp_norm"));

    private Residual AttentionResidual { get; } = new(config.ResidualDropout, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.ResidualDropout, at, "mlp_out");

    /// <summary>norm(x + attention(x)), then norm(x + feed-forward(x)).</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(Site, "resid_pre", x);
        x = context.Visit(Site, "resid_mid", AttentionResidual.Add(x, Attention.Forward(x, context), context));         // [N, D]
        x = AttentionNorm.Forward(x, context);
        x = context.Visit(Site, "resid_post", FeedForwardResidual.Add(x, FeedForward.Forward(x, context), context));    // [N, D]
        return context.Visit(Site, "out", FeedForwardNorm.Forward(x, context));
    }
}

/// <summary>The first GPT's decoder: tokens and positions → blocks.</summary>
internal sealed class Gpt1Model : DecoderStack
{
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters at a place of the checkpoint, <c>transformer</c> in saved models.</summary>
    public Gpt1Model(Gpt1Config config, ParameterScope at)
        : base(config, at)
    {
        _dropout = new Dropout(config.EmbeddingDropout, "embed");
        Initializer normal = Initializer.Normal(config.InitialDeviation);
        Tokens = new Embedding(config.Vocabulary, config.Width, (at / "tokens_embed").As("embed"), normal, isOutput: config.TiedOutput);
        Positions = new Embedding(config.ContextLength, config.Width, (at / "positions_embed").As("pos_embed"), normal);
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new Gpt1Block(config, i, (at / "h" / i).As($"blocks.{i}")))];
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>Position table, [T, D].</summary>
    public Embedding Positions { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<Gpt1Block> Blocks { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable tokens = context.Visit("", "embed.token", Tokens.Forward(batch.Ids));                    // [N, D]
        Variable positions = context.Visit("", "embed.position", Positions.Forward(batch.Positions));    // [N, D]
        Variable x = context.Visit("", "embed.out", _dropout.Forward(tokens + positions, context));
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context));
    }
}

/// <summary>The first GPT for the loader.</summary>
internal sealed class Gpt1Family : DecoderFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["openai-gpt"];

    public override IReadOnlyList<string> Architectures { get; } = ["OpenAIGPTLMHeadModel", "OpenAIGPTForSequenceClassification"];

    public override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string,
        string>
    { ["OpenAIGPTModel"] = "OpenAIGPTLMHeadModel" };

    public override string BasePrefix => "transformer";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["gpt1"] = new(new Gpt1Config(), "OpenAIGPTLMHeadModel", "Radford et al. 2018, §4.1", "often rounded to 117M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => Sizes(file.WithNames(("n_embd", "hidden_size"),
        ("n_positions", "max_position_embeddings"), ("n_head", "num_attention_heads"), ("n_layer", "num_hidden_layers")));

    private static Gpt1Config Sizes(ConfigReader file) => new()
    {
        Vocabulary = file.Size("vocab_size", 40478, 1),
        Width = file.Size("n_embd", 768, 1),
        Layers = file.Size("n_layer", 12, 1),
        Heads = file.Size("n_head", 12, 1),
        ContextLength = file.Size("n_positions", 512, 1),
        NormEpsilon = (float)file.Number("layer_norm_epsilon", 1e-5, 1e-30, 1),
        // Here "gelu" has always meant the form by tanh.
        Activation = file.Choice("afn", "gelu", ("gelu", Activation.GeluTanh), ("relu", Activation.Relu), ("swish", Activation.Silu),
            ("silu", Activation.Silu)),
        EmbeddingDropout = (float)file.Number("embd_pdrop", 0.1, 0, 0.999),
        AttentionDropout = (float)file.Number("attn_pdrop", 0.1, 0, 0.999),
        ResidualDropout = (float)file.Number("resid_pdrop", 0.1, 0, 0.999),
        InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
        TiedOutput = file.Flag("tie_word_embeddings", true),
        PaddingId = file.OptionalId("pad_token_id"),
        BeginId = file.OptionalId("bos_token_id"),
        EndId = file.OptionalId("eos_token_id"),
        Labels = ConfigWords.Labels(file),
        ClassificationKind = ConfigWords.Kind(file),
    };

    protected override DecoderStack BuildStack(string architecture, ModelConfig config, ParameterScope at)
        => new Gpt1Model((Gpt1Config)config, at);

    /// <summary>Older files hold the causal mask and the position numbers.</summary>
    public override string? CurrentName(string stored)
        => stored.EndsWith(".attn.bias", StringComparison.Ordinal) || stored.EndsWith("position_ids", StringComparison.Ordinal)
            ? null
            : stored;
}
