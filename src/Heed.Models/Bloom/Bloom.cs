using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Bloom;

/// <summary>Sizes and settings of BLOOM (Le Scao et al., arXiv:2211.05100, table 3).</summary>
public sealed record BloomConfig : ModelConfig
{
    /// <inheritdoc/>
    public override string ModelType => "bloom";

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 250880;

    /// <inheritdoc/>
    /// <remarks><c>hidden_size</c>.</remarks>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>n_layer</c>.</remarks>
    public override required int Layers { get; init; }

    /// <summary>H, heads of attention (<c>n_head</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>ALiBi has no table: any length runs.</summary>
    public override int MaximumLength => int.MaxValue;

    /// <summary>Added to the variance in norms (<c>layer_norm_epsilon</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>
    /// True where what is added to the stream starts from the normalised rows rather than from the stream itself
    /// (<c>apply_residual_connection_post_layernorm</c>).
    /// </summary>
    public bool ResidualAfterNorm { get; init; }

    /// <summary>Probability of dropout on attention weights (<c>attention_dropout</c>).</summary>
    public float AttentionDropout { get; init; }

    /// <summary>Probability of dropout on what is added to the residual stream (<c>hidden_dropout</c>).</summary>
    public float HiddenDropout { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"bloom: the width {Width} (hidden_size) is not a multiple of the {Heads} heads (n_head). "
                + "Choose other heads or another width.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["model_type"] = "bloom",
        ["apply_residual_connection_post_layernorm"] = ResidualAfterNorm,
        ["attention_dropout"] = ConfigWords.Number(AttentionDropout),
        ["bos_token_id"] = BeginId,
        ["eos_token_id"] = EndId,
        ["hidden_dropout"] = ConfigWords.Number(HiddenDropout),
        ["hidden_size"] = Width,
        ["initializer_range"] = ConfigWords.Number(InitialDeviation),
        ["layer_norm_epsilon"] = ConfigWords.Number(NormEpsilon),
        ["n_head"] = Heads,
        ["n_layer"] = Layers,
        ["pad_token_id"] = PaddingId,
        ["tie_word_embeddings"] = TiedOutput,
        ["use_cache"] = true,
        ["vocab_size"] = Vocabulary,
    };
}

/// <summary>One pre-norm decoder layer whose attention counts distances (ALiBi).  x: [N, D] → [N, D].</summary>
/// <remarks>Le Scao et al. 2022, §3.2.2.</remarks>
internal sealed class BloomBlock(BloomConfig config, AlibiBias positions, int layer, ParameterScope at) : Module(at)
{
    /// <summary>Norm before attention.</summary>
    public LayerNorm AttentionNorm { get; } = new(config.Width, config.NormEpsilon, (at / "input_layernorm").As("attn_norm"));

    /// <summary>Causal self-attention.</summary>
    public MultiHeadAttention Attention { get; } = new(new AttentionConfig
    {
        Width = config.Width,
        Heads = config.Heads,
        FusedName = "query_key_value",
        FusedByHead = true,
        Names = new AttentionNames("", "", "", "dense"),
        Causal = true,
        Layer = layer,
        DistanceBias = positions,
        Dropout = config.AttentionDropout,
        Initializer = Initializer.Normal(config.InitialDeviation),
    }, (at / "self_attention").As("attn"));

    /// <summary>Norm before the feed-forward part.</summary>
    public LayerNorm FeedForwardNorm { get; } = new(config.Width, config.NormEpsilon, (at / "post_attention_layernorm").As("mlp_norm"));

    /// <summary>Two layers with GELU by tanh between.</summary>
    public FeedForward FeedForward { get; } = new(new FeedForwardConfig
    {
        Width = config.Width,
        InnerWidth = 4 * config.Width,
        Activation = Activation.GeluTanh,
        UpName = "dense_h_to_4h",
        DownName = "dense_4h_to_h",
        Initializer = Initializer.Normal(config.InitialDeviation),
    }, (at / "mlp").As("mlp"));

    private Residual AttentionResidual { get; } = new(config.HiddenDropout, at, "attn_out");

    private Residual FeedForwardResidual { get; } = new(config.HiddenDropout, at, "mlp_out");

    /// <summary>x + attention(norm(x)), then + feed-forward(norm(x)); or from norm(x), where the configuration says so.</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        x = context.Visit(Site, "resid_pre", x);
        Variable normed = AttentionNorm.Forward(x, context);
        x = AttentionResidual.Add(config.ResidualAfterNorm ? normed : x, Attention.Forward(normed, context), context);          // [N, D]
        x = context.Visit(Site, "resid_mid", x);
        normed = FeedForwardNorm.Forward(x, context);
        x = FeedForwardResidual.Add(config.ResidualAfterNorm ? normed : x, FeedForward.Forward(normed, context), context);      // [N, D]
        return context.Visit(Site, "out", context.Visit(Site, "resid_post", x));
    }
}

/// <summary>BLOOM's decoder: tokens → norm → blocks → norm.</summary>
internal sealed class BloomModel : DecoderStack
{
    /// <summary>Makes the parameters at a place of the checkpoint, <c>transformer</c> in saved models.</summary>
    public BloomModel(BloomConfig config, ParameterScope at)
        : base(config, at)
    {
        Tokens = new Embedding(
            config.Vocabulary, config.Width, (at / "word_embeddings").As("embed"), Initializer.Normal(config.InitialDeviation),
            isOutput: config.TiedOutput);
        EmbeddingNorm = new LayerNorm(config.Width, config.NormEpsilon, (at / "word_embeddings_layernorm").As("embed.norm"));
        AlibiBias positions = new(config.Heads) { FromFirstKey = true };
        Blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new BloomBlock(config, positions, i,
            (at / "h" / i).As($"blocks.{i}")))];
        FinalNorm = new LayerNorm(config.Width, config.NormEpsilon, (at / "ln_f").As("final_norm"));
    }

    /// <inheritdoc/>
    public override Embedding Tokens { get; }

    /// <summary>Norm after the embedding.</summary>
    public LayerNorm EmbeddingNorm { get; }

    /// <summary>The layers.</summary>
    public IReadOnlyList<BloomBlock> Blocks { get; }

    /// <summary>Norm after the last layer.</summary>
    public LayerNorm FinalNorm { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Blocks.Select(b => b.Attention.CacheShape)];

    /// <inheritdoc/>
    public override Variable Forward(TokenBatch batch, ForwardContext context)
    {
        Variable x = EmbeddingNorm.Forward(context.Visit("", "embed.token", Tokens.Forward(batch.Ids)), context);   // [N, D]
        x = context.Visit("", "embed.out", x);
        return LayerStack.Run(Blocks, x, context, (block, y) => block.Forward(y, context), y => FinalNorm.Forward(y, context));
    }
}

/// <summary>BLOOM for the loader.</summary>
internal sealed class BloomFamily : DecoderFamily
{
    public override IReadOnlyList<string> ModelTypes { get; } = ["bloom"];

    public override IReadOnlyList<string> Architectures { get; } = ["BloomForCausalLM"];

    public override IReadOnlyDictionary<string, string> OtherNames { get; } = new Dictionary<string,
        string>
    { ["BloomModel"] = "BloomForCausalLM" };

    public override string BasePrefix => "transformer";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["bloom-560m"] = new(new BloomConfig { Width = 1024, Layers = 24, Heads = 16 }, "BloomForCausalLM",
            "Le Scao et al. 2022, arXiv:2211.05100, table 3", "the paper says 559M"),
    };

    public override ModelConfig ReadConfig(ConfigReader file)
        => Sizes(file.WithNames(("hidden_size", "n_embed"), ("n_layer", "num_hidden_layers"), ("n_head", "num_attention_heads")));

    private static BloomConfig Sizes(ConfigReader file) => new()
    {
        Vocabulary = file.Size("vocab_size", 250880, 1),
        Width = file.Size("hidden_size", 64, 1),
        Layers = file.Size("n_layer", 2, 1),
        Heads = file.Size("n_head", 8, 1),
        NormEpsilon = (float)file.Number("layer_norm_epsilon", 1e-5, 1e-30, 1),
        ResidualAfterNorm = file.Flag("apply_residual_connection_post_layernorm", false),
        AttentionDropout = (float)file.Number("attention_dropout", 0, 0, 0.999),
        HiddenDropout = (float)file.Number("hidden_dropout", 0, 0, 0.999),
        InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
        TiedOutput = file.Flag("tie_word_embeddings", true),
        PaddingId = file.OptionalId("pad_token_id"),
        BeginId = file.OptionalId("bos_token_id", 1),
        EndId = file.OptionalId("eos_token_id", 2),
        Labels = ConfigWords.Labels(file),
    };

    protected override DecoderStack BuildStack(string architecture, ModelConfig config, ParameterScope at)
        => new BloomModel((BloomConfig)config, at);
}
