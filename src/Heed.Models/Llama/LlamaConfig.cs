using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Llama;

/// <summary>The members of the LLaMA family, by <c>model_type</c>.</summary>
public enum LlamaKind
{
    /// <summary>LLaMA (Touvron et al., arXiv:2302.13971).</summary>
    Llama,

    /// <summary>Mistral: a sliding window (Jiang et al., arXiv:2310.06825).</summary>
    Mistral,

    /// <summary>Qwen2: biases on q, k and v (arXiv:2407.10671).</summary>
    Qwen2,

    /// <summary>Qwen3: norms on each head of q and k (arXiv:2505.09388).</summary>
    Qwen3,
}

/// <summary>Sizes and settings of LLaMA and its kin.</summary>
public sealed record LlamaConfig : ModelConfig
{
    /// <summary>Which member of the family (<c>model_type</c>).</summary>
    public LlamaKind Kind { get; init; }

    /// <inheritdoc/>
    public override string ModelType
        => Kind switch { LlamaKind.Mistral => "mistral", LlamaKind.Qwen2 => "qwen2", LlamaKind.Qwen3 => "qwen3", _ => "llama" };

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 32000;

    /// <inheritdoc/>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    public override required int Layers { get; init; }

    /// <summary>H, query heads (<c>num_attention_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values; 0 means H (<c>num_key_value_heads</c>).</summary>
    public int KeyHeads { get => field == 0 ? Heads : field; init; }

    /// <summary>K, width of a head; 0 means D / H (<c>head_dim</c>).</summary>
    public int HeadWidth { get => field == 0 ? Width / Heads : field; init { field = value; _ownHeadWidth = value != 0; } }

    /// <summary>F, width inside the feed-forward part (<c>intermediate_size</c>).</summary>
    public required int InnerWidth { get; init; }

    /// <summary>Tokens of the trained context (<c>max_position_embeddings</c>).</summary>
    public int ContextLength { get; init; } = 2048;

    /// <summary>RoPE has no table: longer inputs run, at the user's risk.</summary>
    public override int MaximumLength => int.MaxValue;

    /// <inheritdoc/>
    public override int TrainedLength => ContextLength;

    internal override int PositionRegime(int length) => Scaling?.Regime(length, ContextLength) ?? 0;

    /// <summary>Added to the mean square in norms (<c>rms_norm_eps</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-6f;

    /// <summary>Activation of the gate (<c>hidden_act</c>).</summary>
    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>True where q, k and v have biases (<c>attention_bias</c>).</summary>
    public bool AttentionBias { get; init; }

    /// <summary>True where the attention's output projection has a bias (of LLaMA and Qwen3 with <c>attention_bias</c>).</summary>
    public bool OutputBias { get; init; }

    /// <summary>True where the feed-forward projections have biases (<c>mlp_bias</c>).</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Base of RoPE (<c>rope_theta</c>).</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>RoPE's change for longer contexts, or null (<c>rope_scaling</c>).</summary>
    public RopeScaling? Scaling { get; init; }

    /// <summary>Tokens a layer sees; 0: all. See <see cref="WindowLayers"/> (<c>sliding_window</c>).</summary>
    public int Window { get; init; }

    /// <summary>Which layers have the window (<c>layer_types</c>); empty: all.</summary>
    public IReadOnlyList<bool> WindowLayers { get; init; } = [];

    private readonly bool _ownHeadWidth;

    /// <inheritdoc/>
    /// <remarks><c>tie_word_embeddings</c>.</remarks>
    public override bool TiedOutput { get; init; }

    /// <summary>Probability of dropout on attention weights (<c>attention_dropout</c>).</summary>
    public float AttentionDropout { get; init; }

    /// <summary>A model that trains in minutes on two cores: 4 layers × 128, 4 heads, 128 tokens.</summary>
    public static LlamaConfig Tiny { get; } = new() { Layers = 4, Heads = 4, Width = 128, InnerWidth = 352, ContextLength = 128, TiedOutput = true };

    /// <summary>The window of a layer; 0: all tokens.</summary>
    public int WindowOf(int layer) => Window > 0 && (WindowLayers.Count == 0 || WindowLayers[layer]) ? Window : 0;

    /// <inheritdoc/>
    public override void Validate()
    {
        if (!_ownHeadWidth && Width % Heads != 0)
            throw new ConfigException($"{ModelType}: the width {Width} (hidden_size) is not a multiple of the {Heads} heads "
                + "(num_attention_heads), and head_dim is missing. Add it, or choose other heads or another width.");
        if (Heads % KeyHeads != 0)
            throw new ConfigException($"{ModelType}: {Heads} query heads (num_attention_heads) are not a multiple of {KeyHeads} key "
                + $"heads (num_key_value_heads). Choose a divisor of {Heads}.");
        if (Scaling?.Problem(HeadWidth) is { } problem) throw new ConfigException($"{ModelType}: {problem}");
        if (HeadWidth % 2 != 0) throw new ConfigException($"{ModelType}: the head width {HeadWidth} (head_dim) is odd; RoPE turns pairs.");
        if (WindowLayers.Count != 0 && WindowLayers.Count != Layers)
            throw new ConfigException($"{ModelType}: layer_types names {WindowLayers.Count} layers; "
                + $"the model has {Layers} (num_hidden_layers).");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => LlamaConfigFile.Write(this);
}
