using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Custom;

/// <summary>How a custom decoder knows where tokens stand.</summary>
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

/// <summary>Sizes and free choices of a decoder of one's own.</summary>
public sealed record CustomConfig : ModelConfig
{
    /// <summary>The value of <c>model_type</c>.</summary>
    internal const string Type = "custom-decoder";

    private static readonly (string Word, PositionKind Value)[] PositionWords =
    [
        ("rope", PositionKind.Rope), ("learned", PositionKind.Learned), ("sinusoidal", PositionKind.Sinusoidal), ("alibi", PositionKind.Alibi), ("t5", PositionKind.Relative), ("none", PositionKind.None),
    ];

    /// <inheritdoc/>
    public override string ModelType => Type;

    /// <inheritdoc/>
    public override required int Vocabulary { get; init; }

    /// <inheritdoc/>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    public override required int Layers { get; init; }

    /// <summary>H, query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values, a divisor of H; 0 means H.</summary>
    public int KeyHeads { get => field == 0 ? Heads : field; init; }

    /// <summary>F; 0 means 4·D.</summary>
    public int InnerWidth { get => field == 0 ? 4 * Width : field; init; }

    /// <summary>Longest input in tokens; the rows of a learned table.</summary>
    public int ContextLength { get; init; } = 1024;

    /// <inheritdoc/>
    public override int MaximumLength => ContextLength;

    /// <summary>How the model knows where tokens stand.</summary>
    public PositionKind Positions { get; init; } = PositionKind.Rope;

    /// <summary>True: norms in front of each part and one at the end; false: behind each part.</summary>
    public bool NormFirst { get; init; } = true;

    /// <summary>True for RMSNorm, false for LayerNorm.</summary>
    public bool RmsNorm { get; init; }

    /// <summary>Added to variance or mean square in norms.</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Activation of the feed-forward part, or of its gate.</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>True where the feed-forward part has a gate.</summary>
    public bool Gated { get; init; }

    /// <summary>0: a token sees all before it; else so many tokens, itself included.</summary>
    public int Window { get; init; }

    /// <summary>0: no pattern of blocks; else positions a block of <see cref="BlockSparsity"/>.</summary>
    public int BlockSize { get; init; }

    /// <summary>Blocks to each side that a block sees.</summary>
    public int WindowBlocks { get; init; } = 1;

    /// <summary>First blocks that see and are seen by all.</summary>
    public int GlobalBlocks { get; init; } = 1;

    /// <summary>Earlier blocks that each block sees by lot.</summary>
    public int RandomBlocks { get; init; } = 1;

    /// <summary>Probability of dropout on embeddings, attention weights and what is added to the stream.</summary>
    public float Dropout { get; init; }

    /// <summary>True where the output layer is the token table.</summary>
    public bool TiedOutput { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0) throw new ConfigException($"{Type}: the width {Width} (hidden_size) is not a multiple of the {Heads} heads (num_attention_heads).");
        if (Heads % KeyHeads != 0) throw new ConfigException($"{Type}: {Heads} heads (num_attention_heads) cannot share {KeyHeads} key heads (num_key_value_heads) evenly.");
        if (Positions == PositionKind.Rope && Width / Heads % 2 != 0) throw new ConfigException($"{Type}: heads of width {Width / Heads} cannot be rotated; an even width was expected (hidden_size / num_attention_heads).");
        if (ContextLength > 1 << 24) throw new ConfigException($"{Type}: max_position_embeddings is {ContextLength}; at most {1 << 24} are accepted.");
    }

    /// <summary>The pattern of blocks, or null.</summary>
    internal IBlockSparsity? Sparsity => BlockSize == 0 ? null : new BlockSparsity(BlockSize, WindowBlocks, GlobalBlocks, RandomBlocks);

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["model_type"] = Type,
        ["bos_token_id"] = BeginId,
        ["block_size"] = BlockSize,
        ["dropout"] = ConfigWords.Number(Dropout),
        ["eos_token_id"] = EndId,
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
        ["positions"] = Array.Find(PositionWords, p => p.Value == Positions).Word,
        ["random_blocks"] = RandomBlocks,
        ["sliding_window"] = Window,
        ["tie_word_embeddings"] = TiedOutput,
        ["vocab_size"] = Vocabulary,
        ["window_blocks"] = WindowBlocks,
    };

    internal static CustomConfig Read(ConfigReader file) => new()
    {
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
        Window = file.Size("sliding_window", 0, 0),
        BlockSize = file.Size("block_size", 0, 0),
        WindowBlocks = file.Size("window_blocks", 1, 0),
        GlobalBlocks = file.Size("global_blocks", 1, 0),
        RandomBlocks = file.Size("random_blocks", 1, 0),
        Dropout = (float)file.Number("dropout", 0, 0, 0.999),
        TiedOutput = file.Flag("tie_word_embeddings", true),
        PaddingId = file.OptionalId("pad_token_id"),
        BeginId = file.OptionalId("bos_token_id"),
        EndId = file.OptionalId("eos_token_id"),
    };
}
