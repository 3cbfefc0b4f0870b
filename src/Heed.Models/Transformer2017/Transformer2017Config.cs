using System.Text.Json.Nodes;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Transformer2017;

/// <summary>Sizes and settings of the Transformer of 2017 (Vaswani et al., arXiv:1706.03762, table 3).</summary>
public sealed record Transformer2017Config : ModelConfig
{
    /// <summary>The value of <c>model_type</c>.</summary>
    internal const string Type = "transformer-2017";

    /// <inheritdoc/>
    public override string ModelType => Type;

    /// <summary>
    /// V; the paper's English–German vocabulary has about 37000 tokens, one for both languages (§5.1) (<c>vocab_size</c>).
    /// </summary>
    public override int Vocabulary { get; init; } = 37000;

    /// <inheritdoc/>
    /// <remarks><c>d_model</c>.</remarks>
    public override required int Width { get; init; }

    /// <summary>Layers of the decoder (<c>decoder_layers</c>).</summary>
    public override int Layers { get; init; } = 6;

    /// <summary>Layers of the encoder; 0 means as many as the decoder has (<c>encoder_layers</c>).</summary>
    public int EncoderLayers { get => field == 0 ? Layers : field; init; }

    /// <summary>H, heads of attention (<c>num_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>F, width inside the feed-forward parts; 0 means 4·D (<c>d_ff</c>).</summary>
    public int InnerWidth { get => field == 0 ? 4 * Width : field; init; }

    /// <summary>Sines have no table: any length runs.</summary>
    public override int MaximumLength => int.MaxValue;

    /// <summary>Activation of the feed-forward parts (<c>activation_function</c>).</summary>
    public Activation Activation { get; init; } = Activation.Relu;

    /// <summary>
    /// True: a norm before each part and one after each stack (Xiong et al. 2020); false: behind each part, as in the paper
    /// (<c>norm_first</c>).
    /// </summary>
    public bool NormFirst { get; init; }

    /// <summary>Added to the variance in norms (<c>layer_norm_eps</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Probability of dropout on embeddings and on what each part adds (§5.4) (<c>dropout</c>).</summary>
    public float Dropout { get; init; } = 0.1f;

    /// <summary>
    /// Share of the target's mass that is spread over the vocabulary while the model learns (§5.4); measured losses are without
    /// (<c>label_smoothing</c>).
    /// </summary>
    public float LabelSmoothing { get; init; } = 0.1f;

    /// <summary>Id before every text that the decoder generates; null means the begin id (<c>decoder_start_token_id</c>).</summary>
    public int? DecoderStartId { get; init; }

    /// <summary>A model that trains in minutes on two cores: 2 layers × 64, 4 heads.</summary>
    public static Transformer2017Config Tiny { get; } = new() { Width = 64, Layers = 2, Heads = 4, Vocabulary = 512, PaddingId = 0, BeginId = 1, EndId = 2 };

    /// <summary>63,082,496 parameters; the paper says 65M.</summary>
    public static Transformer2017Config Base { get; } = new() { Width = 512, Heads = 8, InnerWidth = 2048, PaddingId = 0, BeginId = 1, EndId = 2 };

    /// <summary>214,245,376 parameters; the paper says 213M.</summary>
    public static Transformer2017Config Big { get; } = Base with { Width = 1024, Heads = 16, InnerWidth = 4096, Dropout = 0.3f };

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"{Type}: the width {Width} (d_model) is not a multiple of the {Heads} heads (num_heads). "
                + "Choose other heads or another width.");
        if (EncoderLayers > 10_000)
            throw new ConfigException($"{Type}: the encoder has {EncoderLayers} layers (encoder_layers); at most 10,000 are accepted.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["model_type"] = Type,
        ["activation_function"] = ConfigWords.Name(Activation),
        ["bos_token_id"] = BeginId,
        ["d_ff"] = InnerWidth,
        ["d_model"] = Width,
        ["decoder_layers"] = Layers,
        ["decoder_start_token_id"] = DecoderStartId,
        ["dropout"] = ConfigWords.Number(Dropout),
        ["encoder_layers"] = EncoderLayers,
        ["eos_token_id"] = EndId,
        ["is_encoder_decoder"] = true,
        ["label_smoothing"] = ConfigWords.Number(LabelSmoothing),
        ["layer_norm_eps"] = ConfigWords.Number(NormEpsilon),
        ["norm_first"] = NormFirst,
        ["num_heads"] = Heads,
        ["pad_token_id"] = PaddingId,
        ["tie_word_embeddings"] = TiedOutput,
        ["vocab_size"] = Vocabulary,
    };

    internal static Transformer2017Config Read(ConfigReader file)
    {
        int layers = file.Size("decoder_layers", 6, 1);
        return new Transformer2017Config
        {
            Vocabulary = file.Size("vocab_size", 37000, 1),
            Width = file.Size("d_model", 512, 1),
            Layers = layers,
            EncoderLayers = file.Size("encoder_layers", layers, 1),
            Heads = file.Size("num_heads", 8, 1),
            InnerWidth = file.OptionalSize("d_ff") ?? 0,
            Activation = ConfigWords.Activation(file, "activation_function", "relu"),
            NormFirst = file.Flag("norm_first", false),
            NormEpsilon = (float)file.Number("layer_norm_eps", 1e-5, 1e-30, 1),
            Dropout = (float)file.Number("dropout", 0.1, 0, 0.999),
            LabelSmoothing = (float)file.Number("label_smoothing", 0.1, 0, 0.999),
            TiedOutput = file.Flag("tie_word_embeddings", true),
            PaddingId = file.OptionalId("pad_token_id"),
            BeginId = file.OptionalId("bos_token_id"),
            EndId = file.OptionalId("eos_token_id"),
            DecoderStartId = file.OptionalId("decoder_start_token_id"),
        };
    }

    /// <summary>What the layers are.</summary>
    internal TransformerConfig Parts => new()
    {
        Width = Width,
        Heads = Heads,
        InnerWidth = InnerWidth,
        EncoderLayers = EncoderLayers,
        DecoderLayers = Layers,
        Activation = Activation,
        NormFirst = NormFirst,
        FinalNorm = NormFirst,
        NormEpsilon = NormEpsilon,
        Dropout = Dropout,
    };
}
