using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.ModernBert;

/// <summary>Sizes and settings of a ModernBERT (Warner et al. 2024, arXiv:2412.13663).</summary>
internal sealed record ModernBertConfig : ModelConfig
{
    public override string ModelType => "modernbert";

    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 50368;

    /// <remarks><c>hidden_size</c>.</remarks>
    public override required int Width { get; init; }

    /// <remarks><c>num_hidden_layers</c>.</remarks>
    public override required int Layers { get; init; }

    /// <summary>H, heads of attention (<c>num_attention_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>F, width inside the feed-forward part, of the gate as of what it gates (<c>intermediate_size</c>).</summary>
    public required int InnerWidth { get; init; }

    /// <summary>Tokens of the trained context (<c>max_position_embeddings</c>).</summary>
    public int ContextLength { get; init; } = 8192;

    /// <summary>RoPE has no table: longer inputs run, at the user's risk.</summary>
    public override int MaximumLength => int.MaxValue;

    public override int TrainedLength => ContextLength;

    internal override int PositionRegime(int length)
        => HashCode.Combine(Scaling?.Regime(length, ContextLength) ?? 0, WindowScaling?.Regime(length, ContextLength) ?? 0);

    /// <summary>Added to the variance in norms (<c>norm_eps</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>True where norms have biases (<c>norm_bias</c>).</summary>
    public bool NormBias { get; init; }

    /// <summary>Activation of the gate (<c>hidden_activation</c>).</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>True where the projections of attention have biases (<c>attention_bias</c>).</summary>
    public bool AttentionBias { get; init; }

    /// <summary>True where the projections of the feed-forward part have biases (<c>mlp_bias</c>).</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Base of RoPE in layers that see all tokens (<c>global_rope_theta</c>).</summary>
    public double Theta { get; init; } = 160_000;

    /// <summary>RoPE's change for longer contexts in these layers, or null (<c>rope_parameters.full_attention</c>).</summary>
    public RopeScaling? Scaling { get; init; }

    /// <summary>Base of RoPE in layers with a window (<c>local_rope_theta</c>).</summary>
    public double WindowTheta { get; init; } = 10_000;

    /// <summary>RoPE's change for longer contexts in these layers, or null (<c>rope_parameters.sliding_attention</c>).</summary>
    public RopeScaling? WindowScaling { get; init; }

    /// <summary>Tokens that a layer with a window sees, half of them on either side (<c>local_attention</c>).</summary>
    public int Window { get; init; } = 128;

    /// <summary>Which layers have the window (<c>layer_types</c>).</summary>
    public required IReadOnlyList<bool> WindowLayers { get; init; }

    /// <summary>True where the output over the vocabulary has a bias (<c>decoder_bias</c>).</summary>
    public bool OutputBias { get; init; } = true;

    /// <summary>Activation of the heads' first layer (<c>classifier_activation</c>).</summary>
    public Activation HeadActivation { get; init; } = Activation.Gelu;

    /// <summary>True where that layer has a bias (<c>classifier_bias</c>).</summary>
    public bool HeadBias { get; init; }

    /// <summary>What stands for a text in classification, its first row or the mean of all (<c>classifier_pooling</c>).</summary>
    public Pooling Pooling { get; init; } = Pooling.First;

    /// <summary>Probability of dropout on embeddings (<c>embedding_dropout</c>).</summary>
    public float EmbeddingDropout { get; init; }

    /// <summary>Probability of dropout on attention weights and on what attention adds (<c>attention_dropout</c>).</summary>
    public float AttentionDropout { get; init; }

    /// <summary>Probability of dropout inside the feed-forward part (<c>mlp_dropout</c>).</summary>
    public float FeedForwardDropout { get; init; }

    /// <summary>Probability of dropout before a classifier (<c>classifier_dropout</c>).</summary>
    public float ClassifierDropout { get; init; }

    /// <summary>Every n-th of the layers, from the first on, sees all tokens; the others have the window.</summary>
    /// <param name="layers">Number of layers.</param>
    /// <param name="every">n (<c>global_attn_every_n_layers</c>).</param>
    public static IReadOnlyList<bool> Pattern(int layers, int every = 3) => [.. Enumerable.Range(0, layers).Select(i => i % every != 0)];

    /// <summary>149,014,272 parameters without a head.</summary>
    public static ModernBertConfig Base { get; } = new()
    {
        Width = 768,
        Layers = 22,
        Heads = 12,
        InnerWidth = 1152,
        WindowLayers = Pattern(22),
        PaddingId = 50283,
        BeginId = 50281,
        EndId = 50282,
    };

    /// <summary>394,781,696 parameters without a head.</summary>
    public static ModernBertConfig Large { get; } = Base with
    {
        Width = 1024,
        Layers = 28,
        Heads = 16,
        InnerWidth = 2624,
        WindowLayers = Pattern(28),
    };

    public override void Validate()
    {
        if (Width % Heads != 0)
        {
            throw new ConfigException(
                $"{ModelType}: the width {Width} (hidden_size) is not a multiple of the {Heads} heads (num_attention_heads). "
                + "Choose other heads or another width.");
        }

        if (Width / Heads % 2 != 0)
            throw new ConfigException(
                $"{ModelType}: a head's width, {Width / Heads} (hidden_size / num_attention_heads), is odd; RoPE turns pairs.");
        if (PaddingId is { } id && (id < 0 || id >= Vocabulary))
            throw new ConfigException($"{ModelType}: the padding id {id} (pad_token_id) is none of {Vocabulary} (vocab_size).");
        if (WindowLayers.Count != Layers)
            throw new ConfigException($"{ModelType}: layer_types names {WindowLayers.Count} layers of {Layers} (num_hidden_layers).");
        CheckRope(Scaling);
        CheckRope(WindowScaling);
    }

    public override JsonObject ToJson() => ModernBertConfigFile.Write(this);

    private void CheckRope(RopeScaling? scaling)
    {
        if (scaling?.Problem(Width / Heads) is { } problem) throw new ConfigException($"{ModelType}: {problem}");
    }
}
