using Heed.Engine.Nn;

namespace Heed.Training.Symptoms;

/// <summary>Layers that no gradient reaches: each value of it is zero, or there is none.</summary>
internal static class UnreachedLayers
{
    /// <summary>The rule's name.</summary>
    public const string Rule = "unreached-layer";

    /// <summary>Looks at the gradients of a step before they are cleared.</summary>
    /// <param name="parameters">All of the model; frozen ones and those that a step may leave unused are passed over.</param>
    /// <returns>A finding for all layers together; null where each is reached, and where none is: the loss of the batch is then at its
    /// floor.</returns>
    public static Finding? Of(ParameterSet parameters)
        => Of(parameters.Where(p => p.NeedsGradient && !(p.MayBeUnused && p.Gradient is null))
            .Select(p => (parameters.SiteOf(p), p.Gradient is { } g && g.Span.ContainsAnyExcept(0f))));

    /// <summary>A finding from what is known of each parameter.</summary>
    /// <param name="parameters">Name by the words of hooks, and whether a gradient was seen that is not zero.</param>
    public static Finding? Of(IEnumerable<(string Site, bool IsReached)> parameters)
    {
        Dictionary<string, bool> layers = new(StringComparer.Ordinal);
        foreach ((string site, bool isReached) in parameters)
        {
            string layer = LayerOf(site);
            layers[layer] = isReached || layers.GetValueOrDefault(layer);
        }

        string[] unreached = [.. layers.Where(l => !l.Value).Select(l => l.Key)];
        if (unreached.Length == 0 || unreached.Length == layers.Count) return null;
        string named = string.Join(", ", unreached.Take(4)) + (unreached.Length > 4 ? ", …" : "");
        return new Finding(Rule, named, FormattableString.Invariant(
                $"every gradient of {unreached.Length} of {layers.Count} layers is zero, while the others learn"),
            "These weights stay what they were: the way of the loss to them is cut, or they take no part in it.",
            "Do not build a Variable from x.Value between layers; freeze what is not to learn: model.Parameters.Freeze(\""
                + unreached[0] + "\").");
    }

    /// <summary>The layer of a parameter: <c>blocks.3</c> of <c>blocks.3.attn.q.weight</c>, <c>embed</c> of <c>embed.weight</c>.</summary>
    private static string LayerOf(string site)
    {
        string[] words = site.Split('.');
        int blocks = Array.IndexOf(words, "blocks");
        return blocks >= 0 && blocks + 1 < words.Length ? string.Join('.', words[..(blocks + 2)])
            : words.Length > 1 ? string.Join('.', words[..^1]) : site;
    }
}
