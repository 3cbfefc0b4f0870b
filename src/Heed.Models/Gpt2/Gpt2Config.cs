using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models.Gpt2;

/// <summary>Sizes and settings of a GPT-2 (Radford et al. 2019, table 2).</summary>
public sealed record Gpt2Config : ModelConfig
{
    /// <inheritdoc/>
    public override string ModelType => "gpt2";

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 50257;

    /// <inheritdoc/>
    /// <remarks><c>n_embd</c>.</remarks>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>n_layer</c>.</remarks>
    public override required int Layers { get; init; }

    /// <summary>H, heads of attention (<c>n_head</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>F, width inside the feed-forward part; 0 means 4·D (<c>n_inner</c>).</summary>
    public int InnerWidth { get => field == 0 ? 4 * Width : field; init; }

    /// <summary>Rows of the position table, in tokens (<c>n_positions</c>).</summary>
    public int ContextLength { get; init; } = 1024;

    /// <inheritdoc/>
    public override int MaximumLength => ContextLength;

    /// <summary>Added to the variance in norms (<c>layer_norm_epsilon</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Activation of the feed-forward part; GPT-2's own is GELU by tanh (<c>activation_function</c>).</summary>
    public Activation Activation { get; init; } = Activation.GeluTanh;

    /// <summary>Probability of dropout on the embeddings (<c>embd_pdrop</c>).</summary>
    public float EmbeddingDropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout on attention weights (<c>attn_pdrop</c>).</summary>
    public float AttentionDropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout on what is added to the residual stream (<c>resid_pdrop</c>).</summary>
    public float ResidualDropout { get; init; } = 0.1f;

    /// <summary>True where scores are divided by √K (<c>scale_attn_weights</c>).</summary>
    public bool ScaledScores { get; init; } = true;

    /// <summary>True where scores are also divided by the layer's number, from 1 (<c>scale_attn_by_inverse_layer_idx</c>).</summary>
    public bool ScaledByLayer { get; init; }

    /// <summary>A model that trains in minutes on two cores: 4 layers × 128, 4 heads, 128 tokens.</summary>
    public static Gpt2Config Tiny { get; } = new() { Layers = 4, Heads = 4, Width = 128, ContextLength = 128 };

    /// <summary>124,439,808 parameters; the paper says 117M.</summary>
    public static Gpt2Config Small { get; } = new() { Layers = 12, Heads = 12, Width = 768 };

    /// <summary>354,823,168 parameters; the paper says 345M.</summary>
    public static Gpt2Config Medium { get; } = new() { Layers = 24, Heads = 16, Width = 1024 };

    /// <summary>774,030,080 parameters; the paper says 762M.</summary>
    public static Gpt2Config Large { get; } = new() { Layers = 36, Heads = 20, Width = 1280 };

    /// <summary>1,557,611,200 parameters; the paper says 1542M.</summary>
    public static Gpt2Config ExtraLarge { get; } = new() { Layers = 48, Heads = 25, Width = 1600 };

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"gpt2: the width {Width} (n_embd) is not a multiple of the {Heads} heads (n_head). "
                + $"Choose a width of {Width / Heads * Heads} or {((Width / Heads) + 1) * Heads}, or other heads.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => Gpt2ConfigFile.Write(this);
}
