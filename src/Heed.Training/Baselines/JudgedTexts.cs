using Heed.Training.Data;

namespace Heed.Training.Baselines;

/// <summary>Texts with their right classes.</summary>
/// <param name="Texts">The texts.</param>
/// <param name="Labels">As many: indices of the training labels.</param>
internal sealed record JudgedTexts(IReadOnlyList<string> Texts, int[] Labels)
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="InputException">A label is none of the training data.</exception>
    public static JudgedTexts Read(string path, DataOptions options, ClassificationSet train, CancellationToken cancellationToken)
    {
        ClassificationSet set = ExampleReader.Classification(path, options with { Kind = LabelKind.Single }, cancellationToken);
        if (set.Examples.FirstOrDefault(e => !train.Labels.Contains(e.Labels[0])) is { } unknown)
            throw new InputException($"{unknown.Place}: the label '{Printable.Shorten(unknown.Labels[0])}' is none of the training data: "
                + $"{string.Join(", ", train.Labels.Take(12))}. Correct it, or add examples of it.");
        return new JudgedTexts([.. set.Examples.Select(e => e.Text)], Indices(set.Examples, train.Labels));
    }

    /// <summary>The classes of examples.</summary>
    public static int[] Indices(IEnumerable<ClassificationExample> examples, IReadOnlyList<string> labels)
    {
        List<string> known = [.. labels];
        return [.. examples.Select(e => known.IndexOf(e.Labels[0]))];
    }

    /// <summary>Share of right answers.</summary>
    public double Share(Func<string, int> predict) => Texts.Zip(Labels, (text, label) => predict(text) == label ? 1.0 : 0).Average();
}
