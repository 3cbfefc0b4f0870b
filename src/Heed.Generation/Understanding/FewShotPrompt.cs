using Heed.Engine.Kernels;

namespace Heed.Generation.Understanding;

/// <summary>The beginning of a prompt: labelled examples, as Brown et al. 2020 (arXiv:2005.14165, §2) show them.</summary>
internal static class FewShotPrompt
{
    private const ulong ChoiceStream = 0xFE75_407A, OrderStream = 0xFE75_407B, LabelStream = 0xFE75_407C;

    /// <summary>The examples as the prompt has them before the text that is asked for; empty for none.</summary>
    public static string Of(IEnumerable<LabelledText> examples, FewShotOptions options)
        => string.Concat(examples.Select(e
            => $"{options.Template.Replace("{text}", e.Text, StringComparison.Ordinal)} {e.Label}{options.Separator}"));

    /// <summary>As many examples of each label, by lot, in an order by lot.</summary>
    /// <param name="pool">All examples.</param>
    /// <param name="labels">The labels; examples of others are not taken.</param>
    /// <param name="perLabel">Examples of each label.</param>
    /// <param name="seed">Decides which, and their order.</param>
    /// <exception cref="InputException">A label has fewer.</exception>
    public static LabelledText[] PerLabel(IReadOnlyList<LabelledText> pool, IReadOnlyList<string> labels, int perLabel, ulong seed)
    {
        List<LabelledText> chosen = [];
        foreach (string label in labels)
        {
            LabelledText[] ofLabel = [.. pool.Where(e => e.Label == label)];
            if (ofLabel.Length < perLabel)
                throw new InputException($"The examples have {ofLabel.Length} of the label '{Printable.Shorten(label, 40)}', and "
                    + $"{perLabel} of each are asked for. Take fewer, or add examples.");
            chosen.AddRange(Shuffled(ofLabel, seed, ChoiceStream).Take(perLabel));
        }

        return Shuffled(chosen, seed, OrderStream);
    }

    /// <summary>Some examples by lot, in an order by lot.</summary>
    /// <exception cref="InputException">There are fewer.</exception>
    public static LabelledText[] InAll(IReadOnlyList<LabelledText> pool, int count, ulong seed)
        => pool.Count >= count ? Shuffled(pool, seed, ChoiceStream)[..count]
            : throw new InputException($"There are {pool.Count} examples, and {count} are asked for. Take fewer, or add examples.");

    /// <summary>The examples with their labels exchanged by lot: each label as often as before.</summary>
    /// <remarks>What is left of the accuracy is not learned from the labels (Min et al. 2022, arXiv:2202.12837).</remarks>
    public static LabelledText[] WithShuffledLabels(LabelledText[] examples, ulong seed)
    {
        string[] labels = [.. Shuffled(examples, seed, LabelStream).Select(e => e.Label)];
        return [.. examples.Select((e, i) => e with { Label = labels[i] })];
    }

    private static LabelledText[] Shuffled(IReadOnlyList<LabelledText> examples, ulong seed, ulong stream)
    {
        CounterRandom random = new(seed, stream);
        return [.. examples.Select((e, i) => (Example: e, Key: random.Block((ulong)i).A, Place: i)).OrderBy(e => e.Key).ThenBy(e => e.Place)
            .Select(e => e.Example)];
    }
}
