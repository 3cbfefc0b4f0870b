namespace Heed.Training.Data;

/// <summary>A text that something is to be predicted for.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Text">The text; a question.</param>
/// <param name="Second">The second text of a pair, a question's context, or null.</param>
internal sealed record InputExample(DataPlace Place, string Text, string? Second);

/// <summary>What <see cref="ExampleReader.Inputs"/> looks for.</summary>
internal enum InputKind
{
    /// <summary>Texts or pairs of texts.</summary>
    Texts,

    /// <summary>Questions with their contexts.</summary>
    Questions,

    /// <summary>Texts to translate or summarise.</summary>
    Sources,
}

public static partial class ExampleReader
{
    /// <summary>Reads texts without labels: text files with a text per line, or CSV, TSV, JSONL, JSON and Parquet, whose columns are found
    /// as those of training data; questions also from SQuAD.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">What is looked for.</param>
    /// <param name="options">Settings; all deduced if null.</param>
    /// <param name="keepsBlank">True: a blank line of a text file is a blank text, so that texts and lines are as many.</param>
    /// <param name="cancellationToken">Looked at for each row.</param>
    /// <exception cref="InputException">There are faults, a column is missing or ambiguous, or there is no text.</exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    internal static ExampleSet<InputExample> Inputs(
        string path, InputKind kind, DataOptions? options = null, bool keepsBlank = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new DataOptions();
        DataFaults faults = new();
        List<string> statements = [];
        string ending = Path.GetExtension(path).ToLowerInvariant();
        if (ending == ".txt" && kind != InputKind.Questions)
        {
            List<InputExample> lines = [];
            foreach (TextLine line in TextLines.Read(path, options, faults))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (keepsBlank || !string.IsNullOrWhiteSpace(line.Text)) lines.Add(new InputExample(new DataPlace(path, line.Number), line.Text, null));
            }

            statements.Add($"{path}: a text per line");
            return Finish(path, lines, statements, faults, options);
        }

        if (ending == ".json" && kind == InputKind.Questions
            && TextLines.ReadBytes(path, options).AsSpan().TrimStart(" \t\r\n"u8).StartsWith("{"u8))
        {
            ExampleSet<QuestionExample> squad = Questions(path, options, cancellationToken);
            return new ExampleSet<InputExample>
            {
                Examples = [.. squad.Examples.Select(q => new InputExample(q.Place, q.Question, q.Context))],
                Statements = squad.Statements,
                Faults = squad.Faults,
            };
        }

        DataRows rows = DataRows.Open(path, options, faults, statements);
        (string first, string? second) = InputColumns(rows, kind, options);
        statements.Add(second is null ? $"{path}: the text is '{first}'" : $"{path}: the texts are '{first}' and '{second}'");
        List<InputExample> examples = ReadRows(rows, row =>
        {
            string? text = TextOf(row, first, faults), other = second is null ? null : TextOf(row, second, faults);
            return text is null || (second is not null && other is null) ? null : new InputExample(row.Place, text, other);
        }, cancellationToken);
        return Finish(path, examples, statements, faults, options);
    }

    private static (string First, string? Second) InputColumns(DataRows rows, InputKind kind, DataOptions options)
    {
        if (kind == InputKind.Questions)
            return (ColumnNames.Need(DataColumn.Question, rows, options), ColumnNames.Need(DataColumn.Context, rows, options));
        bool isNamed = options.Columns.ContainsKey(DataColumn.Text);
        if (kind == InputKind.Sources && !isNamed && ColumnNames.FindRewriting(rows, options) is { } both) return (both.Source, null);
        (string First, string Second)? pair = isNamed || kind == InputKind.Sources ? null : ColumnNames.FindPair(rows, options);
        string? text = options.Columns.ContainsKey(DataColumn.First) ? null : ColumnNames.Find(DataColumn.Text, rows, options);
        if (pair is { } two && text is not null)
            throw new InputException($"{rows.File}: both '{text}' and '{two.First}' with '{two.Second}' could be the text. Name the one "
                + $"(--columns, {nameof(DataOptions)}.{nameof(DataOptions.Columns)}, {DataColumn.Text}).");
        if (pair is { } found) return found;
        // One column can be nothing but the text.
        text ??= rows.Columns.Count == 1 ? rows.Columns[0] : null;
        return (text ?? ColumnNames.Need(DataColumn.Text, rows, options), null);
    }
}
