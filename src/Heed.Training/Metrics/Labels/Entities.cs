namespace Heed.Training.Metrics;

/// <summary>How tags mark entities.</summary>
public enum EntityScheme
{
    /// <summary>
    /// seqeval's default, as conlleval: B, I, E and S of any scheme, read leniently; <c>I-X</c> after <c>O</c> or another type
    /// opens an entity.
    /// </summary>
    Conlleval,

    /// <summary>Strict: <c>B I*</c>.</summary>
    Iob2,

    /// <summary>Strict: <c>I* E</c>.</summary>
    Ioe2,

    /// <summary>Strict: <c>B I* E</c> or <c>S</c>.</summary>
    Iobes,

    /// <summary>Strict: <c>B I* L</c> or <c>U</c>.</summary>
    Bilou,
}

/// <summary>An entity of one sentence.</summary>
/// <param name="Type">Its type: the tag without its prefix, <c>_</c> for a bare prefix.</param>
/// <param name="Start">Its first tag.</param>
/// <param name="End">After its last tag.</param>
public readonly record struct TaggedEntity(string Type, int Start, int End);

/// <summary>What <see cref="Entities"/> found.</summary>
public sealed record EntityReport
{
    /// <summary>The score of each type that either side has, in ordinal order.</summary>
    public required IReadOnlyDictionary<string, FScore> Types { get; init; }

    /// <summary>The score of pooled counts: what papers report as F1.</summary>
    public required FScore Micro { get; init; }

    /// <summary>The mean over types; NaN if there is none.</summary>
    public required FScore Macro { get; init; }

    /// <summary>The mean over types, weighted by gold entities; 0 if there is none.</summary>
    public required FScore Weighted { get; init; }
}

/// <summary>Precision, recall and F1 of entities: right are type, first and last tag, all of one sentence.</summary>
/// <remarks>As seqeval computes them. The lenient and the strict reading of the same tags give different numbers: say which.</remarks>
public static class Entities
{
    /// <summary>Compares predicted tags with gold tags.</summary>
    /// <param name="gold">For each sentence its tags.</param>
    /// <param name="predicted">As many sentences of the same lengths.</param>
    /// <param name="scheme">How tags are read.</param>
    /// <exception cref="ArgumentException">Numbers of sentences or tags differ, or a strict scheme has no such prefix.</exception>
    public static EntityReport Evaluate(IReadOnlyList<IReadOnlyList<string>> gold, IReadOnlyList<IReadOnlyList<string>> predicted,
        EntityScheme scheme = EntityScheme.Conlleval)
    {
        ArgumentNullException.ThrowIfNull(gold);
        ArgumentNullException.ThrowIfNull(predicted);
        MetricThrow.IfLengthsDiffer(predicted.Count, gold.Count, nameof(predicted), nameof(gold));
        SortedDictionary<string, (long Right, long Predicted, long Gold)> counts = new(StringComparer.Ordinal);
        for (int i = 0; i < gold.Count; i++)
        {
            MetricThrow.IfLengthsDiffer(predicted[i].Count, gold[i].Count, $"predicted[{i}]", $"gold[{i}]");
            HashSet<TaggedEntity> right = [.. Find(gold[i], scheme)];
            foreach (TaggedEntity entity in right) Add(entity.Type, 0, 0, 1);
            foreach (TaggedEntity entity in Find(predicted[i], scheme)) Add(entity.Type, right.Contains(entity) ? 1 : 0, 1, 0);
        }

        Dictionary<string, FScore> types = counts.ToDictionary(c => c.Key, c => FScore.Of(c.Value.Right, c.Value.Predicted, c.Value.Gold),
            StringComparer.Ordinal);
        return new EntityReport
        {
            Types = types,
            Micro = FScore.Of(counts.Values.Sum(c => c.Right), counts.Values.Sum(c => c.Predicted), counts.Values.Sum(c => c.Gold)),
            Macro = FScore.Macro(types.Values),
            Weighted = FScore.Weighted(types.Values),
        };

        void Add(string type, int right, int guesses, int golds)
        {
            (long r, long p, long g) = counts.GetValueOrDefault(type);
            counts[type] = (r + right, p + guesses, g + golds);
        }
    }

    /// <summary>The entities of a sentence, in order.</summary>
    /// <exception cref="ArgumentException">A tag is empty, or a strict scheme has no such prefix.</exception>
    public static IReadOnlyList<TaggedEntity> Find(IReadOnlyList<string> tags, EntityScheme scheme = EntityScheme.Conlleval)
    {
        ArgumentNullException.ThrowIfNull(tags);
        return scheme == EntityScheme.Conlleval ? Lenient(tags) : Strict(tags, scheme);
    }

    private static List<TaggedEntity> Lenient(IReadOnlyList<string> tags)
    {
        List<TaggedEntity> found = [];
        (char prefix, string type, int start) = ('O', "", 0);
        for (int i = 0; i <= tags.Count; i++)
        {
            (char next, string nextType) = i < tags.Count ? Part(tags[i], i) : ('O', "_");
            if (Ends(prefix, next, type != nextType)) found.Add(new TaggedEntity(type, start, i));
            if (Starts(prefix, next, type != nextType)) start = i;
            (prefix, type) = (next, nextType);
        }

        return found;

        static (char, string) Part(string tag, int at)
        {
            if (tag.Length == 0) throw new ArgumentException($"tag {at} is empty; a prefix such as B or O was expected.", nameof(tags));
            int hyphen = tag.IndexOf('-', 1);
            string type = hyphen < 0 ? tag[1..] : tag[(hyphen + 1)..];
            return (tag[0], type.Length == 0 ? "_" : type);
        }

        static bool Ends(char prefix, char next, bool otherType)
            => prefix is 'E' or 'S' || (prefix is 'B' or 'I' && next is 'B' or 'S' or 'O') || (prefix is not ('O' or '.') && otherType);

        static bool Starts(char prefix, char next, bool otherType)
            => next is 'B' or 'S' || (prefix is 'E' or 'S' or 'O' && next is 'E' or 'I') || (next is not ('O' or '.') && otherType);
    }

    private static List<TaggedEntity> Strict(IReadOnlyList<string> tags, EntityScheme scheme)
    {
        // The prefix that opens an entity, that which must close it, and that of an entity of one tag; 0 for none.
        (char first, char last, char alone) = scheme switch
        {
            EntityScheme.Iob2 => ('B', '\0', '\0'),
            EntityScheme.Ioe2 => ('\0', 'E', '\0'),
            EntityScheme.Iobes => ('B', 'E', 'S'),
            EntityScheme.Bilou => ('B', 'L', 'U'),
            _ => throw new ArgumentOutOfRangeException(nameof(scheme), scheme, "is no scheme."),
        };
        (char Prefix, string Type)[] parts = [.. tags.Select(Part)];
        List<TaggedEntity> found = [];
        for (int i = 0; i < parts.Length;)
        {
            (char prefix, string type) = parts[i];
            int end = i;
            if (prefix != 'O' && prefix == alone)
            {
                end = i + 1;
            }
            else if (first == '\0' || prefix == first)
            {
                if (first != '\0') end++;
                while (end < parts.Length && parts[end] == ('I', type)) end++;
                if (last != '\0') end = end < parts.Length && parts[end] == (last, type) ? end + 1 : i;
            }

            if (end > i) found.Add(new TaggedEntity(type, i, end));
            i = Math.Max(end, i + 1);
        }

        return found;

        (char, string) Part(string tag, int at)
        {
            if (tag == "O") return ('O', "");
            if (tag.Length == 0 || (tag[0] != 'I' && tag[0] != first && tag[0] != last && tag[0] != alone))
                throw new ArgumentException($"tag {at} is '{Printable.Shorten(tag)}', which {scheme} does not have; its prefixes are {string.Join(", ", new[] { 'O', 'I', first, last, alone }.Where(c => c != '\0'))}.", nameof(tags));
            string type = tag[1..].Trim('-');
            return (tag[0], type.Length == 0 ? "_" : type);
        }
    }
}
