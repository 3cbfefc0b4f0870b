using Heed.Engine.Nn;
using Heed.Models;

namespace Heed.Explorer.Traces;

/// <summary>What a stack's positions are.</summary>
internal enum PositionKind
{
    /// <summary>Nothing is added, rotated or biased.</summary>
    None,

    /// <summary>Rows of a learned table are added to the embeddings.</summary>
    Learned,

    /// <summary>Fixed sines and cosines are added to the embeddings.</summary>
    Sinusoidal,

    /// <summary>Queries and keys are rotated.</summary>
    Rotary,

    /// <summary>A bias of the distance, fixed for each head.</summary>
    Alibi,

    /// <summary>A bias of the distance, learned in buckets.</summary>
    Relative,

    /// <summary>Scores of contents against distances (DeBERTa).</summary>
    Disentangled,
}

/// <summary>One attention of a layer.</summary>
/// <param name="Site">Where hooks find it: <c>blocks.3.attn</c>.</param>
/// <param name="Config">What it is.</param>
internal sealed record AttentionSite(string Site, AttentionConfig Config);

/// <summary>One layer of a stack.</summary>
/// <param name="Site">Where hooks find it: <c>decoder.blocks.3</c>.</param>
/// <param name="Self">Its self-attention.</param>
/// <param name="Cross">Its attention to the encoder, or null.</param>
internal sealed record LayerSite(string Site, AttentionSite Self, AttentionSite? Cross);

/// <summary>A tower of layers.</summary>
/// <param name="Name">Empty if there is one; else <c>encoder</c> or <c>decoder</c>.</param>
/// <param name="Layers">From the first.</param>
/// <param name="Positions">How the order of tokens enters.</param>
internal sealed record StackSite(string Name, IReadOnlyList<LayerSite> Layers, PositionKind Positions)
{
    /// <summary>What stands before names of this stack: empty or <c>decoder.</c>.</summary>
    public string Prefix => Name.Length == 0 ? "" : Name + ".";

    /// <summary>True where a token sees only those before it.</summary>
    public bool IsCausal => Layers.Count > 0 && Layers[0].Self.Config.Causal;
}

/// <summary>The attentions of a model, by stack and layer, as the model itself registered them.</summary>
internal sealed class ModelLayout
{
    private ModelLayout(IReadOnlyList<StackSite> stacks) => Stacks = stacks;

    /// <summary>One stack, or encoder and decoder; none of a model without attention.</summary>
    public IReadOnlyList<StackSite> Stacks { get; }

    /// <summary>The stack whose rows become scores: the last.</summary>
    public StackSite Main => Stacks[^1];

    /// <summary>Reads a model.</summary>
    public static ModelLayout Of(Model model)
    {
        List<StackSite> stacks = [];
        foreach (string name in new[] { "", "encoder", "decoder" })
        {
            List<LayerSite> layers = [];
            string prefix = name.Length == 0 ? "" : name + ".";
            while (Find(model, $"{prefix}blocks.{layers.Count}.attn") is { } self)
            {
                layers.Add(new LayerSite($"{prefix}blocks.{layers.Count}", self, Find(model, $"{prefix}blocks.{layers.Count}.cross_attn")));
            }

            if (layers.Count > 0) stacks.Add(new StackSite(name, layers, PositionsOf(model, prefix, layers[0].Self.Config)));
        }

        return new ModelLayout(stacks);
    }

    /// <summary>The stack of a name.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public StackSite Stack(string name) => Stacks.FirstOrDefault(s => s.Name == name)
        ?? throw new InputException($"stack: there is no '{Printable.Shorten(name)}'; one of "
            + $"{string.Join(", ", Stacks.Select(s => s.Name.Length == 0 ? "(empty)" : s.Name))} was expected.");

    /// <summary>The attention at a site.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public AttentionSite Attention(string site) => Stacks.SelectMany(s => s.Layers).SelectMany(l => new[] { l.Self, l.Cross })
        .FirstOrDefault(a => a?.Site == site) ?? throw new InputException($"site: there is no attention '{Printable.Shorten(site)}'.");

    private static AttentionSite? Find(Model model, string site)
        => model.Parameters.Attentions.FirstOrDefault(a => a.Site == site) is { } part ? new AttentionSite(part.Site, part.Config) : null;

    private static PositionKind PositionsOf(Model model, string prefix, AttentionConfig first) => first switch
    {
        { Rotation: not null } => PositionKind.Rotary,
        { DistanceBias: AlibiBias } => PositionKind.Alibi,
        { DistanceBias: not null } => PositionKind.Relative,
        { Disentangled: not null } => PositionKind.Disentangled,
        _ => model.Modules.Any(m => m.Site == $"{prefix}embed.position") ? PositionKind.Learned : PositionKind.Sinusoidal,
    };
}
