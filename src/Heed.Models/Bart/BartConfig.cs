using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models.Bart;

/// <summary>Sizes and settings of a BART (Lewis et al., arXiv:1910.13461, §2.1) or a Marian translation model (Junczys-Dowmunt et al.,
/// arXiv:1804.00344).</summary>
public sealed record BartConfig : ModelConfig
{
    /// <inheritdoc/>
    public override string ModelType => Marian ? "marian" : "bart";

    /// <summary>True for Marian: fixed sinusoidal positions, no norm after the embeddings (<c>model_type</c>).</summary>
    public bool Marian { get; init; }

    /// <inheritdoc/>
    public override int Vocabulary { get; init; } = 50265;

    /// <summary>Vocabulary of the decoder and the output; 0 means that of the encoder (<c>decoder_vocab_size</c>).</summary>
    public int DecoderVocabulary { get => field == 0 ? Vocabulary : field; init; }

    /// <inheritdoc/>
    /// <remarks><c>d_model</c>.</remarks>
    public override required int Width { get; init; }

    /// <summary>Layers of the decoder (<c>decoder_layers</c>).</summary>
    public override required int Layers { get; init; }

    /// <summary>Layers of the encoder; 0 means as many as the decoder has (<c>encoder_layers</c>).</summary>
    public int EncoderLayers { get => field == 0 ? Layers : field; init; }

    /// <summary>H of the decoder (<c>decoder_attention_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>H of the encoder; 0 means that of the decoder (<c>encoder_attention_heads</c>).</summary>
    public int EncoderHeads { get => field == 0 ? Heads : field; init; }

    /// <summary>F of the decoder; 0 means 4·D (<c>decoder_ffn_dim</c>).</summary>
    public int InnerWidth { get => field == 0 ? 4 * Width : field; init; }

    /// <summary>F of the encoder; 0 means that of the decoder (<c>encoder_ffn_dim</c>).</summary>
    public int EncoderInnerWidth { get => field == 0 ? InnerWidth : field; init; }

    /// <summary>Longest text of either stack, in tokens (<c>max_position_embeddings</c>).</summary>
    public int ContextLength { get; init; } = 1024;

    /// <inheritdoc/>
    public override int MaximumLength => ContextLength;

    /// <summary>Added to the variance in norms: both architectures' fixed value.</summary>
    public static float NormEpsilon => 1e-5f;

    /// <summary>Activation of the feed-forward parts (<c>activation_function</c>).</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>True where embeddings are multiplied by √D (<c>scale_embedding</c>).</summary>
    public bool ScaledEmbedding { get; init; }

    /// <summary>True where both stacks read the same token table (<c>share_encoder_decoder_embeddings</c>).</summary>
    public bool SharedTokens { get; init; } = true;

    /// <summary>Probability of dropout on embeddings and on what is added to the residual stream (<c>dropout</c>).</summary>
    public float Dropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout on attention weights (<c>attention_dropout</c>).</summary>
    public float AttentionDropout { get; init; }

    /// <summary>Probability of dropout inside the feed-forward parts (<c>activation_dropout</c>).</summary>
    public float ActivationDropout { get; init; }

    /// <summary>Probability of dropout around the layer before the classes of a classifier (<c>classifier_dropout</c>).</summary>
    public float ClassifierDropout { get; init; }

    /// <summary>
    /// Id before every text that the decoder generates; null means the end id in BART, the padding id in Marian
    /// (<c>decoder_start_token_id</c>).
    /// </summary>
    public int? DecoderStartId { get; init; }

    /// <summary>Id that a text of the maximum length ends with, or null (<c>forced_eos_token_id</c>).</summary>
    public int? ForcedEndId { get; init; }

    /// <summary>139,420,416 parameters.</summary>
    public static BartConfig Base { get; } = new() { Width = 768, Layers = 6, Heads = 12, BeginId = 0, PaddingId = 1, EndId = 2, DecoderStartId = 2, ForcedEndId = 2 };

    /// <summary>406,291,456 parameters.</summary>
    public static BartConfig Large { get; } = Base with { Width = 1024, Layers = 12, Heads = 16 };

    /// <summary>The sizes of the OPUS-MT models (Tiedemann and Thottingal 2020): the base Transformer of 2017 with SiLU.</summary>
    public static BartConfig MarianBase { get; } = new()
    {
        Marian = true,
        Vocabulary = 58101,
        Width = 512,
        Layers = 6,
        Heads = 8,
        ContextLength = 512,
        Activation = Activation.Silu,
        ScaledEmbedding = true,
        PaddingId = 58100,
        EndId = 0,
        DecoderStartId = 58100,
        ForcedEndId = 0,
    };

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"{ModelType}: the width {Width} (d_model) is not a multiple of the decoder's {Heads} heads "
                + "(decoder_attention_heads). Choose other heads or another width.");
        if (Width % EncoderHeads != 0)
            throw new ConfigException($"{ModelType}: the width {Width} (d_model) is not a multiple of the encoder's {EncoderHeads} heads "
                + "(encoder_attention_heads). Choose other heads or another width.");
        if (EncoderLayers > 10_000)
            throw new ConfigException($"{ModelType}: the encoder has {EncoderLayers} layers (encoder_layers); "
                + "at most 10,000 are accepted.");
        if (PaddingId is { } padding && (padding < 0 || padding >= Vocabulary || padding >= DecoderVocabulary))
            throw new ConfigException($"{ModelType}: the padding id is {padding} (pad_token_id); "
                + $"ids from 0 to {Math.Min(Vocabulary, DecoderVocabulary) - 1} were expected (vocab_size).");
        if (SharedTokens && DecoderVocabulary != Vocabulary)
            throw new ConfigException($"{ModelType}: the encoder has {Vocabulary} tokens (vocab_size) and the decoder "
                + $"{DecoderVocabulary} (decoder_vocab_size); they cannot share a table. Set share_encoder_decoder_embeddings to false.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => BartConfigFile.Write(this);
}
