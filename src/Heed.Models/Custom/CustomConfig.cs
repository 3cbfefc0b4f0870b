using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Custom;

/// <summary>How a custom model knows where tokens stand.</summary>
public enum PositionKind
{
    /// <summary>Not at all, but for the causal mask.</summary>
    None,

    /// <summary>Fixed sines added to the tokens (Vaswani et al. 2017, §3.5).</summary>
    Sinusoidal,

    /// <summary>A learned table added to the tokens.</summary>
    Learned,

    /// <summary>Queries and keys rotated (Su et al., arXiv:2104.09864).</summary>
    Rope,

    /// <summary>Scores lowered in proportion to the distance (Press et al., arXiv:2108.12409).</summary>
    Alibi,

    /// <summary>Learned biases of distances in buckets (Raffel et al., arXiv:1910.10683).</summary>
    Relative,
}

/// <summary>Which tokens a custom model's attention sees, and how it weighs them.</summary>
public enum CustomAttention
{
    /// <summary>All tokens, in a decoder all before: softmax of scores (Vaswani et al. 2017, §3.2.1).</summary>
    Full,

    /// <summary>The nearest tokens (Beltagy et al., arXiv:2004.05150; Child et al., arXiv:1904.10509).</summary>
    Window,

    /// <summary>Blocks of tokens: near ones, the first ones, some by lot (BigBird: Zaheer et al., arXiv:2007.14062).</summary>
    BlockSparse,

    /// <summary>All tokens in linear time, with the features elu(x) + 1 (Katharopoulos et al., arXiv:2006.16236).</summary>
    Elu,

    /// <summary>All tokens in linear time, with random features that estimate the softmax (FAVOR+: Choromanski et al.,
    /// arXiv:2009.14794).</summary>
    Favor,
}

/// <summary>Sizes and free choices of a custom decoder or encoder; <c>docs/custom-models.md</c> lists the keys.</summary>
public sealed record CustomConfig : ModelConfig
{
    /// <summary>The value of <c>model_type</c> of decoders.</summary>
    internal const string DecoderType = "custom-decoder";

    /// <summary>The value of <c>model_type</c> of encoders.</summary>
    internal const string EncoderType = "custom-encoder";

    private static readonly (string Word, CustomAttention Value)[] AttentionWords =
    [
        ("full", CustomAttention.Full), ("window", CustomAttention.Window), ("block-sparse", CustomAttention.BlockSparse), ("linear-elu", CustomAttention.Elu), ("linear-favor", CustomAttention.Favor),
    ];

    private static readonly (string Word, PositionKind Value)[] PositionWords =
    [
        ("rope", PositionKind.Rope), ("learned", PositionKind.Learned), ("sinusoidal", PositionKind.Sinusoidal), ("alibi", PositionKind.Alibi), ("t5", PositionKind.Relative), ("none", PositionKind.None),
    ];

    /// <summary>Keys that every family's file may have beside its own.</summary>
    private static readonly string[] SharedKeys =
        ["architectures", "dtype", "torch_dtype", "id2label", "label2id", "num_labels", "problem_type", "transformers_version", "use_cache", "is_decoder", "is_encoder_decoder", "output_attentions", "output_hidden_states"];

    /// <inheritdoc/>
    public override string ModelType => Encoder ? EncoderType : DecoderType;

    /// <summary>True for an encoder, whose tokens attend to those after them as well (<c>model_type</c>).</summary>
    public bool Encoder { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override required int Vocabulary { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>hidden_size</c>.</remarks>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>num_hidden_layers</c>.</remarks>
    public override required int Layers { get; init; }

    /// <summary>H, query heads (<c>num_attention_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values, a divisor of H; 0 means H (<c>num_key_value_heads</c>).</summary>
    public int KeyHeads { get => field == 0 ? Heads : field; init; }

    /// <summary>F; 0 means 4·D (<c>intermediate_size</c>).</summary>
    public int InnerWidth { get => field == 0 ? 4 * Width : field; init; }

    /// <summary>Longest input in tokens; the rows of a learned table (<c>max_position_embeddings</c>).</summary>
    public int ContextLength { get; init; } = 1024;

    /// <inheritdoc/>
    public override int MaximumLength => ContextLength;

    /// <summary>How the model knows where tokens stand (<c>positions</c>).</summary>
    public PositionKind Positions { get; init; } = PositionKind.Rope;

    /// <summary>Base of <see cref="PositionKind.Rope"/> (<c>rope_theta</c>).</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>Which tokens attention sees, and how it weighs them (<c>attention</c>).</summary>
    public CustomAttention Attention { get; init; }

    /// <summary>True: a norm before each part and one at the end; false: after each part (<c>norm_first</c>).</summary>
    public bool NormFirst { get; init; } = true;

    /// <summary>True for RMSNorm, false for LayerNorm (<c>norm</c>).</summary>
    public bool RmsNorm { get; init; }

    /// <summary>Added to variance or mean square in norms (<c>norm_eps</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Activation of the feed-forward part, or of its gate (<c>hidden_act</c>).</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>True where the feed-forward part has a gate (<c>gated</c>).</summary>
    public bool Gated { get; init; }

    /// <summary>
    /// Tokens that a token sees with <see cref="CustomAttention.Window"/>, itself included; in an encoder as many ahead
    /// (<c>sliding_window</c>).
    /// </summary>
    public int Window { get; init; } = 128;

    /// <summary>
    /// Positions a block of <see cref="BlockSparsity"/>, with <see cref="CustomAttention.BlockSparse"/> (<c>block_size</c>).
    /// </summary>
    public int BlockSize { get; init; } = 64;

    /// <summary>Blocks to each side that a block sees (<c>window_blocks</c>).</summary>
    public int WindowBlocks { get; init; } = 1;

    /// <summary>First blocks that see and are seen by all (<c>global_blocks</c>).</summary>
    public int GlobalBlocks { get; init; } = 1;

    /// <summary>Earlier blocks that each block sees by lot (<c>random_blocks</c>).</summary>
    public int RandomBlocks { get; init; } = 1;

    /// <summary>M, random features of a head with <see cref="CustomAttention.Favor"/> (<c>features</c>); 0 means 4·D / H.</summary>
    public int Features { get => field == 0 ? 4 * Width / Heads : field; init; }

    /// <summary>Seed of the random features; each layer draws its own (<c>feature_seed</c>).</summary>
    public int FeatureSeed { get; init; } = 1;

    /// <summary>Probability of dropout on embeddings, attention weights and what is added to the stream (<c>dropout</c>).</summary>
    public float Dropout { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"{ModelType}: the width {Width} (hidden_size) is not a multiple of the {Heads} heads "
                + "(num_attention_heads). Choose other heads or another width.");
        if (Heads % KeyHeads != 0)
            throw new ConfigException($"{ModelType}: {Heads} heads (num_attention_heads) cannot share {KeyHeads} key heads "
                + "(num_key_value_heads) evenly. Choose a divisor.");
        if (Positions == PositionKind.Rope && Width / Heads % 2 != 0)
            throw new ConfigException($"{ModelType}: heads of width {Width / Heads} cannot be rotated; "
                + "an even width was expected (hidden_size / num_attention_heads). Choose other heads or other positions.");
        if (ContextLength > 1 << 24)
            throw new ConfigException($"{ModelType}: max_position_embeddings is {ContextLength}; at most {1 << 24} are accepted.");
        if (Positions is PositionKind.Alibi or PositionKind.Relative && IsLinear)
        {
            throw new ConfigException($"{ModelType}: attention is \"{Word(AttentionWords, Attention)}\" and positions is "
                + $"\"{Word(PositionWords, Positions)}\", a bias on scores; linear attention has no scores. "
                + "Choose the positions rope, learned, sinusoidal or none, or the attention full, window or block-sparse.");
        }

        if (Attention == CustomAttention.Favor && (long)Features * (Width / Heads) > 1 << 22)
            throw new ConfigException($"{ModelType}: {Features} features (features) of heads of width {Width / Heads} are more than "
                + $"{1 << 22} numbers a layer. Choose fewer features or more heads.");
        if (Attention == CustomAttention.Window && Window < 1)
            throw new ConfigException($"{ModelType}: sliding_window is {Window}; attention \"window\" sees at least 1 token.");
        if (Attention != CustomAttention.BlockSparse) return;
        if (BlockSize < 1)
            throw new ConfigException(
                $"{ModelType}: block_size is {BlockSize}; attention \"block-sparse\" has blocks of at least 1 position.");
        if (ContextLength / BlockSize > 8192)
            throw new ConfigException($"{ModelType}: max_position_embeddings {ContextLength} makes {ContextLength / BlockSize} blocks of "
                + $"block_size {BlockSize}; at most 8192 are accepted. Choose larger blocks.");
    }

    /// <summary>True where attention is a sum of features and has no scores.</summary>
    internal bool IsLinear => Attention is CustomAttention.Elu or CustomAttention.Favor;

    /// <summary>The pattern of blocks, or null.</summary>
    internal IBlockSparsity? Sparsity
        => Attention == CustomAttention.BlockSparse ? new BlockSparsity(BlockSize, WindowBlocks, GlobalBlocks, RandomBlocks) : null;

    /// <summary>The features of a layer's linear attention, or null.</summary>
    internal IAttentionFeatures? FeaturesOf(int layer) => Attention switch
    {
        CustomAttention.Elu => new EluFeatures(),
        CustomAttention.Favor => new RandomFeatures(Features, Width / Heads, ((ulong)FeatureSeed << 32) + (ulong)layer),
        _ => null,
    };

    private static string Word<T>((string Word, T Value)[] words, T value)
        => Array.Find(words, w => EqualityComparer<T>.Default.Equals(w.Value, value)).Word;

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["model_type"] = ModelType,
        ["attention"] = Word(AttentionWords, Attention),
        ["bos_token_id"] = BeginId,
        ["block_size"] = BlockSize,
        ["dropout"] = ConfigWords.Number(Dropout),
        ["eos_token_id"] = EndId,
        ["feature_seed"] = FeatureSeed,
        ["features"] = Features,
        ["gated"] = Gated,
        ["global_blocks"] = GlobalBlocks,
        ["hidden_act"] = ConfigWords.Name(Activation),
        ["hidden_size"] = Width,
        ["intermediate_size"] = InnerWidth,
        ["max_position_embeddings"] = ContextLength,
        ["norm"] = RmsNorm ? "rms" : "layer",
        ["norm_eps"] = ConfigWords.Number(NormEpsilon),
        ["norm_first"] = NormFirst,
        ["num_attention_heads"] = Heads,
        ["num_hidden_layers"] = Layers,
        ["num_key_value_heads"] = KeyHeads,
        ["pad_token_id"] = PaddingId,
        ["positions"] = Word(PositionWords, Positions),
        ["random_blocks"] = RandomBlocks,
        ["rope_theta"] = Theta,
        ["sliding_window"] = Window,
        ["tie_word_embeddings"] = TiedOutput,
        ["vocab_size"] = Vocabulary,
        ["window_blocks"] = WindowBlocks,
    };

    internal static CustomConfig Read(ConfigReader file)
    {
        RefuseMistyped(file);
        return Fields(file);
    }

    private static CustomConfig Fields(ConfigReader file) => new()
    {
        Encoder = file.Choice("model_type", DecoderType, (DecoderType, false), (EncoderType, true)),
        Attention = file.Choice("attention", StandardAttention(file), AttentionWords),
        Theta = file.Number("rope_theta", 10000, 1e-3),
        Features = file.OptionalSize("features") ?? 0,
        FeatureSeed = file.Size("feature_seed", 1, 0),
        Labels = ConfigWords.Labels(file),
        ClassificationKind = ConfigWords.Kind(file),
        Vocabulary = file.Size("vocab_size"),
        Width = file.Size("hidden_size"),
        Layers = file.Size("num_hidden_layers"),
        Heads = file.Size("num_attention_heads"),
        KeyHeads = file.OptionalSize("num_key_value_heads") ?? 0,
        InnerWidth = file.OptionalSize("intermediate_size") ?? 0,
        ContextLength = file.Size("max_position_embeddings", 1024, 1),
        Positions = file.Choice("positions", "rope", PositionWords),
        NormFirst = file.Flag("norm_first", true),
        RmsNorm = file.Choice("norm", "layer", ("layer", false), ("rms", true)),
        NormEpsilon = (float)file.Number("norm_eps", 1e-5, 1e-30, 1),
        Activation = ConfigWords.Activation(file, "hidden_act", "gelu"),
        Gated = file.Flag("gated", false),
        Window = file.Size("sliding_window", 128, 0),
        BlockSize = file.Size("block_size", 64, 0),
        WindowBlocks = file.Size("window_blocks", 1, 0),
        GlobalBlocks = file.Size("global_blocks", 1, 0),
        RandomBlocks = file.Size("random_blocks", 1, 0),
        Dropout = (float)file.Number("dropout", 0, 0, 0.999),
        TiedOutput = file.Flag("tie_word_embeddings", true),
        PaddingId = file.OptionalId("pad_token_id"),
        BeginId = file.OptionalId("bos_token_id"),
        EndId = file.OptionalId("eos_token_id"),
    };

    /// <summary>Keys that are not known are kept; one that is a letter or two away from a known one is meant to be that, and would be left
    /// out without a word.</summary>
    private static void RefuseMistyped(ConfigReader file)
    {
        string[] known = [.. new CustomConfig { Vocabulary = 1, Width = 2, Layers = 1, Heads = 1 }.ToJson().Select(p => p.Key), .. SharedKeys];
        foreach (System.Text.Json.JsonProperty field in file.Root.EnumerateObject())
        {
            if (known.Contains(field.Name) || Printable.Nearest(field.Name, known.Where(k => Math.Abs(k.Length - field.Name.Length) <= 2 && k.Length > 4)) is not { } near) continue;
            throw file.Wrong(
                Printable.Shorten(field.Name), $"is no key of a custom model; did you mean \"{near}\"? Rename it, or remove it");
        }
    }

    /// <summary>Files without <c>attention</c> choose by the size that they give.</summary>
    private static string StandardAttention(ConfigReader file)
    {
        bool window = file.Size("sliding_window", 0, 0) > 0, blocks = file.Size("block_size", 0, 0) > 0;
        if (window && blocks && !file.Has("attention"))
            throw file.Wrong("attention", "is missing, and both sliding_window and block_size are given; "
                + "set it to \"window\" or \"block-sparse\"");
        return blocks ? "block-sparse" : window ? "window" : "full";
    }
}
