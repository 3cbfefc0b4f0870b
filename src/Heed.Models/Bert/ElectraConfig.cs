namespace Heed.Models.Bert;

/// <summary>Sizes and settings of an ELECTRA: a BERT whose tables may be narrower than its layers, trained to tell which tokens a generator
/// has replaced (Clark et al. 2020, arXiv:2003.10555).</summary>
internal sealed record ElectraConfig : BertConfig
{
    public override string ModelType => "electra";

    /// <summary>E, width of the tables (<c>embedding_size</c>); 0 means D.</summary>
    public int EmbeddingWidth { get => field == 0 ? Width : field; init; }

    internal override string Prefix => "electra";

    internal override int TableWidth => EmbeddingWidth;

    /// <summary>13,483,008 parameters without a head.</summary>
    public static ElectraConfig Small { get; } = new() { Layers = 12, Heads = 4, Width = 256, EmbeddingWidth = 128, PaddingId = 0 };

    /// <summary>108,891,648 parameters without a head.</summary>
    public static new ElectraConfig Base { get; } = new() { Layers = 12, Heads = 12, Width = 768, PaddingId = 0 };

    /// <summary>334,092,288 parameters without a head.</summary>
    public static new ElectraConfig Large { get; } = new() { Layers = 24, Heads = 16, Width = 1024, PaddingId = 0 };
}
