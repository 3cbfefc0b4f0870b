using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Gemma3;

/// <summary>Sizes and settings of a text model of Gemma 3 (Gemma Team 2025, arXiv:2503.19786), a decoder or an encoder of
/// embeddings.</summary>
public sealed record Gemma3Config : ModelConfig
{
    /// <inheritdoc/>
    public override string ModelType => "gemma3_text";

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 262144;

    /// <inheritdoc/>
    /// <remarks><c>hidden_size</c>.</remarks>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    public override required int Layers { get; init; }

    /// <summary>H, query heads (<c>num_attention_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values (<c>num_key_value_heads</c>).</summary>
    public required int KeyHeads { get; init; }

    /// <summary>K, width of a head (<c>head_dim</c>).</summary>
    public int HeadWidth { get; init; } = 256;

    /// <summary>F, width inside the feed-forward part (<c>intermediate_size</c>).</summary>
    public required int InnerWidth { get; init; }

    /// <summary>Tokens of the trained context (<c>max_position_embeddings</c>).</summary>
    public int ContextLength { get; init; } = 32768;

    /// <summary>RoPE has no table: longer inputs run, at the user's risk.</summary>
    public override int MaximumLength => int.MaxValue;

    /// <inheritdoc/>
    public override int TrainedLength => ContextLength;

    internal override int PositionRegime(int length)
        => HashCode.Combine(Scaling?.Regime(length, ContextLength) ?? 0, WindowScaling?.Regime(length, ContextLength) ?? 0);

    /// <summary>Added to the mean square in norms (<c>rms_norm_eps</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-6f;

    /// <summary>Activation of the gate (<c>hidden_activation</c>).</summary>
    public Activation Activation { get; init; } = Activation.GeluTanh;

    /// <summary>True where the four projections of attention have biases (<c>attention_bias</c>).</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Scores are divided by the square root of this (<c>query_pre_attn_scalar</c>); 0 means K.</summary>
    public double ScoreWidth { get => field == 0 ? HeadWidth : field; init; }

    /// <summary>Base of RoPE in layers that see all tokens (<c>rope_theta</c>).</summary>
    public double Theta { get; init; } = 1e6;

    /// <summary>RoPE's change for longer contexts in these layers, or null (<c>rope_scaling</c>).</summary>
    public RopeScaling? Scaling { get; init; }

    /// <summary>Base of RoPE in layers with a window (<c>rope_local_base_freq</c>).</summary>
    public double WindowTheta { get; init; } = 10000;

    /// <summary>RoPE's change for longer contexts in these layers, or null (<c>rope_parameters.sliding_attention</c>).</summary>
    public RopeScaling? WindowScaling { get; init; }

    /// <summary>
    /// Tokens that a layer with a window sees (<c>sliding_window</c>): the last ones, itself included; where <see cref="Bidirectional"/>,
    /// half as many on either side.
    /// </summary>
    public int Window { get; init; } = 512;

    /// <summary>Which layers have the window (<c>layer_types</c>).</summary>
    public required IReadOnlyList<bool> WindowLayers { get; init; }

    /// <summary>True: tokens see those after them too, and the model is an encoder (<c>use_bidirectional_attention</c>).</summary>
    public bool Bidirectional { get; init; }

    /// <summary>c of c·tanh(scores / c) over the vocabulary (<c>final_logit_softcapping</c>); 0: none.</summary>
    public float FinalSoftCap { get; init; }

    /// <summary>Probability of dropout on attention weights (<c>attention_dropout</c>).</summary>
    public float AttentionDropout { get; init; }

    /// <summary>Every n-th of the layers sees all tokens; the others have the window.</summary>
    /// <param name="layers">Number of layers.</param>
    /// <param name="every">n, 6 in the released models.</param>
    public static IReadOnlyList<bool> Pattern(int layers, int every = 6) => [.. Enumerable.Range(1, layers).Select(i => i % every != 0)];

    /// <summary>268,098,176 parameters.</summary>
    public static Gemma3Config Small { get; } = new()
    {
        Width = 640,
        Layers = 18,
        Heads = 4,
        KeyHeads = 1,
        InnerWidth = 2048,
        WindowLayers = Pattern(18),
        PaddingId = 0,
        BeginId = 2,
        EndId = 1,
    };

    /// <summary>999,885,952 parameters.</summary>
    public static Gemma3Config OneBillion { get; } = Small with { Width = 1152, Layers = 26, InnerWidth = 6912, WindowLayers = Pattern(26) };

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Heads % KeyHeads != 0)
            throw new ConfigException($"{ModelType}: {Heads} query heads (num_attention_heads) are not a multiple of {KeyHeads} key "
                + $"heads (num_key_value_heads). Choose a divisor of {Heads}.");
        if (HeadWidth % 2 != 0) throw new ConfigException($"{ModelType}: the head width {HeadWidth} (head_dim) is odd; RoPE turns pairs.");
        if (WindowLayers.Count != Layers)
            throw new ConfigException($"{ModelType}: layer_types names {WindowLayers.Count} layers; "
                + $"the model has {Layers} (num_hidden_layers).");
        CheckRope(Scaling);
        CheckRope(WindowScaling);
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => Gemma3ConfigFile.Write(this);

    private void CheckRope(RopeScaling? scaling)
    {
        if (scaling?.Problem(HeadWidth) is { } problem) throw new ConfigException($"{ModelType}: {problem}");
    }
}
