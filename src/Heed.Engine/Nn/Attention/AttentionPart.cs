namespace Heed.Engine.Nn;

/// <summary>One attention of a model, for those who count what it costs.</summary>
/// <param name="Site">Where hooks find it, such as <c>decoder.blocks.3.cross_attn</c>.</param>
/// <param name="Config">What it is.</param>
internal sealed record AttentionPart(string Site, AttentionConfig Config)
{
    /// <summary>True where it attends to an encoder's rows.</summary>
    public bool IsCross => Site.EndsWith("cross_attn", StringComparison.Ordinal);
}
