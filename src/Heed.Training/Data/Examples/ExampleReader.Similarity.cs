namespace Heed.Training.Data;

public static partial class ExampleReader
{
    /// <summary>
    /// Reads texts whose nearness is known: two texts with a score (0 to 1, or up to 5 and then divided by 5), with a label 1 or 0, with a
    /// class by name, or alone (they belong together); <c>anchor</c>, <c>positive</c> and any columns whose names begin with
    /// <c>negative</c>; or single texts with a class, in any form that <see cref="Classification"/> reads.
    /// </summary>
    /// <param name="path">A file; of single texts with a class also a folder with a folder per class.</param>
    /// <param name="options">Settings; all deduced if null. <see cref="LabelKind.Single"/> or names of labels make classes of
    /// numbers.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no example.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static SimilaritySet Similarity(string path, DataOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        if (Directory.Exists(path) || IsFastText(path)) return WithClasses(path, options, cancellationToken);
        DataFaults faults = new();
        List<string> statements = [];
        DataRows rows = DataRows.Open(path, options, faults, statements);
        (string First, string Second)? texts = ColumnNames.Find(DataColumn.Anchor, rows, options) is { } anchor
            && ColumnNames.Find(DataColumn.Positive, rows, options) is { } positive
            ? (anchor, positive) : ColumnNames.FindPair(rows, options);
        string[] negatives = options.Columns.TryGetValue(DataColumn.Negative, out string? named) ? [named]
            : [.. rows.Columns.Where(c => ColumnNames.Plain(c).StartsWith("negativ", StringComparison.Ordinal))];
        string? score = negatives.Length > 0 ? null : ColumnNames.Find(DataColumn.Score, rows, options),
            label = negatives.Length > 0 || score is not null ? null : ColumnNames.Find(DataColumn.Label, rows, options);
        bool isCell = Path.GetExtension(path).ToLowerInvariant() is ".csv" or ".tsv" or ".tab";
        if (texts is not { } two)
        {
            if (ColumnNames.Any(DataColumn.Text, rows, options) is not null && label is not null)
                return WithClasses(path, options, cancellationToken);
            throw ColumnNames.Missing(rows, "a pair of texts, or a text with its label",
                ColumnNames.PairNames.Prepend("anchor/positive"), DataColumn.First);
        }

        if (label is not null && (options.Kind == LabelKind.Single || options.LabelNames is not null || IsName(rows, label, isCell)))
            return WithClasses(path, options, cancellationToken);
        score ??= label;
        List<SimilarityExample> examples = ReadRows(rows, row =>
        {
            if (TextOf(row, two.First, faults) is not { } one || TextOf(row, two.Second, faults) is not { } other) return null;
            List<string> far = [];
            foreach (string column in negatives)
            {
                if (TextOf(row, column, faults) is not { } text) return null;
                far.Add(text);
            }

            double value = double.NaN;
            if (score is not null && (!Number(new Raw(row.Place, one, null, row.Fields.GetValueOrDefault(score), isCell), out value)
                || value is < 0 or > 5))
            {
                faults.Add(row.Place,
                    $"'{score}' is {Describe(row.Fields.GetValueOrDefault(score))}; a number from 0 to 1, or from 0 to 5, was expected");
                return null;
            }

            return new SimilarityExample(row.Place, one, other, far, value);
        }, cancellationToken);
        CheckAny(path, examples.Count, faults, options);
        SimilarityKind kind = negatives.Length > 0 ? SimilarityKind.Triplets : score is null ? SimilarityKind.Pairs
            : examples.TrueForAll(e => e.Score is 0 or 1) ? SimilarityKind.Labels : SimilarityKind.Scores;
        string scale = kind == SimilarityKind.Labels ? " (1 or 0)" : " from 0 to 1";
        if (examples.Exists(e => e.Score > 1))
        {
            examples = examples.ConvertAll(e => e with { Score = e.Score / 5 });
            scale = " from 0 to 5, divided by 5";
        }

        string farTexts = negatives.Length == 0 ? "" : $", far ones {string.Join(", ", negatives.Select(n => $"'{n}'"))}";
        string nearness = score is null ? "" : $", similarity is '{score}'{scale}";
        statements.Add($"{path}: texts are '{two.First}' and '{two.Second}'{farTexts}{nearness}");
        return new SimilaritySet { Examples = examples, Statements = statements, Faults = faults.All, Kind = kind };
    }

    /// <summary>True if a column's first value is no number.</summary>
    private static bool IsName(DataRows rows, string column, bool isCell) => rows.Rows.FirstOrDefault() is { } first
        && first.Fields.GetValueOrDefault(column) is string text
        && !Number(new Raw(first.Place, "", null, text, isCell), out _);

    /// <summary>Texts, or pairs of texts, with one class each.</summary>
    private static SimilaritySet WithClasses(string path, DataOptions options, CancellationToken cancellationToken)
    {
        ClassificationSet read = Classification(path, options with { Kind = LabelKind.Single }, cancellationToken);
        return new SimilaritySet
        {
            Examples = [.. read.Examples.Select(e => new SimilarityExample(e.Place, e.Text, e.Second ?? "", [], double.NaN)
            {
                Class = e.Labels[0],
            })],
            Statements = read.Statements,
            Faults = read.Faults,
            Kind = read.Examples[0].Second is null ? SimilarityKind.Classes : SimilarityKind.PairClasses,
            Classes = read.Labels,
        };
    }
}
