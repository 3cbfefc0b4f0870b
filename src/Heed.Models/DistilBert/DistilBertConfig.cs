using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models.DistilBert;

/// <summary>Sizes and settings of a DistilBERT (Sanh et al. 2019, arXiv:1910.01108).</summary>
public sealed record DistilBertConfig : ModelConfig
{
    /// <summary>Added to the variance in norms: fixed by the architecture.</summary>
    public const float NormEpsilon = 1e-12f;

    /// <inheritdoc/>
    public override string ModelType => "distilbert";

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 30522;

    /// <inheritdoc/>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>n_layers</c>.</remarks>
    public override required int Layers { get; init; }

    /// <summary>H, heads of attention (<c>n_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>F, width inside the feed-forward part; 0 means 4·D (<c>hidden_dim</c>).</summary>
    public int InnerWidth { get => field == 0 ? 4 * Width : field; init; }

    /// <summary>Rows of the position table (<c>max_position_embeddings</c>).</summary>
    public int PositionRows { get; init; } = 512;

    /// <inheritdoc/>
    public override int MaximumLength => PositionRows;

    /// <summary>True where positions are sines and cosines that are not trained (<c>sinusoidal_pos_embds</c>).</summary>
    public bool SinusoidalPositions { get; init; }

    /// <summary>Activation of the feed-forward part and of the masked-token head (<c>activation</c>).</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Probability of dropout on embeddings and after the feed-forward part (<c>dropout</c>).</summary>
    public float Dropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout on attention weights (<c>attention_dropout</c>).</summary>
    public float AttentionDropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout before the scores of answers' ends (<c>qa_dropout</c>).</summary>
    public float AnswerDropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout before a text's classifier (<c>seq_classif_dropout</c>).</summary>
    public float ClassifierDropout { get; init; } = 0.2f;

    /// <summary>66,362,880 parameters, 66,985,530 with the masked-token head.</summary>
    public static DistilBertConfig Base { get; } = new() { Layers = 6, Heads = 12, Width = 768, PaddingId = 0 };

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"distilbert: the width {Width} (dim) is not a multiple of the {Heads} heads (n_heads). "
                + "Choose other heads or another width.");
        if (PaddingId is { } id && (id < 0 || id >= Vocabulary))
            throw new ConfigException($"distilbert: the padding id {id} (pad_token_id) is not in the vocabulary of {Vocabulary} "
                + "(vocab_size).");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["model_type"] = ModelType,
        ["activation"] = ConfigWords.Name(Activation),
        ["attention_dropout"] = ConfigWords.Number(AttentionDropout),
        ["bos_token_id"] = BeginId,
        ["dim"] = Width,
        ["dropout"] = ConfigWords.Number(Dropout),
        ["eos_token_id"] = EndId,
        ["hidden_dim"] = InnerWidth,
        ["initializer_range"] = ConfigWords.Number(InitialDeviation),
        ["max_position_embeddings"] = PositionRows,
        ["n_heads"] = Heads,
        ["n_layers"] = Layers,
        ["pad_token_id"] = PaddingId,
        ["qa_dropout"] = ConfigWords.Number(AnswerDropout),
        ["seq_classif_dropout"] = ConfigWords.Number(ClassifierDropout),
        ["sinusoidal_pos_embds"] = SinusoidalPositions,
        ["tie_word_embeddings"] = TiedOutput,
        ["vocab_size"] = Vocabulary,
    };

    internal static DistilBertConfig Read(ConfigReader file)
    {
        file = file.WithNames(("dim", "hidden_size"), ("n_heads", "num_attention_heads"), ("n_layers", "num_hidden_layers"));
        int width = file.Size("dim", 768, 1);
        return new DistilBertConfig
        {
            Vocabulary = file.Size("vocab_size", 30522, 1),
            Width = width,
            Layers = file.Size("n_layers", 6, 1),
            Heads = file.Size("n_heads", 12, 1),
            InnerWidth = file.Size("hidden_dim", 3072, 1),
            PositionRows = file.Size("max_position_embeddings", 512, 1),
            SinusoidalPositions = file.Flag("sinusoidal_pos_embds", false),
            Activation = ConfigWords.Activation(file, "activation", "gelu"),
            Dropout = (float)file.Number("dropout", 0.1, 0, 0.999),
            AttentionDropout = (float)file.Number("attention_dropout", 0.1, 0, 0.999),
            AnswerDropout = (float)file.Number("qa_dropout", 0.1, 0, 0.999),
            ClassifierDropout = (float)file.Number("seq_classif_dropout", 0.2, 0, 0.999),
            InitialDeviation = (float)file.Number("initializer_range", 0.02, 0, 10),
            TiedOutput = file.Flag("tie_word_embeddings", true),
            PaddingId = file.OptionalId("pad_token_id", 0),
            BeginId = file.OptionalId("bos_token_id"),
            EndId = file.OptionalId("eos_token_id"),
            Labels = ConfigWords.Labels(file),
            ClassificationKind = ConfigWords.Kind(file),
        };
    }
}
