using System.Text.Json.Nodes;
using Heed.Engine.Kernels;

namespace Heed.Models.Bert;

/// <summary>Sizes and settings of a BERT (Devlin et al. 2019, §3).</summary>
public record BertConfig : ModelConfig
{
    /// <inheritdoc/>
    public override string ModelType => "bert";

    /// <inheritdoc/>
    /// <remarks><c>vocab_size</c>.</remarks>
    public override int Vocabulary { get; init; } = 30522;

    /// <inheritdoc/>
    /// <remarks><c>hidden_size</c>.</remarks>
    public override required int Width { get; init; }

    /// <inheritdoc/>
    /// <remarks><c>num_hidden_layers</c>.</remarks>
    public override required int Layers { get; init; }

    /// <summary>H, heads of attention (<c>num_attention_heads</c>).</summary>
    public required int Heads { get; init; }

    /// <summary>F, width inside the feed-forward part; 0 means 4·D (<c>intermediate_size</c>).</summary>
    public int InnerWidth { get => field == 0 ? 4 * Width : field; init; }

    /// <summary>Rows of the position table (<c>max_position_embeddings</c>).</summary>
    public int PositionRows { get; init; } = 512;

    /// <inheritdoc/>
    public override int MaximumLength => PositionRows;

    /// <summary>Number of segments; 0: there is no table of them (<c>type_vocab_size</c>).</summary>
    public int Segments { get; init; } = 2;

    /// <summary>Added to the variance in norms (<c>layer_norm_eps</c>).</summary>
    public float NormEpsilon { get; init; } = 1e-12f;

    /// <summary>Activation of the feed-forward part and of the masked-token head (<c>hidden_act</c>).</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Probability of dropout on embeddings and on what is added to the residual stream (<c>hidden_dropout_prob</c>).</summary>
    public float Dropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout on attention weights (<c>attention_probs_dropout_prob</c>).</summary>
    public float AttentionDropout { get; init; } = 0.1f;

    /// <summary>Probability of dropout before a classifier; null: <see cref="Dropout"/> (<c>classifier_dropout</c>).</summary>
    public float? ClassifierDropout { get; init; }

    /// <summary>Prefix of the stack's keys in a model with a head.</summary>
    internal virtual string Prefix => "bert";

    /// <summary>True where positions count the tokens that are not padding, from the padding id + 1.</summary>
    internal virtual bool PositionsSkipPadding => false;

    /// <summary>The row of padding in the tables of tokens and of positions that count tokens.</summary>
    internal virtual int? TablePadding => PaddingId;

    /// <summary>Width of the tables; where it is not D, a layer makes rows of D from theirs (ELECTRA).</summary>
    internal virtual int TableWidth => Width;

    /// <summary>True where positions have a table that is added to the tokens.</summary>
    internal virtual bool HasPositionTable => true;

    /// <summary>Buckets of the distances whose biases all layers share; 0: no such biases.</summary>
    internal virtual int DistanceBuckets => 0;

    /// <summary>109,482,240 parameters with the pooler, 110,106,428 with the heads of pre-training.</summary>
    public static BertConfig Base { get; } = new() { Layers = 12, Heads = 12, Width = 768, PaddingId = 0 };

    /// <summary>335,141,888 parameters with the pooler.</summary>
    public static BertConfig Large { get; } = new() { Layers = 24, Heads = 16, Width = 1024, PaddingId = 0 };

    /// <inheritdoc/>
    public override void Validate()
    {
        if (Width % Heads != 0)
            throw new ConfigException($"{ModelType}: the width {Width} (hidden_size) is not a multiple of the {Heads} heads "
                + "(num_attention_heads). Choose other heads or another width.");
        if (PaddingId is { } id && id >= Vocabulary)
            throw new ConfigException($"{ModelType}: the padding id {id} (pad_token_id) is not in the vocabulary of {Vocabulary} "
                + "(vocab_size).");
        if (PaddingId < 0)
            throw new ConfigException($"{ModelType}: the padding id {PaddingId} (pad_token_id) is negative; "
                + "it is an id of the vocabulary or null.");
        if (MaximumLength < 1)
            throw new ConfigException($"{ModelType}: {PositionRows} positions (max_position_embeddings) leave none for tokens; "
                + "RoBERTa's begin after the padding id.");
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => BertConfigFile.Write(this);
}

/// <summary>RoBERTa and the models that are RoBERTas but for their vocabulary or a few switches, by <c>model_type</c>.</summary>
public enum RobertaKind
{
    /// <summary>RoBERTa (Liu et al. 2019, arXiv:1907.11692).</summary>
    Roberta,

    /// <summary>XLM-RoBERTa: a hundred languages (Conneau et al. 2020, arXiv:1911.02116).</summary>
    XlmRoberta,

    /// <summary>CamemBERT: French (Martin et al. 2020, arXiv:1911.03894).</summary>
    Camembert,

    /// <summary>MPNet: no segments, and one table of biases of distances for all layers (Song et al. 2020, arXiv:2004.09297).</summary>
    Mpnet,
}

/// <summary>Sizes and settings of a RoBERTa: a BERT without segments whose positions begin after the padding id (Liu et al. 2019,
/// arXiv:1907.11692).</summary>
public sealed record RobertaConfig : BertConfig
{
    /// <inheritdoc/>
    public override string ModelType => Kind switch { RobertaKind.XlmRoberta => "xlm-roberta", RobertaKind.Camembert => "camembert", RobertaKind.Mpnet => "mpnet", _ => "roberta" };

    /// <summary>Which of them (<c>model_type</c>).</summary>
    public RobertaKind Kind { get; init; }

    /// <inheritdoc/>
    public override int MaximumLength => PositionRows - (TablePadding ?? -1) - 1;

    internal override string Prefix => Kind == RobertaKind.Mpnet ? "mpnet" : "roberta";

    /// <summary>MPNet's is 1 whatever the file says.</summary>
    internal override int? TablePadding => Kind == RobertaKind.Mpnet ? 1 : PaddingId;

    internal override int DistanceBuckets => Kind == RobertaKind.Mpnet ? 32 : 0;

    internal override bool PositionsSkipPadding => true;

    /// <summary>124,645,632 parameters with the pooler, 124,697,433 with the masked-token head.</summary>
    public static new RobertaConfig Base { get; } = Of(12, 12, 768);

    /// <summary>355,359,744 parameters with the pooler, 355,412,057 with the masked-token head.</summary>
    public static new RobertaConfig Large { get; } = Of(24, 16, 1024);

    /// <summary>XLM-RoBERTa: 278,043,648 parameters with the pooler, 278,295,186 with the masked-token head.</summary>
    public static RobertaConfig XlmBase { get; } = Base with { Kind = RobertaKind.XlmRoberta, Vocabulary = 250002 };

    /// <summary>CamemBERT: 110,621,952 parameters with the pooler, 110,655,493 with the masked-token head.</summary>
    public static RobertaConfig CamembertBase { get; } = Base with { Kind = RobertaKind.Camembert, Vocabulary = 32005 };

    /// <summary>MPNet: 109,486,464 parameters with the pooler.</summary>
    public static RobertaConfig MpnetBase { get; } = Base with { Kind = RobertaKind.Mpnet, Vocabulary = 30527, Segments = 0 };

    private static RobertaConfig Of(int layers, int heads, int width) => new()
    {
        Layers = layers,
        Heads = heads,
        Width = width,
        Vocabulary = 50265,
        PositionRows = 514,
        Segments = 1,
        NormEpsilon = 1e-5f,
        PaddingId = 1,
        BeginId = 0,
        EndId = 2,
    };
}
