using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models.T5;

/// <summary>Sizes and settings of a T5 (Raffel et al., arXiv:1910.10683, §2.1 and §3.7) or T5 v1.1 (gated, with an output layer of its
/// own).</summary>
public sealed record T5Config : ModelConfig
{
    /// <inheritdoc/>
    public override string ModelType => "t5";

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 32128;

    /// <inheritdoc/>
    /// <remarks><c>d_model</c>.</remarks>
    public override required int Width { get; init; }

    /// <summary>Layers of the decoder (<c>num_decoder_layers</c>).</summary>
    public override required int Layers { get; init; }

    /// <summary>Layers of the encoder (<c>num_layers</c>); 0 means as many as the decoder has.</summary>
    public int EncoderLayers { get => field == 0 ? Layers : field; init; }

    /// <summary>H, heads of attention (<c>num_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>K, width of a head; H·K need not be D (<c>d_kv</c>).</summary>
    public int HeadWidth { get; init; } = 64;

    /// <summary>F, width inside the feed-forward part (<c>d_ff</c>).</summary>
    public required int InnerWidth { get; init; }

    /// <summary>Distances have no table of positions: any length runs.</summary>
    public override int MaximumLength => int.MaxValue;

    /// <summary>Number of learned biases a head, one a bucket of distances (<c>relative_attention_num_buckets</c>).</summary>
    public int DistanceBuckets { get; init; } = 32;

    /// <summary>Distance from which on all share the last bucket, in tokens (<c>relative_attention_max_distance</c>).</summary>
    public int FarthestDistance { get; init; } = 128;

    /// <summary>Added to the mean square in norms (<c>layer_norm_epsilon</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-6f;

    /// <summary>Activation of the feed-forward part, or of its gate (<c>feed_forward_proj</c>).</summary>
    public Activation Activation { get; init; } = Activation.Relu;

    /// <summary>True where the feed-forward part has a gate (v1.1) (<c>is_gated_act</c>).</summary>
    public bool Gated { get; init; }

    /// <summary>Probability of dropout everywhere (<c>dropout_rate</c>).</summary>
    public float Dropout { get; init; } = 0.1f;

    /// <summary>Factor of the initial weights' deviations (<c>initializer_factor</c>).</summary>
    public float InitialFactor { get; init; } = 1;

    /// <summary>
    /// True where the decoder's rows are multiplied by D^−½ before the output layer; null: where it is tied
    /// (<c>scale_decoder_outputs</c>).
    /// </summary>
    public bool ScaledOutput { get => _scaledOutput ?? TiedOutput; init => _scaledOutput = value; }

    /// <summary>Id before every text that the decoder generates; null means the padding id (<c>decoder_start_token_id</c>).</summary>
    public int? DecoderStartId { get; init; }

    private readonly bool? _scaledOutput;

    /// <summary>60,506,624 parameters.</summary>
    public static T5Config Small { get; } = new() { Layers = 6, Width = 512, Heads = 8, InnerWidth = 2048, PaddingId = 0, EndId = 1 };

    /// <summary>222,903,552 parameters.</summary>
    public static T5Config Base { get; } = Small with { Layers = 12, Width = 768, Heads = 12, InnerWidth = 3072 };

    /// <summary>737,668,096 parameters.</summary>
    public static T5Config Large { get; } = Small with { Layers = 24, Width = 1024, Heads = 16, InnerWidth = 4096 };

    /// <summary>2,851,598,336 parameters.</summary>
    public static T5Config ThreeBillion { get; } = Small with { Layers = 24, Width = 1024, Heads = 32, HeadWidth = 128, InnerWidth = 16384 };

    /// <summary>11,307,321,344 parameters.</summary>
    public static T5Config ElevenBillion { get; } = Small with { Layers = 24, Width = 1024, Heads = 128, HeadWidth = 128, InnerWidth = 65536 };

    /// <inheritdoc/>
    public override void Validate()
    {
        if (EncoderLayers > 10_000)
            throw new ConfigException($"t5: the encoder has {EncoderLayers} layers (num_layers); at most 10,000 are accepted.");
        if ((long)Heads * HeadWidth > ConfigReader.MaximumSize)
            throw new ConfigException($"t5: {Heads} heads (num_heads) of width {HeadWidth} (d_kv) are more than "
                + $"{ConfigReader.MaximumSize} columns.");
        if (DistanceBuckets < 4)
            throw new ConfigException($"t5: relative_attention_num_buckets is {DistanceBuckets}; at least 4 are needed, "
                + "half of them for keys after the query.");
        if (FarthestDistance <= DistanceBuckets / 2)
            throw new ConfigException($"t5: relative_attention_max_distance is {FarthestDistance}; "
                + $"it must be above half of the {DistanceBuckets} buckets (relative_attention_num_buckets), "
                + "as each of the first half holds one distance.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => T5ConfigFile.Write(this);
}
