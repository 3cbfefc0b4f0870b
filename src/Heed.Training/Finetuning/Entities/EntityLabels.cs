using Heed.Training.Metrics;

namespace Heed.Training.Finetuning;

/// <summary>The tags of a set of texts: their order, and how they mark entities.</summary>
internal static class EntityLabels
{
    private const string Prefixes = "BIELSU";

    /// <summary>The tags in the order of a model's outputs: <c>O</c>, then type by type. Of tags in B and I each type gets both.</summary>
    public static IReadOnlyList<string> Of(IEnumerable<string> tags)
    {
        HashSet<string> found = tags.ToHashSet(StringComparer.Ordinal);
        if (Scheme(found) == EntityScheme.Iob2)
            foreach (string tag in found.ToArray())
                if (tag != EntityData.Outside) found.UnionWith(["B" + tag[1..], "I" + tag[1..]]);
        return [.. found.OrderBy(t => t != EntityData.Outside).ThenBy(t => IsOfEntity(t) ? t[2..] : t, StringComparer.Ordinal)
            .ThenBy(t => t, StringComparer.Ordinal)];
    }

    /// <summary>True if the tags mark entities; false for tags that stand for themselves, such as parts of speech.</summary>
    public static bool MarkEntities(IEnumerable<string> tags) => tags.All(t => t == EntityData.Outside || IsOfEntity(t));

    /// <summary>The strict reading of the tags; null if they have none: nothing marks a beginning, or prefixes of two schemes occur.</summary>
    public static EntityScheme? Scheme(IReadOnlyCollection<string> tags)
    {
        if (!MarkEntities(tags)) return null;
        HashSet<char> prefixes = [.. tags.Where(t => t != EntityData.Outside).Select(t => t[0])];
        return prefixes.Contains('B') && prefixes.IsSubsetOf(['B', 'I']) ? EntityScheme.Iob2
            : prefixes.Overlaps(['E', 'S']) && prefixes.IsSubsetOf(['B', 'I', 'E', 'S']) ? EntityScheme.Iobes
            : prefixes.Overlaps(['L', 'U']) && prefixes.IsSubsetOf(['B', 'I', 'L', 'U']) ? EntityScheme.Bilou
            : null;
    }

    private static bool IsOfEntity(string tag) => tag.Length > 2 && tag[1] == '-' && Prefixes.Contains(tag[0]);
}
