using System.Globalization;
using System.Text;

namespace Heed.Training.Data;

/// <summary>How long texts are.</summary>
/// <param name="Shortest">The shortest.</param>
/// <param name="Median">Half are no longer.</param>
/// <param name="Percentile95">95 % are no longer.</param>
/// <param name="Percentile995">99.5 % are no longer.</param>
/// <param name="Longest">The longest.</param>
/// <param name="Mean">The mean.</param>
public sealed record LengthSummary(int Shortest, int Median, int Percentile95, int Percentile995, int Longest, double Mean)
{
    /// <summary>Summarises lengths, one or more.</summary>
    internal static LengthSummary Of(IEnumerable<int> lengths)
    {
        int[] sorted = [.. lengths.Order()];
        return new LengthSummary(sorted[0], At(0.5), At(0.95), At(0.995), sorted[^1], sorted.Average());

        int At(double share) => sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }

    /// <inheritdoc/>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture,
            $"{Shortest} to {Longest}, median {Median}, 95 % up to {Percentile95}, 99.5 % up to {Percentile995}");
}

/// <summary>What training data holds, and what about it may mislead. Nothing in it is dropped or cut: it is counted and named.</summary>
public sealed record DataReport
{
    /// <summary>Classes with fewer examples than this are named.</summary>
    public const int FewExamples = 8;

    private const int Shown = 5;

    /// <summary>Number of examples.</summary>
    public required int Examples { get; init; }

    /// <summary>Examples, tags or spans of each label, in ordinal order; empty without labels.</summary>
    public required IReadOnlyDictionary<string, long> Labels { get; init; }

    /// <summary>Labels with fewer than <see cref="FewExamples"/> examples.</summary>
    public required IReadOnlyList<string> RareLabels { get; init; }

    /// <summary>Lengths of texts in UTF-16 units.</summary>
    public required LengthSummary Characters { get; init; }

    /// <summary>Lengths of texts in tokens; null without a counter.</summary>
    public required LengthSummary? Tokens { get; init; }

    /// <summary>Examples whose text stood before with the same label, with the place of the first.</summary>
    public required IReadOnlyList<DataFault> Duplicates { get; init; }

    /// <summary>Examples whose text stood before with another label.</summary>
    public required IReadOnlyList<DataFault> Contradictions { get; init; }

    /// <summary>Examples of the dev data whose text is in the training data.</summary>
    public required IReadOnlyList<DataFault> Overlap { get; init; }

    /// <summary>Lines that were left out.</summary>
    public required IReadOnlyList<DataFault> Faults { get; init; }

    /// <summary>What was taken for what.</summary>
    public required IReadOnlyList<string> Statements { get; init; }

    /// <summary>A report of classification data.</summary>
    /// <param name="data">The data to learn from.</param>
    /// <param name="dev">The data to evaluate on, to be looked through for texts of <paramref name="data"/>; null if there is none.</param>
    /// <param name="countTokens">Gives a text's length in tokens; null leaves these lengths out.</param>
    public static DataReport Of(ClassificationSet data, ClassificationSet? dev = null, Func<string, int>? countTokens = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        return Of(data, dev, e => e.Place, TextKey.Text, e => data.Kind == LabelKind.Regression ? FormattableString.Invariant($"{e.Value}")
            : string.Join(", ", e.Labels), e => e.Labels, countTokens);
    }

    /// <summary>A report of tagged sentences: <see cref="Labels"/> counts tags.</summary>
    public static DataReport Of(ExampleSet<TaggedExample> data, ExampleSet<TaggedExample>? dev = null, Func<string,
        int>? countTokens = null)
        => Of(data, dev, e => e.Place, e => string.Join(' ', e.Words), e => string.Join(' ', e.Tags), e => e.Tags, countTokens);

    /// <summary>A report of texts with labelled parts: <see cref="Labels"/> counts parts.</summary>
    public static DataReport Of(ExampleSet<SpanExample> data, ExampleSet<SpanExample>? dev = null, Func<string, int>? countTokens = null)
        => Of(data, dev, e => e.Place, e => e.Text, e => string.Join(' ', e.Spans), e => e.Spans.Select(s => s.Label), countTokens);

    /// <summary>
    /// A report of questions: lengths are those of contexts, <see cref="Labels"/> counts questions with and without an
    /// answer.
    /// </summary>
    public static DataReport Of(ExampleSet<QuestionExample> data, ExampleSet<QuestionExample>? dev = null, Func<string,
        int>? countTokens = null)
        => Of(data, dev, e => e.Place, e => $"{e.Question}\n{e.Context}", e => string.Join(' ', e.Answers),
            e => [e.Answers.Count > 0 ? "answer" : "no answer"], countTokens, e => e.Context);

    /// <summary>A report of texts and what they become: lengths are those of the source texts.</summary>
    public static DataReport Of(ExampleSet<RewritingExample> data, ExampleSet<RewritingExample>? dev = null, Func<string,
        int>? countTokens = null)
        => Of(data, dev, e => e.Place, e => e.Source, e => e.Target, _ => [], countTokens);

    /// <summary>A report of similar texts: lengths are those of the first texts.</summary>
    public static DataReport Of(SimilaritySet data, SimilaritySet? dev = null, Func<string, int>? countTokens = null)
        => Of(data, dev, e => e.Place, e => $"{e.First}\n{e.Second}", e => e.Class ?? FormattableString.Invariant($"{e.Score}"),
            e => e.Class is { } name ? [name] : data.Kind == SimilarityKind.Labels ? [FormattableString.Invariant($"{e.Score}")] : [], countTokens, e => e.First);

    /// <summary>A report of conversations: lengths are those of their JSON.</summary>
    public static DataReport Of(ExampleSet<ChatExample> data, ExampleSet<ChatExample>? dev = null, Func<string, int>? countTokens = null)
        => Of(data, dev, e => e.Place, e => e.Messages.GetRawText(), _ => "", _ => [], countTokens);

    /// <summary>The report as lines of text.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (string statement in Statements) text.Append(statement).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"{Printable.Counted(Examples, "example")}; characters: {Characters}\n");
        if (Tokens is { } tokens) text.Append(CultureInfo.InvariantCulture, $"tokens: {tokens}\n");
        if (Labels.Count > 0) text.Append("labels: ").AppendJoin(", ",
            Labels.Select(l => string.Create(CultureInfo.InvariantCulture, $"{l.Key} {l.Value:N0}"))).Append('\n');
        if (RareLabels.Count > 0) text.Append(CultureInfo.InvariantCulture,
            $"fewer than {FewExamples} examples: {string.Join(", ", RareLabels)}; little can be learned of these\n");
        Append(Duplicates, "text stands twice with the same label", "texts stand twice with the same label");
        Append(Contradictions, "text stands twice with different labels", "texts stand twice with different labels");
        Append(Overlap, "dev text is in the training data: the dev measure will flatter",
            "dev texts are in the training data: the dev measure will flatter");
        Append(Faults, "line was left out", "lines were left out");
        return Printable.Escape(text.ToString());

        void Append(IReadOnlyList<DataFault> places, string one, string many)
        {
            if (places.Count == 0) return;
            text.Append(CultureInfo.InvariantCulture, $"{Printable.Counted(places.Count, one, many)}:\n");
            foreach (DataFault place in places.Take(Shown)) text.Append("  ").Append(place).Append('\n');
            if (places.Count > Shown) text.Append(CultureInfo.InvariantCulture, $"  … and {places.Count - Shown:N0} more\n");
        }
    }

    private static DataReport Of<T>(ExampleSet<T> data, ExampleSet<T>? dev, Func<T, DataPlace> place, Func<T, string> text, Func<T,
        string> answer, Func<T, IEnumerable<string>> labels,
        Func<string, int>? countTokens, Func<T, string>? measured = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        measured ??= text;
        SortedDictionary<string, long> counts = new(StringComparer.Ordinal);
        Dictionary<string, T> first = new(StringComparer.Ordinal);
        List<DataFault> duplicates = [], contradictions = [], overlap = [];
        foreach (T example in data.Examples)
        {
            foreach (string label in labels(example)) counts[label] = counts.GetValueOrDefault(label) + 1;
            if (first.TryAdd(TextKey.Of(text(example)), example)) continue;
            T before = first[TextKey.Of(text(example))];
            if (answer(before) == answer(example)) duplicates.Add(new DataFault(place(example), $"as {place(before)}"));
            else contradictions.Add(new DataFault(place(example),
                $"'{Printable.Shorten(answer(example), 60)}', at {place(before)} '{Printable.Shorten(answer(before), 60)}'"));
        }

        foreach (T example in dev?.Examples ?? [])
            if (first.TryGetValue(TextKey.Of(text(example)), out T? same)) overlap.Add(new DataFault(place(example), $"as {place(same)}"));
        return new DataReport
        {
            Examples = data.Examples.Count,
            Labels = counts,
            RareLabels = [.. counts.Where(c => c.Value < FewExamples).Select(c => c.Key)],
            Characters = LengthSummary.Of(data.Examples.Select(e => measured(e).Length)),
            Tokens = countTokens is null ? null : LengthSummary.Of(data.Examples.Select(e => countTokens(measured(e)))),
            Duplicates = duplicates,
            Contradictions = contradictions,
            Overlap = overlap,
            Faults = data.Faults,
            Statements = data.Statements,
        };
    }
}
