using Heed.Engine.Kernels;

namespace Heed.Models.Bert;

/// <summary>Sizes and settings of a DeBERTa of the second or third version: a BERT whose attention holds contents against distances (He et
/// al. 2021, arXiv:2006.03654; the third version: arXiv:2111.09543).</summary>
internal sealed record DebertaConfig : BertConfig
{
    public override string ModelType => "deberta-v2";

    /// <summary>Without a table of positions longer inputs run, at the user's risk.</summary>
    public override int MaximumLength => AddsPositions ? PositionRows : int.MaxValue;

    public override int TrainedLength => PositionRows;

    internal override string Prefix => "deberta";

    internal override bool HasPositionTable => AddsPositions;

    /// <summary>True where positions are added to the embeddings too (<c>position_biased_input</c>).</summary>
    public bool AddsPositions { get; init; }

    /// <summary>True where attention knows distances (<c>relative_attention</c>).</summary>
    public bool RelativeAttention { get; init; } = true;

    /// <summary>Greatest distance that is told from greater ones (<c>max_relative_positions</c>); 0: the number of positions.</summary>
    public int FarthestDistance { get => field == 0 ? PositionRows : field; init; }

    /// <summary>Buckets of distances on either side; 0: each distance has a row (<c>position_buckets</c>).</summary>
    public int Buckets { get; init; }

    /// <summary>True where queries are held against distances (<c>c2p</c> in <c>pos_att_type</c>).</summary>
    public bool ContentToPosition { get; init; } = true;

    /// <summary>True where keys are (<c>p2c</c> in <c>pos_att_type</c>).</summary>
    public bool PositionToContent { get; init; } = true;

    /// <summary>True where distances pass through the projections of keys and queries (<c>share_att_key</c>).</summary>
    public bool SharedProjections { get; init; } = true;

    /// <summary>True where the rows of distances have a norm (<c>norm_rel_ebd</c>).</summary>
    public bool NormedDistances { get; init; } = true;

    /// <summary>True where the masked-token head lies as BERT's, false where as the published weights of the third version have it
    /// (<c>legacy</c>).</summary>
    public bool LegacyHead { get; init; } = true;

    /// <summary>Activation of the classifier's first layer (<c>pooler_hidden_act</c>).</summary>
    public Activation PoolerActivation { get; init; } = Activation.Gelu;

    /// <summary>Probability of dropout before that layer (<c>pooler_dropout</c>).</summary>
    public float PoolerDropout { get; init; }

    /// <summary>The third version, extra small: 70,682,112 parameters without a head.</summary>
    public static DebertaConfig ExtraSmall { get; } = Third(12, 6, 384);

    /// <summary>The third version, small: 141,304,320 parameters without a head.</summary>
    public static DebertaConfig Small { get; } = Third(6, 12, 768);

    /// <summary>The third version, base: 183,831,552 parameters without a head.</summary>
    public static new DebertaConfig Base { get; } = Third(12, 12, 768);

    /// <summary>Number of the two kinds above.</summary>
    internal int PositionKinds => (ContentToPosition ? 1 : 0) + (PositionToContent ? 1 : 0);

    /// <summary>Rows of distances on either side.</summary>
    internal int Span => Buckets > 0 ? Buckets : FarthestDistance;

    public override void Validate()
    {
        base.Validate();
        if (Buckets > 0 && (Buckets < 2 || FarthestDistance - 1 <= Buckets / 2))
        {
            throw new ConfigException(
                $"{ModelType}: {Buckets} buckets (position_buckets) do not fit distances to {FarthestDistance} (max_relative_positions): "
                + "there are at least 2, and half of them are fewer than the distances.");
        }
    }

    private static DebertaConfig Third(int layers, int heads, int width) => new()
    {
        Layers = layers,
        Heads = heads,
        Width = width,
        Vocabulary = 128100,
        Segments = 0,
        NormEpsilon = 1e-7f,
        Buckets = 256,
        PaddingId = 0,
        LegacyHead = false,
    };
}
