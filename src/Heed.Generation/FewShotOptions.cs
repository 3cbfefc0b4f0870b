using Heed.Generation.Understanding;

namespace Heed.Generation;

/// <summary>How a prompt shows examples and asks for a label.</summary>
public sealed record FewShotOptions
{
    /// <summary>A text as the prompt shows it, with <c>{text}</c> for the text; its label follows after a space.</summary>
    public string Template { get; init; } = "Text: {text}\nLabel:";

    /// <summary>What stands between two examples.</summary>
    public string Separator { get; init; } = "\n\n";

    /// <summary>The labels to choose from; null: those of the examples, in ordinal order.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Texts without content whose labels correct the others' (contextual calibration); null: <c>N/A</c>, nothing,
    /// <c>[MASK]</c>; empty: no correction.</summary>
    public IReadOnlyList<string>? ContentFree { get; init; }

    /// <summary>Checks the options, and gives the labels.</summary>
    /// <exception cref="ConfigException">The template has no <c>{text}</c>, or there are fewer than two labels.</exception>
    internal IReadOnlyList<string> LabelsFor(IEnumerable<LabelledText> examples)
    {
        if (!Template.Contains("{text}", StringComparison.Ordinal))
            throw new ConfigException($"template: '{Printable.Shorten(Template)}' has no {{text}}, where the text stands.");
        IReadOnlyList<string> labels = Labels
            ?? [.. examples.Select(e => e.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (labels.Count < 2)
        {
            string found = labels.Count == 0 ? "there is none" : $"'{Printable.Shorten(labels[0])}' is the only one";
            throw new ConfigException($"labels: {found}; two or more are needed. Give examples of several, or name them.");
        }

        return labels;
    }

    /// <summary>The content-free texts.</summary>
    internal IReadOnlyList<string> Neutral => ContentFree ?? PromptClassification.ContentFree;
}
